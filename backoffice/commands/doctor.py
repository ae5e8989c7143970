"""`doctor`: is this installation sound, and if not, what to do about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import click

from backoffice.commands.cli_context import shell_actor
from backoffice.commands.cli_settings import DOTENV, environ, load
from backoffice.commands.naming_store import naming_store
from backoffice.composition import build_services, store_client
from backoffice.domain import diagnosis
from backoffice.domain.diagnosis import Finding, Verdict
from backoffice.domain.durability import weaker
from backoffice.domain.system import SCHEMA
from backoffice.embedded import append_only_log
from backoffice.embedded.at_rest import ELSEWHERE, is_locked, plain_reason
from backoffice.embedded.data_dir import DataDirectoryError, Layout
from backoffice.embedded.discovery import NotRunning, find, socket_url
from backoffice.embedded.disk import free_bytes, shortage
from backoffice.embedded.listen import is_ready
from backoffice.errors import BackofficeError
from backoffice.settings import Durability, Settings, SettingsError
from backoffice.site_keys import site_keys_of
from backoffice.stores.backup.emptying import restore_under_way
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.in_use import wrong_place_reason
from backoffice.stores.client import Db, store_errors
from backoffice.stores.cluster_state import cluster_state
from backoffice.stores.durability import RedisDurability, server_info, unsafe_reason
from backoffice.stores.encryption.state import unreadable_reason
from backoffice.stores.fsck.looks import lookalikes, looks_are_known
from backoffice.stores.keys import Keys
from backoffice.stores.migrations import RedisMigrations
from backoffice.stores.sentinels import watched_by_sentinels
from backoffice.units import filesize

_SHORT_OF_DISK: Final = 2 * 1024**3

_COLOURS: Final = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}


@click.command("doctor")
def command() -> int:
    """Check settings, store, durability, replicas, encryption, memory, disk, clock, workers, user names, proxy and
    site. Status 1 when there is a problem."""
    sound = True
    for finding in examine():
        click.echo(
            click.style(f"{finding.verdict:8}", fg=_COLOURS[finding.verdict]) + f"{finding.topic}: {finding.text}"
        )
        sound = sound and finding.verdict is not Verdict.BAD
    return 0 if sound else 1


def examine() -> Iterator[Finding]:
    try:
        settings = load()
    except SettingsError as error:
        for problem in error.problems:
            yield Finding(Verdict.BAD, "settings", problem)
        return
    except (NotRunning, DataDirectoryError) as error:
        yield Finding(Verdict.BAD, "store", str(error))
        yield from _log()
        return
    yield Finding(Verdict.GOOD, "settings", f"{settings.environment}, data in {Layout.at(settings.data_dir).root}")
    for check in (_signing, _proxy, _disk, _data, _store, _site):
        yield from check(settings)


def _log() -> Iterator[Finding]:
    """What `up` would say of the data directory, when nothing runs there."""
    settings = Settings.from_env(environ(), DOTENV, need_secret=False)
    layout = Layout.at(settings.data_dir)
    try:
        if is_locked(layout):
            yield Finding(
                Verdict.GOOD,
                "encryption",
                "names and records by the file system; its key is not there while nothing runs",
            )
            return
        lost = append_only_log.refusal(layout, durable=settings.durability is not Durability.MEMORY)
    except DataDirectoryError as error:
        lost = str(error)
    except OSError as error:
        lost = f"{error.filename}: {error.strerror}"
    if lost:
        yield Finding(Verdict.BAD, "data", lost)


def _signing(settings: Settings) -> Iterator[Finding]:
    count = len(settings.secret_keys)
    if not count:
        yield Finding(Verdict.BAD, "signing key", "APP_SECRET_KEY is not set: `serve` and `worker` will not start")
    else:
        yield Finding(
            Verdict.GOOD, "signing key", "one key" if count == 1 else f"{count} keys: the first signs, all verify"
        )


def _proxy(settings: Settings) -> Iterator[Finding]:
    secure = settings.public_url.startswith("https:")
    proxies = settings.trusted_proxies
    if secure and not proxies:
        yield Finding(
            Verdict.WARNING,
            "proxy",
            "the public address is https, yet no proxy is trusted: client addresses in the audit log will be the"
            " proxy's. Set BACKOFFICE_TRUSTED_PROXIES to the number of proxies in front",
        )
    elif proxies and not settings.public_url:
        yield Finding(
            Verdict.WARNING,
            "proxy",
            "proxies are trusted, yet BACKOFFICE_PUBLIC_URL is empty: set-up and share links need it",
        )
    elif not settings.public_url and settings.host not in {"127.0.0.1", "::1", "localhost"}:
        yield Finding(
            Verdict.WARNING,
            "proxy",
            f"listens on {settings.host} without TLS: passwords pass in the clear. Put a TLS proxy in front",
        )
    else:
        yield Finding(Verdict.GOOD, "proxy", settings.public_url or "none; this machine only")


def _disk(settings: Settings) -> Iterator[Finding]:
    root = Layout.at(settings.data_dir).root
    if not root.is_dir():
        return
    free = free_bytes(root)
    text = f"{filesize(free)} free for {root}"
    if short := shortage(root):
        yield Finding(Verdict.BAD, "disk", f"{short} Free some, or move BACKOFFICE_DATA_DIR")
    elif free < _SHORT_OF_DISK:
        yield Finding(Verdict.WARNING, "disk", f"{text}: soon uploads are refused. Free some, or move the data")
    else:
        yield Finding(Verdict.GOOD, "disk", text)


def _data(settings: Settings) -> Iterator[Finding]:
    """Whether what the embedded store writes is encrypted, asked of the file system."""
    layout = Layout.at(settings.data_dir)
    running = find(layout)
    own = running is not None and running.socket and settings.redis_url == socket_url(running.socket)
    try:
        reason = plain_reason(layout) if own else ELSEWHERE
    except (DataDirectoryError, OSError) as error:
        reason = str(error)
    if own or settings.encrypt_data:
        yield diagnosis.encrypted_directory(bool(settings.encrypt_data), reason)


def _store(settings: Settings) -> Iterator[Finding]:
    try:
        with naming_store(settings):
            db = Db(store_client(settings))
            info = server_info(db)
        name = info.get("server_name", "redis")
        version = info.get("valkey_version") or info.get("redis_version")
        yield diagnosis.server(str(name), str(version))
        yield diagnosis.writing({key: str(value) for key, value in info.items()})
        if reason := restore_under_way(db, Keys(settings.key_prefix)):
            yield Finding(Verdict.BAD, "restore", reason)
        for check in _CHECKS:
            yield check(db, settings)
        yield from _hosts(db)
        yield from _backups(db, settings)
    except SettingsError as error:
        yield Finding(Verdict.BAD, "store", error.problems[0])
    except BackofficeError as error:
        yield Finding(Verdict.BAD, "store", str(error))


def _policy(db: Db, _settings: Settings) -> Finding:
    return diagnosis.eviction(unsafe_reason(db))


def _schema(db: Db, settings: Settings) -> Finding:
    stored = RedisMigrations(db, Keys(settings.key_prefix)).schema()
    return diagnosis.schema(stored or None, SCHEMA)


def _bytes(db: Db, settings: Settings) -> Finding:
    directory = settings.chunks.directory
    reason = wrong_place_reason(db, Keys(settings.key_prefix), directory)
    if reason:
        return Finding(Verdict.BAD, "bytes", reason)
    if directory is not None and not FileChunks(Disk(directory)).room():
        return Finding(Verdict.BAD, "bytes", f"the disk of {directory} is full: uploads are refused. Free some")
    return Finding(Verdict.GOOD, "bytes", "in the store" if directory is None else f"in {directory}")


def _encryption(db: Db, settings: Settings) -> Finding:
    keys = len(settings.encryption_keys) + (settings.kms_command is not None)
    reason = unreadable_reason(db, Keys(settings.key_prefix), site_keys_of(settings))
    return diagnosis.encryption(reason, keys, only=bool(settings.encrypted_only))


def _replicas(db: Db, settings: Settings) -> Finding:
    return diagnosis.replicas(server_info(db), settings.replicas)


def _durability(db: Db, settings: Settings) -> Finding:
    level = RedisDurability(db, Keys(settings.key_prefix), settings.replicas).level
    if settings.chunks.directory is not None:
        level = weaker(level, FileChunks(Disk(settings.chunks.directory)).level)
    return diagnosis.durability(level)


def _memory(db: Db, _settings: Settings) -> Finding:
    info = server_info(db)
    return diagnosis.memory(int(info.get("used_memory", 0)), int(info.get("maxmemory", 0)))


def _clock(db: Db, _settings: Settings) -> Finding:
    before = time.time()
    seconds, micros = db.call("TIME")
    return diagnosis.clock(float(seconds) + float(micros) / 1e6 - (before + time.time()) / 2)


def _workers(db: Db, settings: Settings) -> Finding:
    return diagnosis.workers(build_services(settings, db.client).system.workers(shell_actor()))


def _hosts(db: Db) -> Iterator[Finding]:
    """Whether another host may be lost, where the store has several."""
    with store_errors():
        if found := watched_by_sentinels(db.client):
            yield diagnosis.sentinels(found.sentinels, found.silent, found.quorum, found.primary, found.down)
        if state := cluster_state(db.client):
            yield diagnosis.cluster(len(state.primaries), state.alone, state.failed, state.unserved)


def _backups(db: Db, settings: Settings) -> Iterator[Finding]:
    schedule = build_services(settings, db.client).backup_schedule
    yield from diagnosis.backups(schedule.backups.notes(shell_actor()), schedule.now(), schedule.every)


def _names(db: Db, settings: Settings) -> Finding:
    keys = Keys(settings.key_prefix)
    if not looks_are_known(db, keys):
        text = (
            "how those of an earlier version look is not known yet, and new ones may look alike. A worker sees to that"
        )
        return Finding(Verdict.WARNING, "user names", text)
    if alike := lookalikes(db, keys):
        text = f"{alike} of an earlier version look like another's: `fsck` names them. Rename one of each two"
        return Finding(Verdict.WARNING, "user names", text)
    return Finding(Verdict.GOOD, "user names", "no two look alike")


def _administrators(db: Db, settings: Settings) -> Finding:
    if build_services(settings, db.client).users.store.count_admins():
        return Finding(Verdict.GOOD, "administrators", "somebody can sign in and administer this site")
    text = "there is none: `worker --notice`, or `up`, prints how to sign in the first time"
    return Finding(Verdict.WARNING, "administrators", text)


_CHECKS: Final = (
    *(_policy, _schema, _bytes, _encryption, _durability, _replicas, _memory, _clock, _workers, _names),
    _administrators,
)


def _site(settings: Settings) -> Iterator[Finding]:
    running = find(Layout.at(settings.data_dir))
    if running is None:
        return
    ready, why = is_ready(running.url, "it does not answer")
    if ready:
        yield Finding(Verdict.GOOD, "site", f"{running.url} is ready")
    else:
        yield Finding(Verdict.BAD, "site", f"{running.url}: {why}. Look at what `up` says")
