"""Building and running a commit: checks, writes and events that happen together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any

from backoffice.domain.access import Ground, JobMark
from backoffice.domain.audit import NO_OBJECT, AuditEvent, Outcome
from backoffice.errors import BackofficeError, LeaseLost, TooMany
from backoffice.stores.client import Arg, Command, Db
from backoffice.stores.keys import Keys
from backoffice.stores.last_commit import note_commit
from backoffice.stores.log.segments import Appending

KEEP_SECONDS = 120
"""For so long a repeated commit is recognised; a client gives up repeating long before."""

COMMANDS = frozenset(
    {
        "HSET",
        "HDEL",
        "HINCRBY",
        "DEL",
        "SET",
        "INCR",
        "PERSIST",
        "PEXPIREAT",
        "ZADD",
        "ZREM",
        "ZREMRANGEBYSCORE",
        "ZINCRBY",
    }
)

GIVE_UP = "HDEL-EQUAL"
NOTE_QUOTA = "NOTE-QUOTA"
"""The writes that are no commands of the server."""
READS = frozenset({"GET", "GETRANGE", "HGET", "HMGET", "HGETALL", "STRLEN", "ZCARD"})
CHECKS = {
    "absent": 0,
    "present": 0,
    "equal": 2,
    "unset": 1,
    "free": 2,
    "room": 3,
    "unused": 0,
    "fewer": 1,
    "below": 2,
    "spare": 1,
    "vacant": 3,
    "length": 2,
    "spend": 3,
}
"""How many arguments each operation takes."""
DAY_SECONDS = 24 * 3600
DAY_MS = DAY_SECONDS * 1000
WEIGHT_BYTES = 512
"""Of entries in the log that count as one act. Most acts have less."""
HEAD = 7
"""Arguments of the script before its program."""

Refusal = BackofficeError | Callable[[bytes], BackofficeError]


class Commit:
    """One change of the control plane. Its events are given when it is made, because there is no change without.

    `replies`: after `run`, what the reads found, in their order.
    """

    def __init__(self, keys: Keys, *events: AuditEvent) -> None:
        self._all = keys
        self._keys: dict[bytes, int] = {keys.request(token_hex(16)): 1, keys.audit: 2, keys.full_indexes: 3}
        self._checks: list[Arg] = []
        self._errors: list[Refusal] = []
        self._charges: list[tuple[bytes, int, int, Refusal]] = []
        self._length = 0
        self._writes: list[Arg] = []
        self._events: list[Arg] = []
        self._reads: list[Arg] = []
        self._before: list[Command] = []
        self._ground: Ground | None = None
        self._writes_count = self._events_count = self._reads_count = 0
        self.replies: list[Any] = []
        for event in events:
            self.add_event(event)

    def add_event(self, event: AuditEvent) -> None:
        """One more act that this change consists of."""
        indexes = [self._position(self._all.audit_index(facet, value)) for facet, value in facets(event)]
        text = event.canonical()
        self._length += len(text)
        self._events += (text, len(indexes), *indexes)
        self._events_count += 1
        if event.actor.job is not None and event.outcome is Outcome.OK:
            self._add_to_job(event.actor.job, event)
        if event.outcome is Outcome.OK and self._ground is None:
            # That somebody was refused is written down whatever they may by now.
            self._ground = event.actor.ground

    def _add_to_job(self, job: JobMark, event: AuditEvent) -> None:
        """Let it have an effect only while this worker has the job, and note which record, or which undone entry, is
        done: one that was killed before it said so is not counted twice."""
        self.check("equal", self._all.record("jobs", job.id), "lease", job.token, error=LeaseLost())
        self.write("HSET", self._all.job_step(job.id), job.record or event.object.id, 1)

    def _position(self, key: bytes) -> int:
        return self._keys.setdefault(key, len(self._keys) + 1)

    def check(self, op: str, key: bytes, *args: str | int | bytes, error: Refusal) -> None:
        """An operation of `commit.lua`; where it does not hold, nothing happens and `run` raises `error`, or what this
        makes of what was seen. An argument of bytes is another key.

        Raises ValueError for an unknown operation, or one that takes other arguments.
        """
        if CHECKS.get(op) != len(args):
            raise ValueError(f"{op} is not a check of {len(args)} arguments")
        self._checks += (op, self._position(key))
        self._checks += [self._position(arg) if isinstance(arg, bytes) else str(arg) for arg in args]
        self._errors.append(error)

    def charge(self, what: str, event: AuditEvent, most: int | None, number: int = 0) -> None:
        """Count this act of somebody who came with a session or token, `most` in a day of UTC; None: any number. One
        whose entries are long counts for more (`weight`). `number`: it counts for so many, also for more than are left
        of the day, if any is: else there are things too large to be done at all. Beyond them `run` raises TooMany."""
        if most is not None and charged(event):
            key = self._all.daily(what, event.actor.id, event.at // DAY_MS)
            self._charges.append((key, number, most, too_much(what, most, event)))

    def write(self, command: str, key: bytes, *args: Arg) -> None:
        """A command on one key, carried out after all checks hold. Bytes are sent as they are, uncopied."""
        if command not in COMMANDS:
            raise ValueError(f"{command} is not a command of a commit")
        self._writes += (command, self._position(key), len(args))
        self._writes += [str(arg) if isinstance(arg, int | float) else arg for arg in args]
        self._writes_count += 1

    def give_up(self, key: bytes, field: str, value: str) -> None:
        """Take a field out of a hash, if this is its value by then."""
        self._writes += (GIVE_UP, self._position(key), 2, field, value)
        self._writes_count += 1

    def note_quota(self, quota: bytes, user: bytes, near: bytes, owner: str, default: int) -> None:
        """Note whether the owner's quota is nearly used up as of the writes before this one: in the record `user` and
        in the list `near`. `default`: of who has none of their own."""
        args = (self._position(user), self._position(near), owner, default)
        self._writes += (NOTE_QUOTA, self._position(quota), len(args), *args)
        self._writes_count += 1

    def rename(self, source: bytes, target: bytes, *, error: Refusal) -> None:
        """Let what `source` holds be at `target`, after all checks; `run` raises `error` where it holds nothing."""
        self.check("present", source, error=error)
        self._position(target)
        self._writes += ("RENAME", self._position(source), 1, target)
        self._writes_count += 1

    def read(self, command: str, key: bytes, *args: str | int) -> None:
        """A question about one key, answered in `replies` as of the moment after all writes."""
        if command not in READS:
            raise ValueError(f"{command} is not a question of a commit")
        self._reads += (command, self._position(key), len(args), *args)
        self._reads_count += 1

    def send_before(self, *command: Arg) -> None:
        """A command that is sent ahead of the commit, in the same trip, and is carried out whatever becomes of it."""
        self._before.append(command)

    def run(self, db: Db, *, when_full: bool = False) -> str:
        """Carry it out; the id of its last event. `when_full`: also when the store's memory is full, as what makes room
        does, signing in, reading, and what operators do.

        Raises the error of the first check that does not hold. What was seen instead stays here, unless the error is
        made of it: it may be somebody else's. Where the one who acts may not any more, raises what the refusal is.
        """
        # Last, for they have an effect.
        for key, number, most, refusal in self._charges:
            count, below = (number, most + number - 1) if number else (weight(self._length), most)
            self.check("spend", key, count, below, DAY_SECONDS, error=refusal)
        program: list[Arg] = [
            KEEP_SECONDS,
            self._all.full_bytes,
            len(self._errors),
            self._writes_count,
            self._events_count,
            self._reads_count,
            HEAD + len(self._checks) + len(self._writes) + len(self._events) + 1,
            *self._events,
            *self._checks,
            *self._writes,
            *self._reads,
        ]
        script = Appending("commit", list(self._keys), program, allow_oom=when_full)
        status, what, *rest = script.run(db, self._all, before=self._before, ground=self._ground)
        if status == b"done":
            self.replies = rest
            note_commit(next(iter(self._keys)))
            return str(what.decode())
        error = self._errors[int(what)]
        raise error if isinstance(error, BackofficeError) else error(rest[0])


def charged(event: AuditEvent) -> bool:
    """Whether acts like this one are counted: the shell and the worker act for the site. Of a job its start is."""
    return bool(event.actor.credential) and event.actor.job is None


def weight(length: int) -> int:
    """For how many acts one counts that leaves so many bytes in the log: so their number bounds these, too, whatever
    the names that are in it."""
    return 1 + length // WEIGHT_BYTES


def too_much(what: str, most: int, event: AuditEvent) -> TooMany:
    """What the refusal is of one more in this day than may be."""
    wait = -(-(DAY_MS - event.at % DAY_MS) // 1000)
    return TooMany(f"This is too much for one day: at most {most} {what}.", limit=most, retry_after=wait)


def facets(event: AuditEvent) -> list[tuple[str, str]]:
    """What an event is indexed by."""
    found = [("action", str(event.action))]
    if event.actor.id:
        found.append(("actor", event.actor.id))
    if event.object != NO_OBJECT:
        found.append(("object", f"{event.object.type}:{event.object.id}"))
    if event.actor.ip:
        found.append(("ip", event.actor.ip))
    if event.actor.job is not None:
        found.append(("object", f"job:{event.actor.job.id}"))
    return found


def written_facets(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same of an event as it stands in the log, for `fsck`."""
    actor, target = event.get("actor", {}), event.get("object")
    found = [("action", str(event["action"]))]
    if actor.get("id"):
        found.append(("actor", actor["id"]))
    if target is not None:
        found.append(("object", f"{target['type']}:{target['id']}"))
    if actor.get("ip"):
        found.append(("ip", actor["ip"]))
    if event.get("data", {}).get("job"):
        found.append(("object", f"job:{event['data']['job']}"))
    return found
