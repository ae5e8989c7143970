"""The composition root: the only place that knows both the services and the stores, and joins them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from flask import Flask

from backoffice import __version__
from backoffice.domain.lifecycle import AccountPolicy
from backoffice.errors import StoreFull, Unavailable, WeakPassword
from backoffice.logs import logger
from backoffice.services.access import Access
from backoffice.services.archive import Archive
from backoffice.services.audit import Audit
from backoffice.services.blocks import Blocks
from backoffice.services.bulk import Bulk
from backoffice.services.consequences import Consequences
from backoffice.services.container import Services
from backoffice.services.effective import Effective
from backoffice.services.file_inspection import FileInspection
from backoffice.services.file_ports import ChunkStore
from backoffice.services.files import Files
from backoffice.services.holdings import Holdings
from backoffice.services.jobs import Jobs
from backoffice.services.leaving import Leaving
from backoffice.services.maintenance import Maintenance
from backoffice.services.roles import Roles
from backoffice.services.sessions import Sessions
from backoffice.services.sign_in.passwords import Passwords, StepAside
from backoffice.services.sign_in.trusted_devices import TrustedDevices
from backoffice.services.system import System
from backoffice.services.tokens import Tokens
from backoffice.services.uploads.completion import Completion
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users
from backoffice.services.views import Lists, Views
from backoffice.settings import Settings, SettingsError
from backoffice.stores.bounds import Bounds
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.in_use import wrong_place_reason
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Client, Db, connect
from backoffice.stores.durability import RedisDurability, RedisHealth, unsafe_reason
from backoffice.stores.files import RedisFiles
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.holdings import RedisHoldings
from backoffice.stores.identities import RedisIdentities
from backoffice.stores.installation import RedisInstallation
from backoffice.stores.intents import RedisIntents
from backoffice.stores.jobs import RedisJobs
from backoffice.stores.keys import Keys
from backoffice.stores.log.archive import RedisArchive
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.throttle import RedisThrottle
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.user_with_roles import RedisAccounts
from backoffice.stores.users import RedisUsers
from backoffice.stores.views import RedisListLooks, RedisViews
from backoffice.web import admin, api, pages
from backoffice.web.factory import make_app
from backoffice.web.pages import upload
from backoffice.worker.loop import Worker


def store_client(settings: Settings) -> Client:
    """A client of the store that the settings name; made after a fork, one for each process."""
    password = settings.redis_password.reveal() if settings.redis_password is not None else None
    url = settings.redis_url
    scheme, _, rest = url.partition("://")
    if password is not None and "+" in scheme:
        # Clients of several hosts take no second password: REDIS_PASSWORD is the one, as `store url` prints it.
        login, at, place = rest.rpartition("@")
        url = f"{scheme}://{login.partition(':')[0]}{at}{place}"
    return connect(url, password)


def limits(settings: Settings) -> UploadLimits:
    """What may be uploaded."""
    return UploadLimits(
        chunk_size=settings.chunk_size,
        max_chunk_size=settings.max_chunk_size,
        max_file_size=settings.max_file_size,
        max_chunks=settings.max_chunks,
        max_open=settings.max_open_uploads,
        upload_seconds=settings.upload_ttl,
        upload_max_seconds=settings.upload_max_age,
        trash_seconds=settings.trash_ttl,
        quota=settings.quota_bytes,
    )


def build_services(
    settings: Settings,
    client: Client,
    *,
    shebang: bool = True,
    passwords: Passwords | None = None,
    step_aside: StepAside = nullcontext,
) -> Services:
    """All services over one client. `shebang` and `passwords` are for tests: an imitation server does not know the
    first line of a script, and a cheaper hash makes many sign-ins quick. `step_aside`: see `Passwords`."""
    bounds = Bounds(settings.max_files, settings.max_acts)
    stores = _Stores(Db(client, shebang=shebang), Keys(settings.key_prefix), bounds)
    db, keys, users, audit = stores.db, stores.keys, stores.users, stores.audit
    passwords = passwords or Passwords(words=tuple(sorted(settings.served_hosts)), step_aside=step_aside)
    policy = AccountPolicy(settings.inactive_days)
    durability, health = RedisDurability(db, keys, settings.replicas), RedisHealth(db, _disk(settings))
    views = Views(store=RedisViews(db, keys), audit=audit)
    chunks = chunk_store(settings, db, keys, durability, health, step_aside)
    completion = Completion(stores.uploads, stores.files, chunks, stores.intents, durability, settings.trash_ttl)
    people, sessions = _users(stores, passwords, policy), _sessions(stores, settings, passwords, policy)
    files = Files(stores.files, stores.uploads, chunks, users, audit, settings.quota_bytes, settings.trash_ttl)
    uploads = Uploads(stores.uploads, stores.files, chunks, audit, completion, health, limits(settings))
    tokens = Tokens(
        store=stores.tokens, accounts=stores.accounts, identities=stores.identities, audit=audit, policy=policy
    )
    bulk = Bulk(files, uploads, people, sessions)
    jobs = Jobs(store=RedisJobs(db, keys), accounts=stores.accounts, bulk=bulk, audit=audit)
    return Services(
        users=people,
        roles=Roles(store=stores.roles, audit=audit),
        sessions=sessions,
        tokens=tokens,
        views=views,
        lists=Lists(store=RedisListLooks(db, keys), views=views),
        audit=Audit(audit),
        archive=Archive(RedisArchive(db, keys), audit),
        files=files,
        inspection=FileInspection(stores.files, stores.uploads, chunks, audit),
        uploads=uploads,
        jobs=jobs,
        leaving=Leaving(people, sessions, tokens, files, uploads, jobs, stores.accounts, audit),
        access=_access(stores),
        consequences=_consequences(stores),
        effective=_effective(settings, stores),
        holdings=_holdings(stores, policy),
        blocks=Blocks(tables=stores.throttle, users=users, audit=audit),
        system=System(health, durability, chunks, audit, RedisHeartbeats(db, keys), RedisInstallation(db, keys)),
        identities=stores.identities,
        maintenance=Maintenance(Fsck(db, keys, chunks), audit, LongIndexes(db, keys)),
        together=db.together,
    )


def _users(stores: _Stores, passwords: Passwords, policy: AccountPolicy) -> Users:
    return Users(
        store=stores.users,
        accounts=stores.accounts,
        roles=stores.roles,
        tokens=stores.tokens,
        audit=stores.audit,
        throttle=stores.throttle,
        passwords=passwords,
        policy=policy,
    )


def _sessions(stores: _Stores, settings: Settings, passwords: Passwords, policy: AccountPolicy) -> Sessions:
    return Sessions(
        stores.sessions,
        stores.users,
        stores.accounts,
        stores.audit,
        stores.throttle,
        passwords,
        TrustedDevices(tuple(key.reveal().encode() for key in settings.secret_keys)),
        stores.identities,
        idle_ms=settings.session_idle * 1000,
        max_ms=settings.session_max * 1000,
        policy=policy,
    )


def _access(stores: _Stores) -> Access:
    return Access(
        stores.accounts, stores.users, stores.roles, stores.tokens, stores.files, stores.audit, stores.db.together
    )


def _effective(settings: Settings, stores: _Stores) -> Effective:
    return Effective(
        stores.users,
        stores.audit,
        limits(settings),
        session_idle_seconds=settings.session_idle,
        session_max_seconds=settings.session_max,
        max_files=settings.max_files,
    )


def _consequences(stores: _Stores) -> Consequences:
    return Consequences(
        users=stores.users,
        files=stores.files,
        uploads=stores.uploads,
        sessions=stores.sessions,
        tokens=stores.tokens,
        audit=stores.audit,
        together=stores.db.together,
    )


def _holdings(stores: _Stores, policy: AccountPolicy) -> Holdings:
    return Holdings(
        store=RedisHoldings(stores.db, stores.keys),
        accounts=stores.accounts,
        sessions=stores.sessions,
        tokens=stores.tokens,
        audit=stores.audit,
        policy=policy,
    )


class _Stores:
    """The stores of the control plane, over one connection."""

    def __init__(self, db: Db, keys: Keys, bounds: Bounds) -> None:
        self.db, self.keys = db, keys
        self.users, self.roles = RedisUsers(db, keys), RedisRoles(db, keys)
        self.tokens, self.sessions = RedisTokens(db, keys), RedisSessions(db, keys)
        self.audit, self.throttle = RedisAudit(db, keys, bounds), RedisThrottle(db, keys)
        self.accounts = RedisAccounts(db, keys, self.users, self.roles)
        self.identities = RedisIdentities(db, keys, self.users, self.roles, self.tokens, self.sessions)
        self.files = RedisFiles(db, keys, bounds)
        self.uploads, self.intents = RedisUploads(db, keys, self.files), RedisIntents(db, keys)


def chunk_store(
    settings: Settings,
    db: Db,
    keys: Keys,
    durability: RedisDurability,
    health: RedisHealth,
    step_aside: StepAside = nullcontext,
) -> ChunkStore:
    """The back end that BACKOFFICE_CHUNKS names."""
    directory = settings.chunks.directory
    if directory is not None:
        return FileChunks(Disk(directory))
    return RedisChunks(db, keys, durability, health, step_aside)


def _disk(settings: Settings) -> Path | None:
    """Where the store's data is, when it is the embedded one."""
    return settings.data_dir if settings.redis_url.startswith("unix:") and settings.data_dir.is_dir() else None


def check_store(settings: Settings, client: Client) -> None:
    """Raises SettingsError when this server must not be used, or has records of files whose bytes are elsewhere;
    Unavailable when it does not answer."""
    reason = unsafe_reason(Db(client))
    if reason:
        raise SettingsError([reason])
    check_chunks(settings, client)


def check_chunks(settings: Settings, client: Client) -> None:
    """Raises SettingsError when the store has records of files whose bytes are elsewhere, Unavailable when it does not
    answer."""
    reason = wrong_place_reason(Db(client), Keys(settings.key_prefix), settings.chunks.directory)
    if reason:
        raise SettingsError([reason])


def prepare_store(settings: Settings, client: Client) -> None:
    """For every start of a process that serves or works: refuse a server that must not be used, and note, once, that
    the store was set up.

    Raises SettingsError, and Unavailable when it does not answer. A full store is no reason not to start, for workers
    make room: there the note is left to the next start.
    """
    check_store(settings, client)
    try:
        build_services(settings, client).system.install(__version__)
    except StoreFull as error:
        logger("backoffice.start").warning("installation not noted", because=error.code)


def create_app(settings: Settings, step_aside: StepAside = nullcontext) -> Flask:
    """The web application, with a client of its own. Raises SettingsError as `check_store`; a store that is away is
    checked when it is back, before anything else is asked of it. `step_aside`: see `Passwords`."""
    client = store_client(settings)
    check = None
    try:
        check_store(settings, client)
    except Unavailable:
        check = partial(check_store, settings, client)
    services = build_services(settings, client, step_aside=step_aside)
    return make_web(services, settings, check)


def make_web(services: Services, settings: Settings, check: Callable[[], None] | None = None) -> Flask:
    """The web application over given services. `check`: see `make_app`."""

    def site(app: Flask) -> None:
        pages.register(app, upload.register)

    return make_app(services, settings, [site, api.register, admin.register], check)


def make_worker(settings: Settings, stop: threading.Event) -> Worker:
    """The background worker, with a client of its own."""
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
