"""The composition root: joins stores and services, and nothing else does."""

from __future__ import annotations

from contextlib import nullcontext

from backoffice.composition_stores import Stores
from backoffice.domain.lifecycle import AccountPolicy
from backoffice.domain.link_rules import LinkPolicy
from backoffice.services.access import Access
from backoffice.services.archive import Archive
from backoffice.services.audit import Audit
from backoffice.services.backup_check import backup_kind
from backoffice.services.backup_schedule import BackupSchedule
from backoffice.services.backups import Backups
from backoffice.services.belongings import Belongings
from backoffice.services.blocks import Blocks
from backoffice.services.bulk import Bulk
from backoffice.services.checks import Checks
from backoffice.services.consequences import Consequences
from backoffice.services.container import Services
from backoffice.services.deliveries import Deliveries
from backoffice.services.effective import Effective
from backoffice.services.encryption import EncryptionCare
from backoffice.services.encryption_check import encryption_kind
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.guest_codes import GuestCodes
from backoffice.services.guests import Guests
from backoffice.services.jobs import Jobs
from backoffice.services.leaving import Leaving
from backoffice.services.link_requests import Requests
from backoffice.services.links import Links
from backoffice.services.maintenance import Maintenance
from backoffice.services.migrations import Migrations
from backoffice.services.roles import Roles
from backoffice.services.sessions import Sessions
from backoffice.services.shared_files import SharedFiles
from backoffice.services.sign_in.passwords import Passwords, StepAside
from backoffice.services.sign_in.trusted_devices import TrustedDevices
from backoffice.services.system import System
from backoffice.services.tokens import Tokens
from backoffice.services.undo import make_undo
from backoffice.services.undo_records import UndoRecords
from backoffice.services.uploads.completion import Completion
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.secrets import UploadSecrets
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users
from backoffice.services.views import Lists, Views
from backoffice.settings import Settings
from backoffice.stores.backup.store import RedisBackups
from backoffice.stores.client import Client, Db, connect
from backoffice.stores.delivered_files import RedisDeliveries
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.installation import RedisInstallation
from backoffice.stores.jobs import RedisJobs
from backoffice.stores.log.archive import RedisArchive
from backoffice.stores.migrations import RedisMigrations
from backoffice.stores.numbers import RedisNumbers
from backoffice.stores.views import RedisListLooks, RedisViews


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
        keep_versions=settings.keep_versions,
    )


def link_policy(settings: Settings) -> LinkPolicy:
    """What the site demands of share links."""
    return LinkPolicy(settings.link_days, settings.max_link_days, bool(settings.link_password))


def build_services(
    settings: Settings,
    client: Client,
    *,
    shebang: bool = True,
    passwords: Passwords | None = None,
    step_aside: StepAside = nullcontext,
) -> Services:
    """All services over one client. `shebang`, `passwords`: for tests, on an imitation and with a cheaper hash."""
    stores = Stores(settings, Db(client, shebang=shebang), step_aside)
    people, roles, sessions, tokens = _people(stores, settings, passwords, step_aside)
    shared, links = _files(stores, settings, people)
    system, jobs, schedule = _whole(stores, settings, _bulk(stores, people, sessions, tokens, shared, links))
    return Services(
        users=people,
        roles=roles,
        sessions=sessions,
        tokens=tokens,
        links=links,
        guests=_guests(stores, settings, shared.folders, shared.all_uploads, links),
        shared=shared,
        views=_views(stores),
        lists=Lists(store=RedisListLooks(stores.db, stores.keys), views=_views(stores)),
        audit=Audit(stores.audit),
        backup_schedule=schedule,
        files=shared.files,
        upload_secrets=_upload_secrets(stores, settings),
        jobs=jobs,
        leaving=_leaving(stores, settings, people, sessions, tokens, jobs),
        undo=make_undo(UndoRecords(shared.files, shared.folders, people, roles, _views(stores), stores.audit), jobs),
        access=_access(stores),
        consequences=_consequences(stores, settings),
        effective=_effective(settings, stores),
        blocks=Blocks(tables=stores.throttle, users=stores.users, audit=stores.audit),
        system=system,
        identities=stores.identities,
        migrations=_migrations(stores),
        encryption=_encryption(stores),
        together=stores.db.together,
    )


def _people(
    stores: Stores, settings: Settings, given: Passwords | None, step_aside: StepAside
) -> tuple[Users, Roles, Sessions, Tokens]:
    passwords = given or Passwords(words=tuple(sorted(settings.served_hosts)), step_aside=step_aside)
    policy = AccountPolicy(settings.inactive_days)
    users, roles = _users(stores, passwords, policy), Roles(store=stores.roles, audit=stores.audit)
    return users, roles, _sessions(stores, settings, passwords, policy), _tokens(stores, policy)


def _files(stores: Stores, settings: Settings, people: Users) -> tuple[SharedFiles, Links]:
    chunks, audit, trash = stores.chunks, stores.audit, settings.trash_ttl
    completion = Completion(stores.uploads, stores.files, chunks, stores.intents, stores.durability)
    files = Files(stores.files, stores.uploads, chunks, stores.users, audit, settings.quota_bytes, trash)
    folders = Folders(store=stores.folders, audit=audit, files=stores.files, chunks=chunks, trash_seconds=trash)
    uploads = Uploads(stores.uploads, stores.files, chunks, audit, completion, stores.health, limits(settings))
    shared = SharedFiles.of(stores.shares, people, files, folders, uploads)
    return shared, Links.of(stores.links, people, shared.zips, link_policy(settings))


def _guests(stores: Stores, settings: Settings, folders: Folders, uploads: Uploads, links: Links) -> Guests:
    return Guests(Requests.of(links, folders), uploads, _deliveries(stores), GuestCodes(_secret_keys(settings)))


def _deliveries(stores: Stores) -> Deliveries:
    files = RedisDeliveries(stores.db, stores.keys, stores.bounds)
    return Deliveries(files, stores.links, stores.chunks, stores.audit)


def _bulk(stores: Stores, people: Users, sessions: Sessions, tokens: Tokens, shared: SharedFiles, links: Links) -> Bulk:
    files, uploads = shared.files, shared.all_uploads
    return Bulk(files, uploads, people, sessions, tokens, links, shared.shares, _deliveries(stores))


def _leaving(
    stores: Stores, settings: Settings, people: Users, sessions: Sessions, tokens: Tokens, jobs: Jobs
) -> Leaving:
    consequences = _consequences(stores, settings)
    return Leaving(people, sessions, tokens, jobs, consequences, stores.accounts, stores.audit)


def _users(stores: Stores, passwords: Passwords, policy: AccountPolicy) -> Users:
    return Users(
        store=stores.users,
        accounts=stores.accounts,
        roles=stores.roles,
        belongings=Belongings(stores.tokens, stores.links, stores.folders, stores.shares),
        audit=stores.audit,
        throttle=stores.throttle,
        passwords=passwords,
        policy=policy,
    )


def _sessions(stores: Stores, settings: Settings, passwords: Passwords, policy: AccountPolicy) -> Sessions:
    return Sessions(
        stores.sessions,
        stores.users,
        stores.accounts,
        stores.audit,
        stores.throttle,
        passwords,
        TrustedDevices(_secret_keys(settings)),
        stores.identities,
        idle_ms=settings.session_idle * 1000,
        max_ms=settings.session_max * 1000,
        policy=policy,
    )


def _tokens(stores: Stores, policy: AccountPolicy) -> Tokens:
    return Tokens(
        store=stores.tokens, accounts=stores.accounts, identities=stores.identities, audit=stores.audit, policy=policy
    )


def _secret_keys(settings: Settings) -> tuple[bytes, ...]:
    return tuple(key.reveal().encode() for key in settings.secret_keys)


def _upload_secrets(stores: Stores, settings: Settings) -> UploadSecrets:
    keys, policy = _secret_keys(settings), AccountPolicy(settings.inactive_days)
    return UploadSecrets(stores.accounts, stores.identities, stores.audit, stores.throttle, keys, policy)


def _whole(stores: Stores, settings: Settings, bulk: Bulk) -> tuple[System, Jobs, BackupSchedule]:
    """What is about the store as a whole, and about many records."""
    db, keys, chunks, audit = stores.db, stores.keys, stores.chunks, stores.audit
    about = (stores.health, stores.durability, chunks, audit, RedisHeartbeats(db, keys), RedisInstallation(db, keys))
    system = System(*about, RedisNumbers(db, keys), db.together, encryption=stores.encryption_state)
    maintenance = Maintenance(Fsck(db, keys, chunks, bounds=stores.bounds), audit, LongIndexes(db, keys))
    schedule = _backups(stores, settings, maintenance)
    kinds = [backup_kind(schedule)] if schedule.directory is not None else []
    kinds += [encryption_kind(_encryption(stores))] if stores.encrypts and not settings.encrypted_only else []
    checks = Checks.of(maintenance, system, schedule, kinds)
    jobs = Jobs(store=RedisJobs(db, keys), accounts=stores.accounts, bulk=bulk, checks=checks, audit=audit)
    return system, jobs, schedule


def _backups(stores: Stores, settings: Settings, maintenance: Maintenance) -> BackupSchedule:
    db, keys, audit = stores.db, stores.keys, stores.audit
    store = RedisBackups(db, keys, stores.raw_chunks, stores.chunk_files, stores.bounds.default_quota)
    key = settings.backup_key.reveal() if settings.backup_key is not None else ""
    return BackupSchedule(
        Backups(store, audit, Archive(RedisArchive(db, keys), audit), maintenance, stores.durability, stores.encrypts),
        settings.backup_dir,
        key,
        hours=settings.backup_hours,
        keep=settings.backup_keep,
        full=settings.backup_full,
        prove=settings.backup_prove,
    )


def _migrations(stores: Stores) -> Migrations:
    db, keys = stores.db, stores.keys
    found = RedisMigrations(db, keys, quota=stores.bounds.default_quota)
    return Migrations(found, stores.audit, RedisHeartbeats(db, keys))


def _encryption(stores: Stores) -> EncryptionCare:
    return EncryptionCare(stores.encryption, stores.audit, stores.directory_keys)


def _views(stores: Stores) -> Views:
    return Views(store=RedisViews(stores.db, stores.keys), audit=stores.audit)


def _access(stores: Stores) -> Access:
    return Access(
        stores.accounts, stores.users, stores.roles, stores.tokens, stores.files, stores.audit, stores.db.together
    )


def _effective(settings: Settings, stores: Stores) -> Effective:
    return Effective(
        stores.accounts,
        stores.audit,
        limits(settings),
        session_idle_seconds=settings.session_idle,
        session_max_seconds=settings.session_max,
        max_files=settings.max_files,
        policy=AccountPolicy(settings.inactive_days),
        link_policy=link_policy(settings),
    )


def _consequences(stores: Stores, settings: Settings) -> Consequences:
    return Consequences(
        accounts=stores.accounts,
        users=stores.users,
        files=stores.files,
        uploads=stores.uploads,
        sessions=stores.sessions,
        tokens=stores.tokens,
        links=stores.links,
        shares=stores.shares,
        audit=stores.audit,
        together=stores.db.together,
        policy=AccountPolicy(settings.inactive_days),
    )
