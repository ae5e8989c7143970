"""Every store has the methods of its port, with the same signatures."""

from __future__ import annotations

import inspect
import typing

import pytest

from backoffice.services import (
    backup_ports,
    chunk_ports,
    file_ports,
    folder_ports,
    intent_ports,
    log_ports,
    number_ports,
    ports,
)
from backoffice.stores.backup.store import RedisBackups
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.identities import RedisIdentities
from backoffice.stores.installation import RedisInstallation
from backoffice.stores.intents import RedisIntents
from backoffice.stores.links import RedisLinks
from backoffice.stores.log.archive import RedisArchive
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.numbers import RedisNumbers
from backoffice.stores.records.store import RedisRecords
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.shares import RedisShares
from backoffice.stores.throttle import RedisThrottle
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.user_with_roles import RedisAccounts
from backoffice.stores.users import RedisUsers
from backoffice.stores.views import RedisListLooks, RedisViews

PAIRS: list[tuple[type, type]] = [
    (ports.RecordStore, RedisRecords),
    (ports.UserStore, RedisUsers),
    (ports.AccountStore, RedisAccounts),
    (ports.ThrottleTables, RedisThrottle),
    (ports.IdentityStore, RedisIdentities),
    (ports.RoleStore, RedisRoles),
    (ports.SessionStore, RedisSessions),
    (ports.TokenStore, RedisTokens),
    (ports.ViewStore, RedisViews),
    (ports.LinkStore, RedisLinks),
    (ports.ShareStore, RedisShares),
    (folder_ports.FolderStore, RedisFolders),
    (ports.ListLooks, RedisListLooks),
    (log_ports.AuditLog, RedisAudit),
    (log_ports.LogArchive, RedisArchive),
    (log_ports.LogSegments, LongIndexes),
    (ports.Throttle, RedisThrottle),
    (backup_ports.BackupStore, RedisBackups),
    (chunk_ports.ChunkStore, RedisChunks),
    (chunk_ports.ChunkStore, FileChunks),
    (intent_ports.IntentStore, RedisIntents),
    (file_ports.UploadStore, RedisUploads),
    (file_ports.FileStore, RedisFiles),
    (ports.Durability, RedisDurability),
    (ports.Heartbeats, RedisHeartbeats),
    (number_ports.NumberStore, RedisNumbers),
    (ports.InstallationStore, RedisInstallation),
    (ports.StoreHealth, RedisHealth),
    (ports.StoreCheck, Fsck),
]
READERS = {
    "as_read",
    "get",
    "get_many",
    "get_with_map",
    "of_upload",
    "versions",
    "named",
    "page_in",
    "find",
    "find_invite",
    "page",
    "has_name",
    "has_name_anywhere",
    "have_names",
    "ids_named",
    "count_admins",
    "holders",
    "counts",
    "counted_refusals",
    "counted_reads",
    "trimmed",
    "read",
    "state",
    "remembered",
    "within_commit",
    "load",
    "load_with_versions",
    "load_many",
    "all",
    "counted",
    "of",
    "for_section",
    "of_user",
    "wait",
    "stream",
    "stat",
    "stat_many",
    "new_id",
    "scan",
    "extent",
    "chunk_map",
    "part_of_map",
    "carry",
    "from_commit",
    "keep_within_commit",
    "due",
    "moving",
    "page_alone",
    "stays",
    "below",
    "within",
    "free_name",
    "ends_noted_by",
    "aborted",
    "mime_types",
    "unmoved",
    "usage",
    "versions_held",
    "count_waiting",
    "purged",
    "undigested",
    "ping",
    "room",
    "info",
    "barrier",
    "check",
    "alive",
    "of_token",
    "of_session",
    "confirm",
    "compare",
    "under_way",
    "archives",
    "notes",
}
WRITES_EVENTS = {
    # Many acts, which it finds itself: it takes who does them.
    "repair",
    "steps",
    "index_looks",
}
WITH_EVENTS = {
    # Many acts at once, each with its event.
    "follow": "changes",
}
NOT_ACTS = {
    # Data and housekeeping, described as such in the ports; everything else that changes something is an act.
    "touch",
    "adopt",
    "number",
    "refence",
    "note_ends",
    "ends_are_noted",
    "note_use",
    "begin_request",
    "sweep",
    "cut_some",
    "attempt",
    "succeed",
    "put",
    "put_ahead",
    "take",
    "give_up",
    "keep",
    "hold",
    "delete",
    "mark",
    "store_chunk",
    "begin_append",
    "declare_size",
    "renew",
    "move",
    "append",
    "settle_tail",
    "settle",
    "unmark",
    "lease",
    "extend",
    "release",
    "forget",
    "beat",
    "place",
    # Cuts indexes of the log into segments: the same entries in other keys.
    "step",
    # Carries out what `begin_trim` has recorded.
    "finish_trim",
    # A backup that is whole has its entry (`note_made`), and a restore when all is there.
    "begin",
    "restore",
    "note_failed",
}


def methods(port: type) -> dict[str, typing.Any]:
    return {name: method for name, method in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")}


def shape(method: typing.Any) -> list[tuple[str, object, object]]:
    """Its parameters, without their types."""
    return [(one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()]


def plain_hints(method: typing.Any, store: type) -> dict[str, str]:
    """The types of its parameters, with the noun's record where a generic method says `R`."""
    record = str(getattr(store, "record", "~R"))
    return {name: str(hint).replace("~R", record) for name, hint in typing.get_type_hints(method).items()}


def test_every_port_has_its_store() -> None:
    protocols = {
        one
        for module in (
            ports,
            backup_ports,
            chunk_ports,
            file_ports,
            folder_ports,
            intent_ports,
            log_ports,
            number_ports,
        )
        for one in vars(module).values()
        if inspect.isclass(one) and getattr(one, "_is_protocol", False) and one.__module__ == module.__name__
    }
    assert protocols == {port for port, _ in PAIRS}


@pytest.mark.parametrize(("port", "store"), PAIRS, ids=lambda one: one.__name__)
def test_a_store_matches_its_port(port: type, store: type) -> None:
    for name, method in methods(port).items():
        own = getattr(store, name)
        assert shape(own) == shape(method), name
        assert plain_hints(own, store) == plain_hints(method, store), name
    for name, _ in inspect.getmembers(port, lambda one: isinstance(one, property)):
        assert isinstance(inspect.getattr_static(store, name), property), name


@pytest.mark.parametrize("port", [port for port, _ in PAIRS], ids=lambda one: one.__name__)
def test_house_rule_5_every_act_takes_its_event(port: type) -> None:
    """No entry, no effect: the event (or, where there are many, who acts) is asked for, and has no default."""
    for name, method in methods(port).items():
        if name in READERS | NOT_ACTS:
            continue
        wanted = WITH_EVENTS.get(name, "actor" if name in WRITES_EVENTS else "event")
        parameters = inspect.signature(method).parameters
        parameter = parameters.get(wanted) or parameters.get(f"{wanted}s")
        assert parameter is not None, f"{port.__name__}.{name} takes no {wanted}"
        assert parameter.default is inspect.Parameter.empty
