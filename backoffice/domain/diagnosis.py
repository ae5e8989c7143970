"""Whether the store and what works on it are sound, judged from plain facts: `doctor` and the system's page say the
same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from backoffice.domain.backups import BackupNotes
from backoffice.domain.durability import replicas_of
from backoffice.domain.encryption import Encryption
from backoffice.domain.limits import BACKUP_OLD_DAYS, PROOF_OLD_DAYS
from backoffice.domain.system import Heartbeat
from backoffice.domain.times import rfc3339
from backoffice.units import filesize

HOUR_MS: Final = 3600 * 1000
DAY_MS: Final = 24 * HOUR_MS
SHORT_OF_MEMORY: Final = 0.85
"""Share of the memory from which on uploads are refused."""


OLDEST_SERVER: Final = (7, 2)
"""The version of Redis or Valkey that is needed at least: `docs/operation.md`."""
CLOCKS_APART: Final = 2.0
"""Seconds between the clocks of two hosts that are one too many: what expires is decided by both."""


class Verdict(StrEnum):
    GOOD = "ok"
    WARNING = "warning"
    BAD = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about `topic`; unless it is good, `text` says what to do."""

    verdict: Verdict
    topic: str
    text: str


def eviction(reason: str) -> Finding:
    """`reason`: why the server must not be used, "" = it may."""
    return Finding(Verdict.BAD, "eviction", reason) if reason else Finding(Verdict.GOOD, "eviction", "off (noeviction)")


def server(name: str, version: str) -> Finding:
    """The server that answers, by its own name and version."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdecimal()]
    if numbers and tuple(numbers) < OLDEST_SERVER:
        text = f"{name} {version} is too old: Redis or Valkey {'.'.join(map(str, OLDEST_SERVER))} or newer is needed"
        return Finding(Verdict.BAD, "store", text)
    return Finding(Verdict.GOOD, "store", f"{name} {version} answers")


def clock(apart: float) -> Finding:
    """`apart`: seconds between the store's clock and this machine's."""
    if abs(apart) > CLOCKS_APART:
        text = f"the store's clock is {abs(apart):.0f} s away from this machine's: run NTP on both"
        return Finding(Verdict.BAD, "clock", text)
    return Finding(Verdict.GOOD, "clock", "agrees with the store's")


def replicas(info: Mapping[str, str], wanted: int) -> Finding:
    """`wanted`: how many must have a file before it is answered 201. `info`: of the primary that has the fewest."""
    connected = int(info.get("connected_slaves", 0))
    near = int(info.get("replicas_near", connected))
    of = f" of the primary {info['replicas_of']}" if info.get("replicas_of") else ""
    if near < wanted:
        text = (
            f"{near} of {wanted}{of} that BACKOFFICE_REPLICAS asks for{_silent(connected - near)}: no upload is"
            " answered 201, and with min-replicas-to-write the store takes nothing at all. Bring them back, connect"
            " others, or ask for fewer"
        )
        return Finding(Verdict.BAD, "replicas", text)
    if near < connected:
        text = f"{connected} connected{of}{_silent(connected - near)}, {wanted} needed. Look at their hosts"
        return Finding(Verdict.WARNING, "replicas", text)
    text = f"{connected} connected{of}, {wanted} needed" if connected or wanted else "none, and none needed"
    return Finding(Verdict.GOOD, "replicas", text)


def _silent(count: int) -> str:
    return f" ({count} connected, but silent for some seconds, or not done copying)" if count else ""


def sentinels(asked: int, silent: Mapping[str, str], quorum: str, primary: str, down: Sequence[str]) -> Finding:
    """What watches the primary. `asked`: how many sentinels; `silent`: why those that do not answer do not, by place;
    `quorum`: why a lost primary would not be replaced, "" = it would; `down`: replicas that do not answer them."""
    away = [f"the sentinel {place} does not answer ({why})" for place, why in silent.items()]
    if quorum or 2 * len(silent) >= asked:
        why = "; ".join([*away, *([quorum] if quorum else [])])
        text = f"a primary that is lost would not be replaced: {why}. Bring the sentinels back"
        return Finding(Verdict.BAD, "sentinels", text)
    away += [f"the replica {place} is down" for place in down]
    if away:
        return Finding(Verdict.WARNING, "sentinels", f"{'; '.join(away)}. Bring it back before another one is lost")
    return Finding(Verdict.GOOD, "sentinels", f"{asked} answer; the primary is {primary}")


def cluster(primaries: int, alone: Sequence[str], failed: Sequence[str], unserved: int) -> Finding:
    """`primaries`: how many have slots; `alone`: those without a replica that is there; `failed`: servers that the
    others do not reach; `unserved`: slots that nobody has."""
    away = [f"{one} is down" for one in failed]
    if unserved:
        text = f"{unserved} slots are served by nobody: {'; '.join(away)}. Bring the server back, or its replica"
        return Finding(Verdict.BAD, "cluster", text)
    away = [*(f"the primary {one} has no replica" for one in alone), *away]
    if away:
        text = f"{'; '.join(away)}. Bring it back, or add another one, before the next is lost"
        return Finding(Verdict.WARNING, "cluster", text)
    return Finding(Verdict.GOOD, "cluster", f"{primaries} primaries, each with a replica; all slots are served")


def encryption(reason: str, keys: int, *, only: bool = False, directory: bool = False) -> Finding:
    """`reason`: why what is stored cannot be read, "" = it can; `keys`: how many there are; `only`: what is not
    encrypted is refused; `directory`: the file system encrypts what the embedded store writes."""
    if reason:
        return Finding(Verdict.BAD, "encryption", f"{reason}. Bring the key back, or restore from a backup")
    text = "off" if not keys else "one key" if keys == 1 else f"{keys} keys: the first one wraps, all unwrap"
    if only:
        text += "; bytes that are not encrypted are refused"
    if directory:
        text += "; names and records by the file system"
    return Finding(Verdict.GOOD, "encryption", text)


def encrypted_directory(wanted: bool, reason: str) -> Finding:
    """What the embedded store writes. `wanted`: whether it is to be encrypted; `reason`: why it is not, or cannot stay
    so, "" = it is."""
    if wanted and reason:
        text = f"{reason}, although BACKOFFICE_ENCRYPT_DATA is 1. Stop `up`, and start it again"
        return Finding(Verdict.BAD, "encryption", text)
    plain = "names and records are not encrypted by this site: they can be read on the disk, unless that encrypts them"
    return Finding(Verdict.GOOD, "encryption", plain if reason else "names and records by the file system")


def keys(state: Encryption) -> Finding:
    """Whether the keys that wrap what is stored are those of the settings, by their names: none is used."""
    wrapping = {one.site_key for one in state.data_keys}
    if state.directory_key is not None:
        wrapping.add(state.directory_key.site_key)
    missing = wrapping - set(state.site_keys)
    reason = f"The settings lack the key {', '.join(sorted(missing))}: files cannot be read" if missing else ""
    directory = state.directory_key is not None
    return encryption(reason, len(state.site_keys), only=state.only, directory=directory)


def durability(level: str) -> Finding:
    """What a 201 promises."""
    if level == "memory":
        text = "memory: a restart of the store loses everything. Turn appendonly on"
        return Finding(Verdict.WARNING, "durability", text)
    if level == "os":
        text = "os: a power cut may lose the last second. `appendfsync always` closes that gap"
        return Finding(Verdict.WARNING, "durability", text)
    return Finding(Verdict.GOOD, "durability", level)


def memory(used: int, most: int) -> Finding:
    """Bytes that are used, and the most there may be, 0 = without a limit."""
    if not most:
        text = f"{filesize(used)} used without a limit: set the server's maxmemory"
        return Finding(Verdict.WARNING, "memory", text)
    text = f"{filesize(used)} of {filesize(most)} used"
    if used > SHORT_OF_MEMORY * most:
        text = f"{text}: uploads are refused. Delete files or give the store more memory"
        return Finding(Verdict.BAD, "memory", text)
    return Finding(Verdict.GOOD, "memory", text)


def workers(alive: Sequence[Heartbeat]) -> Finding:
    """Those that live."""
    if not alive:
        text = "none is alive: nothing expires, is purged or gets its checksum. Start `worker`, or `up`"
        return Finding(Verdict.WARNING, "workers", text)
    return Finding(Verdict.GOOD, "workers", ", ".join(f"{one.host} ({one.age_ms // 1000} s ago)" for one in alive))


def writing(info: Mapping[str, str]) -> Finding:
    """Whether the server could write what it should keep."""
    states = {"aof_last_write_status": "the log of changes", "rdb_last_bgsave_status": "the snapshot"}
    failed = [text for name, text in states.items() if info.get(name, "ok") != "ok"]
    if failed:
        text = f"{' and '.join(failed)} could not be written: look at the server's disk. Nothing new is safe until then"
        return Finding(Verdict.BAD, "persistence", text)
    return Finding(Verdict.GOOD, "persistence", "what was written last is kept")


def replication(info: Mapping[str, str]) -> Finding:
    """The server's part, and whether its link to a primary holds, or those of its replicas."""
    if info.get("role") in {"slave", "replica"}:
        up = info.get("master_link_status") == "up"
        text = "this server is a replica" + ("" if up else ", and its link to the primary is down")
        return Finding(Verdict.WARNING if up else Verdict.BAD, "replication", text)
    return replace(replicas(info, replicas_of(info.get("durability", ""))), topic="replication")


def room(there: bool) -> Finding:
    """Whether uploads are taken, as far as memory and disk say."""
    if there:
        return Finding(Verdict.GOOD, "room", "uploads are taken")
    return Finding(Verdict.BAD, "room", "memory or disk is short: uploads are refused. Free some")


def schema(stored: int | None, known: int) -> Finding:
    """The forms of records: that of the store, None before it was set up, and that which this version writes."""
    if stored is not None and stored > known:
        text = f"the store's records have form {stored}, and this version knows {known}: run the newer version"
        return Finding(Verdict.BAD, "schema", text)
    return Finding(Verdict.GOOD, "schema", f"form {known if stored is None else stored}")


def of_store(info: Mapping[str, str]) -> list[Finding]:
    """All that `System.status` tells."""
    policy = info.get("maxmemory_policy", "")
    evicts = policy not in {"", "noeviction"}
    reason = f"The store evicts data (maxmemory-policy {policy}); set it to noeviction." if evicts else ""
    return [
        eviction(reason),
        durability(info.get("durability", "")),
        writing(info),
        replication(info),
        memory(int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))),
        room(info.get("room", "true") == "true"),
    ]


def backups(notes: BackupNotes, now: int, hours: int) -> list[Finding]:
    """The last backup, and the last one that was restored on trial. `hours`: how often one is made by itself, 0 = it
    is not."""
    return [_last_backup(notes, now, hours), _last_proof(notes, now)]


def _last_backup(notes: BackupNotes, now: int, hours: int) -> Finding:
    if notes.failed:
        return Finding(Verdict.BAD, "backup", f"{_day(notes.failed_at)}: {notes.failed}")
    if notes.made is None:
        text = "there is none: `manage.py backup FILE` makes one, BACKOFFICE_BACKUP_DIR lets the worker make them"
        return Finding(Verdict.WARNING, "backup", text)
    text = f"made on {_day(notes.made.at)} ({notes.made.file})"
    if notes.made.damaged:
        text = f"{text}, and files of {notes.made.damaged:,} contents are not whole in it: `manage.py fsck` names them"
        return Finding(Verdict.BAD, "backup", text)
    if now - notes.made.at > (2 * hours * HOUR_MS if hours else BACKUP_OLD_DAYS * DAY_MS):
        return Finding(Verdict.WARNING, "backup", f"the last one was {text}: it is time for another one")
    return Finding(Verdict.GOOD, "backup", text)


def _last_proof(notes: BackupNotes, now: int) -> Finding:
    if notes.proven is None:
        text = "no backup was ever restored on trial: `manage.py backup prove FILE` does that"
        return Finding(Verdict.WARNING, "proof", text)
    text = f"restored on trial on {_day(notes.proven.at)} ({notes.proven.file})"
    if now - notes.proven.at > PROOF_OLD_DAYS * DAY_MS:
        return Finding(
            Verdict.WARNING, "proof", f"the last one was {text}: `manage.py backup prove FILE` does it again"
        )
    return Finding(Verdict.GOOD, "proof", text)


def _day(ms: int) -> str:
    """A moment in UTC, to the minute."""
    return rfc3339(ms)[:16].replace("T", " ") + " UTC"


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """In this order."""
    order = (Verdict.BAD, Verdict.WARNING, Verdict.GOOD)
    return sorted(findings, key=lambda one: order.index(one.verdict))
