"""What would undo an act, worked out of its entry in the log alone: one table of opposites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.audit import Outcome
from backoffice.domain.limits import UNDO_DAYS
from backoffice.domain.times import parse_time

UNDO_MS: Final = UNDO_DAYS * 24 * 3600 * 1000


class Entry(Protocol):
    """An entry of the log."""

    @property
    def id(self) -> str: ...
    @property
    def event(self) -> Mapping[str, Any]: ...


class Verb(StrEnum):
    """What is done by hand to put back what an act changed."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    TRASH = "trash"
    RESTORE = "restore"
    DISABLE = "disable"
    ENABLE = "enable"


@dataclass(frozen=True, slots=True)
class _Inverse:
    """A row. `act` is what the opposite takes at least; `fields`: what an entry of the action can have changed;
    `before`, `after`: what it changed where the entry does not say so; `besides`: what has to be so, too."""

    verb: Verb
    act: Act
    fields: tuple[str, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    besides: Mapping[str, Any] | None = None


_READY: Final = {"state": "ready"}
_TRASHED: Final = {"state": "trashed"}
_CONTENT: Final = ("content", "size", "sha256", "mime_type", "tags")
_USER_FIELDS: Final = ("username", "email", "roles", "quota_bytes", "expires_at", "inactive_days")
_ROLE_FIELDS: Final = ("description", "permissions", "inactive_days", "share_days", "share_password")
_ROLE: Final = (*_ROLE_FIELDS, "copied_from")
_VIEW_FIELDS: Final = ("name", "query", "audience")
_VIEW: Final = (*_VIEW_FIELDS, "section", "owner")
_FOLDER: Final = ("name", "parent")
_LATER: Final = frozenset({"share_days", "share_password"})
"""What entries of deleted roles did not say before there was such a thing."""
# The entry of something new leaves out what is empty.
_PLAIN_ROLE: Final = {"description": "", "inactive_days": 0, "share_days": 0, "share_password": 0, "copied_from": ""}
_PLAIN_VIEW: Final = {"query": ""}
_PLAIN_FOLDER: Final = {"parent": ""}
_INVERSES: Final[Mapping[Action, _Inverse]] = {
    Actions.FILE_RENAME: _Inverse(Verb.CHANGE, Acts.FILE_RENAME, ("name",), besides=_READY),
    Actions.FILE_TAG: _Inverse(Verb.CHANGE, Acts.FILE_TAG, ("tags",), besides=_READY),
    Actions.FILE_MOVE: _Inverse(Verb.CHANGE, Acts.FILE_MOVE, ("folder",), besides=_READY),
    Actions.FILE_REPLACE: _Inverse(Verb.CHANGE, Acts.FILE_REVERT, _CONTENT, besides=_READY),
    Actions.FILE_REVERT: _Inverse(Verb.CHANGE, Acts.FILE_REVERT, _CONTENT, besides=_READY),
    Actions.FOLDER_CREATE: _Inverse(Verb.DELETE, Acts.FOLDER_DELETE, _FOLDER, dict.fromkeys(_FOLDER), _PLAIN_FOLDER),
    Actions.FOLDER_RENAME: _Inverse(Verb.CHANGE, Acts.FOLDER_RENAME, ("name",), besides=_READY),
    Actions.FOLDER_MOVE: _Inverse(Verb.CHANGE, Acts.FOLDER_MOVE, _FOLDER, besides=_READY),
    Actions.FOLDER_DELETE: _Inverse(Verb.CREATE, Acts.FOLDER_CREATE, _FOLDER, _PLAIN_FOLDER),
    Actions.FOLDER_TRASH: _Inverse(Verb.RESTORE, Acts.FOLDER_RESTORE, before=_READY, after=_TRASHED),
    Actions.FOLDER_RESTORE: _Inverse(Verb.TRASH, Acts.FOLDER_TRASH, before=_TRASHED, after=_READY),
    Actions.FILE_TRANSFER: _Inverse(Verb.CHANGE, Acts.FILE_TRANSFER, ("owner", "name"), besides=_READY),
    Actions.FILE_TRASH: _Inverse(Verb.RESTORE, Acts.FILE_RESTORE, before=_READY, after=_TRASHED),
    # Restored under another name, it goes back as it is: what is in the trash is not renamed.
    Actions.FILE_RESTORE: _Inverse(Verb.TRASH, Acts.FILE_TRASH, before=_TRASHED, after=_READY),
    Actions.USER_UPDATE: _Inverse(Verb.CHANGE, Acts.USER_UPDATE, _USER_FIELDS),
    Actions.USER_DISABLE: _Inverse(Verb.ENABLE, Acts.USER_ENABLE, ("status",)),
    Actions.USER_ENABLE: _Inverse(Verb.DISABLE, Acts.USER_DISABLE, ("status",)),
    Actions.ROLE_CREATE: _Inverse(Verb.DELETE, Acts.ROLE_DELETE, _ROLE, dict.fromkeys(_ROLE), _PLAIN_ROLE),
    Actions.ROLE_UPDATE: _Inverse(Verb.CHANGE, Acts.ROLE_UPDATE, _ROLE_FIELDS),
    Actions.ROLE_DELETE: _Inverse(Verb.CREATE, Acts.ROLE_CREATE, _ROLE),
    Actions.VIEW_CREATE: _Inverse(Verb.DELETE, Acts.VIEW_DELETE, _VIEW, dict.fromkeys(_VIEW), _PLAIN_VIEW),
    Actions.VIEW_UPDATE: _Inverse(Verb.CHANGE, Acts.VIEW_UPDATE, _VIEW_FIELDS),
    Actions.VIEW_DELETE: _Inverse(Verb.CREATE, Acts.VIEW_CREATE, _VIEW),
}
OPPOSITES: Final = tuple(dict.fromkeys(one.act for one in _INVERSES.values()))
"""What undoing may take: whoever may do none of these undoes nothing."""
_ENDED: Final = _Inverse(Verb.CHANGE, Acts.USER_UPDATE, ("expires_at",))
"""Of enabling an account that was over, but not disabled."""
_STATES: Final[Mapping[str, str]] = {
    Actions.FILE_TRASH: "state",
    Actions.FILE_RESTORE: "state",
    Actions.FILE_PURGE: "state",
    Actions.FOLDER_TRASH: "state",
    Actions.FOLDER_RESTORE: "state",
    Actions.FOLDER_PURGE: "state",
    Actions.USER_DELETE: "status",
}
"""Field that an act changes without its entry saying so."""
WHOLES: Final = frozenset({Actions.JOB_START, Actions.JOB_END, Actions.USER_LEAVE})
"""Acts that consist of others, which are undone one by one."""


@dataclass(frozen=True, slots=True)
class Opposite:
    """What undoes an entry: `back` are the values to put back, field by field, `left` those that the entry left and
    that have to be there still; all None: there is no record. `type`, `key`, `name`: of the record. `by`: the id of who
    acted. `at` in ms; values as the log has them."""

    entry_id: str
    type: str
    key: str
    name: str
    verb: Verb
    act: Act
    back: Mapping[str, Any]
    left: Mapping[str, Any]
    by: str
    at: int

    def moved(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that are not as the entry left them, as they are."""
        return {name: now.get(name) for name, value in self.left.items() if now.get(name) != value}


def has_opposite(act: Act) -> bool:
    """Whether entries of this act can be undone."""
    return act.event in _INVERSES


def opposite(entry: Entry) -> Opposite | None:
    """What would undo this, None: nothing would. Entries of another version may have changed what is not known here;
    they are not undone by half."""
    event = entry.event
    inverse, changes = _inverse(event), event.get("changes", {})
    target = event.get("object", {})
    if inverse is None or event.get("outcome") != Outcome.OK or not target.get("id"):
        return None
    if event.get("data", {}).get("with"):
        return None  # it went with a folder, and comes back with that
    back, left = dict(inverse.before or {}), {**(inverse.after or {}), **(inverse.besides or {})}
    for changed in inverse.fields:
        if changed in changes:
            back[changed], left[changed] = changes[changed]
    if not back:
        return None
    at, by = parse_time(event["at"]), str(event.get("actor", {}).get("id", ""))
    name, act = str(target.get("name", "")), inverse.act
    return Opposite(entry.id, target["type"], target["id"], name, inverse.verb, act, back, left, by, at)


def _inverse(event: Mapping[str, Any]) -> _Inverse | None:
    action, changed = str(event.get("action", "")), set(event.get("changes", {}))
    inverse = _INVERSES.get(Action(action))
    if inverse is None:
        return None
    if action == Actions.USER_ENABLE:
        # A date that was past went with it, and does not come back: whoever is disabled is shut out without it.
        return inverse if "status" in changed else _ENDED
    if inverse.fields and changed - {*inverse.fields}:
        return None
    if inverse.verb is Verb.CREATE and changed | _LATER | {*(inverse.before or ())} != {*inverse.fields} | _LATER:
        return None
    return inverse


def changed_fields(event: Mapping[str, Any]) -> frozenset[str]:
    """What of the record an entry changed."""
    if event.get("outcome") != Outcome.OK:
        return frozenset()
    state = _STATES.get(str(event.get("action", "")))
    return frozenset(event.get("changes", {})) | ({state} if state else set())


def undone_entry(event: Mapping[str, Any]) -> str:
    """The id of the entry that this one undoes, "". That somebody was refused to undo it undoes nothing."""
    return str(event.get("data", {}).get("undoes", "")) if event.get("outcome") == Outcome.OK else ""


def is_recent(at: int, now: int) -> bool:
    """Whether an act of that time can still be undone."""
    return now - at < UNDO_MS


@dataclass(slots=True)
class Newer:
    """Looks at entries, the newest first, for what stands against undoing older ones. An act that was undone, and what
    undid it, are as if they had not been."""

    undone: set[str] = field(default_factory=set)

    def passes_over(self, entry: Entry) -> bool:
        """Whether this entry counts for nothing, because it was undone."""
        return entry.id in self.undone

    def undoes(self, entry: Entry) -> str:
        """The entry that this one undoes, which counts for nothing from now on; ""."""
        found = undone_entry(entry.event)
        if found:
            self.undone.add(found)
        return found


def offered(entries: Sequence[Entry], now: int) -> dict[str, Opposite]:
    """Of entries that follow each other, the newest first, those that nothing newer among them stands against: id ->
    what would undo it. Whether it can be done the service says."""
    found: dict[str, Opposite] = {}
    touched: set[tuple[str, str, str]] = set()
    newer = Newer()
    for entry in entries:
        if newer.passes_over(entry):
            continue
        undoing = opposite(entry)
        if undoing is not None and is_recent(undoing.at, now) and not touched & _places(entry, undoing.back):
            found[entry.id] = undoing
        if not newer.undoes(entry):
            touched |= _places(entry, changed_fields(entry.event))
    return found


def _places(entry: Entry, fields: Iterable[str]) -> set[tuple[str, str, str]]:
    target = entry.event.get("object", {})
    return {(target.get("type", ""), target.get("id", ""), name) for name in fields}
