"""What has to hold before anything works on the store, and the worker, which needs no web.

The web application takes half of the time in which a process starts: the worker and the commands do not import it.
"""

from __future__ import annotations

import threading

from backoffice import __version__
from backoffice.composition import build_services, store_client
from backoffice.domain.migrations import newer_reason
from backoffice.errors import StoreFull, WeakPassword
from backoffice.logs import logger
from backoffice.settings import Settings, SettingsError
from backoffice.site_keys import site_keys_of
from backoffice.stores.backup.emptying import restore_under_way
from backoffice.stores.chunks.in_use import wrong_place_reason
from backoffice.stores.client import Client, Db
from backoffice.stores.durability import unsafe_reason
from backoffice.stores.encryption.state import unreadable_reason
from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.keys import Keys
from backoffice.stores.migrations import RedisMigrations
from backoffice.traces import start_tracing
from backoffice.worker.loop import Worker


def check_store(settings: Settings, client: Client) -> None:
    """Raises SettingsError when this server must not be used, has records of files whose bytes are elsewhere or cannot
    be read, or is being restored; Unavailable when it does not answer."""
    check_server(client)
    check_chunks(settings, client)
    check_restored(settings, client)


def check_restored(settings: Settings, client: Client) -> None:
    """Raises SettingsError when the store is being restored, or was and is not whole."""
    reason = restore_under_way(Db(client), Keys(settings.key_prefix))
    if reason:
        raise SettingsError([reason])


def check_server(client: Client) -> None:
    """Raises SettingsError when this server must not be used, Unavailable when it does not answer."""
    reason = unsafe_reason(Db(client))
    if reason:
        raise SettingsError([reason])


def check_chunks(settings: Settings, client: Client) -> None:
    """Raises SettingsError when the store has records of files whose bytes are elsewhere, or encrypted by keys that are
    not here; Unavailable when it does not answer."""
    db, keys = Db(client), Keys(settings.key_prefix)
    reason = wrong_place_reason(db, keys, settings.chunks.directory)
    reason = reason or unreadable_reason(db, keys, site_keys_of(settings))
    if reason:
        raise SettingsError([reason])


def check_form(settings: Settings, client: Client, *, migrating: bool = False) -> None:
    """Raises SettingsError where a later version has the store in a form that this one does not know, or where it has
    to be brought into ours first; `migrating`: which is what is about to be done."""
    migrations = RedisMigrations(Db(client), Keys(settings.key_prefix))
    reason = newer_reason(migrations.schema())
    if not reason and not migrating and migrations.schema():
        left = [str(one.migration.number) for one in migrations.states() if not one.done and not one.migration.online]
        if left:
            reason = f"The store is not in the form of this version: run `migrate` (migration {', '.join(left)})."
    if reason:
        raise SettingsError([reason])


def prepare_store(settings: Settings, client: Client) -> None:
    """For every start of a process that serves or works: refuse a server that must not be used, and note, once, that
    the store was set up.

    Raises SettingsError, and Unavailable when it does not answer. A full store is no reason not to start, for workers
    make room: there the note is left to the next start.
    """
    check_store(settings, client)
    check_form(settings, client)
    services = build_services(settings, client)
    try:
        services.system.install(__version__)
    except StoreFull as error:
        logger("backoffice.start").warning("installation not noted", because=error.code)
    # One that began meanwhile has seen that note, or is seen now.
    check_restored(settings, client)
    services.encryption.record_conversions()


def make_worker(settings: Settings, stop: threading.Event) -> Worker:
    """The background worker, with a client of its own."""
    start_tracing("worker")
    client = store_client(settings)
    db, keys = Db(client), Keys(settings.key_prefix)
    services = build_services(settings, client)
    return Worker(services, RedisHeartbeats(db, keys), stop=stop)


def first_admin_notice(settings: Settings) -> str:
    """Make sure that there is an administrator, and say how to sign in. Raises WeakPassword."""
    client = store_client(settings)
    prepare_store(settings, client)
    password = settings.admin_password.reveal() if settings.admin_password is not None else ""
    try:
        found = build_services(settings, client).users.ensure_first_admin(settings.admin_users, password)
    except WeakPassword as error:
        raise WeakPassword(f"BACKOFFICE_ADMIN_PASSWORD: {error}") from error
    if found is None:
        return f"Sign in at {settings.site_url}/login\n"
    username, secret = found
    return (
        f"Nobody administers this site yet. Choose a password for {username} within 60 minutes:\n"
        f"  {setup_link(settings, secret)}\n"
    )


def setup_link(settings: Settings, secret: str) -> str:
    """Where somebody chooses a password, outside of a request (`web.setup_link` makes it inside of one)."""
    return f"{settings.site_url}/setup/{secret}"
