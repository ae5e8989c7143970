"""Secrets that are missing, or too weak to start with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from backoffice.domain.limits import MIN_PASSWORD
from backoffice.secret import Secret, weakness

KEY_MISSING: Final = (
    'APP_SECRET_KEY is missing: set it to the output of python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
)


def weak_secrets(keys: Sequence[Secret], password: Secret | None, *, required: bool) -> list[str]:
    """A line for each problem. `keys` sign, and there has to be one where it is `required`; `password`: of the first
    administrators."""
    found = []
    if required and not keys:
        found.append(KEY_MISSING)
    for place, key in enumerate(keys, 1):
        weak = weakness(key.reveal())
        if weak:
            which = f" (key {place} of {len(keys)})" if len(keys) > 1 else ""
            found.append(f"APP_SECRET_KEY{which} {weak}")
    if password and len(password.reveal()) < MIN_PASSWORD:
        found.append(f"BACKOFFICE_ADMIN_PASSWORD is too short (at least {MIN_PASSWORD} characters)")
    return found
