"""The settings a command runs with: from the environment and `.env`, and from what `up` is running here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from backoffice.embedded.data_dir import Layout, keep_secret
from backoffice.embedded.discovery import attach
from backoffice.settings import KEY_MISSING, Settings, SettingsError

DOTENV: Final = Path(".env")


def load(overrides: Mapping[str, str | None] | None = None) -> Settings:
    """For a command that works on the store: finds the running one when REDIS_URL does not name one.

    Raises SettingsError or NotRunning.
    """
    return attach(Settings.from_env(environ(overrides), DOTENV, need_secret=False))


def load_to_serve(overrides: Mapping[str, str | None] | None = None, *, listens: bool = False) -> Settings:
    """For `serve` and `worker`, which sign and verify: there must be a key. `listens`: host and port are its own, also
    where a site runs here that has others.

    In development one is kept in the data directory; in production the operator, or `up`, gives it.
    """
    settings = Settings.from_env(environ(overrides), DOTENV, need_secret=False)
    if not settings.secret_keys and not settings.production:
        layout = Layout.at(settings.data_dir)
        layout.prepare()
        keep_secret(layout.secret)
    own, settings = settings, attach(settings)
    if listens:
        settings = replace(settings, host=own.host, port=own.port)
    if not settings.secret_keys:
        raise SettingsError([KEY_MISSING])
    return settings


def environ(overrides: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The environment with what was given on the command line in place of the settings of that name."""
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    hidden = {f"{name}_FILE" for name in given}
    return {name: value for name, value in os.environ.items() if name not in hidden} | given


def address(settings: Settings, *, with_password: bool) -> str:
    """The store's address with REDIS_PASSWORD put in, or without any secret."""
    parts = urlsplit(settings.redis_url)
    credentials, _, place = parts.netloc.rpartition("@")
    user, _, _ = credentials.partition(":")
    if not with_password:
        credentials = user
        parts = parts._replace(query="")  # options may hold the password of a key
    elif settings.redis_password is not None:
        credentials = f"{user}:{quote(settings.redis_password.reveal(), safe='')}"
    whole = urlunsplit(parts._replace(netloc=f"{credentials}@{place}" if credentials else place))
    # urlunsplit writes `unix:/path` or `unix:///path` depending on the Python; tools know the latter.
    return whole.replace("unix:/", "unix:///", 1) if whole.startswith("unix:/") and whole[6:7] != "/" else whole
