"""The service of a noun: ask, read, compare the version, change, write the event; once for all of them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action
from backoffice.domain.acts import Act, act_on
from backoffice.domain.audit import NO_OBJECT, AuditEvent, ObjectRef
from backoffice.domain.ids import is_id, new_id
from backoffice.domain.nouns import Noun
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import now_ms
from backoffice.errors import NotFound, VersionMismatch
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import RecordStore

Clean = Callable[[Any], Any]
"""Gives the value to keep for one that was entered. Raises Invalid."""


class Unset(enum.Enum):
    """Not given, where None means something."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class Record(Protocol):
    """What a record has, besides what makes it this noun's. Times in ms."""

    @property
    def id(self) -> str: ...
    @property
    def created_at(self) -> int: ...
    @property
    def version(self) -> int: ...


R = TypeVar("R", bound=Record)
Done = TypeVar("Done")
ATTEMPTS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Records(Generic[R]):
    """A noun's service: its records can be read. What changes one is made of `_insert`, `_save` and `_remove`, which
    see to versions and to the log; these ask nobody for permission."""

    noun: ClassVar[Noun]

    store: RecordStore[R]
    audit: AuditLog
    now: Callable[[], int] = now_ms

    # -- reading

    def page(self, actor: Actor, query: Query) -> Page[R]:
        """The records asked for. Raises NotAllowed, and Invalid for what the store cannot answer."""
        authorize(self.audit, actor, act_on(self.noun, "read"))
        return self.store.page(query)

    def get(self, actor: Actor, record_id: str, /) -> R:
        """Raises NotAllowed, NotFound."""
        self._authorize(actor, act_on(self.noun, "read"), record_id)
        return self._existing(record_id)

    # -- changing

    def ref(self, record: R) -> ObjectRef:
        """How the record stands in the log."""
        return ObjectRef(self.noun.name, record.id, str(getattr(record, self.noun.title)))

    def _authorize(self, actor: Actor, act: Act, record_id: str) -> None:
        # A refusal names the record; what the client made up is no record's id, and becomes part of no key.
        target = ObjectRef(self.noun.name, record_id) if is_id(record_id) else NO_OBJECT
        authorize(self.audit, actor, act, target=target, now=self.now())

    def _existing(self, record_id: str) -> R:
        record = self.store.get(record_id) if is_id(record_id) else None
        if record is None:
            raise NotFound
        return record

    def _insert(self, actor: Actor, record: R) -> R:
        changes = {
            name: (None, plain(value)) for name in self.noun.recorded if (value := getattr(record, name)) or value == 0
        }
        self.store.insert(record, self._event(self.noun.create, actor, record, changes))
        return record

    def _save(self, actor: Actor, old: R, new: R, action: Action | None = None) -> R:
        """Put `new` in the place of `old`, with the next version; where nothing differs nothing is written."""
        if new == old:
            return old
        stamped, event = self._stamped(actor, old, new, action)
        self.store.replace(old, stamped, event)
        return stamped

    def _stamped(self, actor: Actor, old: R, new: R, action: Action | None = None) -> tuple[R, AuditEvent]:
        """The record as it is kept in the place of `old`, and the event that says so."""
        stamped: R = replace(new, version=old.version + 1, updated_at=self.now())  # type: ignore[type-var]
        changes = {
            name: (plain(getattr(old, name)), plain(getattr(new, name)))
            for name in self.noun.recorded
            if getattr(old, name) != getattr(new, name)
        }
        return stamped, self._event(action or self._updated, actor, stamped, changes)

    @property
    def _updated(self) -> Action:
        if self.noun.update is None:
            raise TypeError(f"a {self.noun.name} is not changed, or its changes have actions of their own")
        return self.noun.update

    def _remove(self, actor: Actor, old: R) -> None:
        changes = {name: (plain(getattr(old, name)), None) for name in self.noun.recorded_at_deletion}
        self.store.remove(old, self._event(self.noun.delete, actor, old, changes))

    def _event(
        self,
        action: Action,
        actor: Actor,
        record: R,
        changes: Mapping[str, tuple[Any, Any]] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> AuditEvent:
        return AuditEvent(action, actor, self.ref(record), changes=changes or {}, data=data or {}, at=self.now())


@dataclass(frozen=True, kw_only=True)
class EditableRecords(Records[R]):
    """A noun's service with the usual three changes. The plainest one declares the noun, the record and what is done to
    each field that people enter:

        class Notes(EditableRecords[Note]):
            noun, record = NOTES, Note
            fields = {"title": clean_title, "text": clean_text}
    """

    record: ClassVar[type[Any]]
    fields: ClassVar[Mapping[str, Clean]] = {}

    def create(self, actor: Actor, **fields: Any) -> Any:
        """The new record, of these fields. Raises NotAllowed, Invalid, NameTaken."""
        authorize(self.audit, actor, act_on(self.noun, "create"), now=self.now())
        now = self.now()
        return self._insert(actor, self.record(id=new_id(), created_at=now, updated_at=now, **self._cleaned(fields)))

    def update(self, actor: Actor, record_id: str, /, *, version: int | None = None, **fields: Any) -> R:
        """The record with these fields changed. Raises as `create` does, NotFound, and VersionMismatch when it is not
        at `version` any more (None: whatever it is at)."""
        old = self._changeable(actor, act_on(self.noun, "update"), record_id, version)
        return self._save(actor, old, replace(old, **self._cleaned(fields)))  # type: ignore[type-var]

    def delete(self, actor: Actor, record_id: str, /, version: int | None = None) -> None:
        """Raises NotAllowed, NotFound, VersionMismatch."""
        self._remove(actor, self._changeable(actor, act_on(self.noun, "delete"), record_id, version))

    def _cleaned(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.fields[name](value) for name, value in fields.items()}

    def _changeable(self, actor: Actor, act: Act, record_id: str, version: int | None) -> R:
        """The record, unchanged since `version`, if the actor may do this to it."""
        self._authorize(actor, act, record_id)
        record = self._existing(record_id)
        expect(record, version)
        return record


def expect(record: Record, version: int | None) -> None:
    """Raises VersionMismatch unless the record is at `version`, or none was named."""
    if version is not None and version != record.version:
        raise VersionMismatch


def again(version: int | None, change: Callable[[], Done]) -> Done:
    """`change` reads, checks and commits. Where the caller named no version, somebody else's change in between is no
    reason to refuse."""
    for attempt in range(ATTEMPTS):
        try:
            return change()
        except VersionMismatch:
            if version is not None or attempt == ATTEMPTS - 1:
                raise
    raise VersionMismatch


def plain(value: Any) -> Any:
    """A value as the log holds it: what JSON has no form for becomes a list."""
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value
