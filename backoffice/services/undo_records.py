"""Undoing one act on one record: the opposite act, by the same method of the service as by hand.

So it takes what the opposite takes, is refused as that is, and leaves its entry, which names the undone one
(`data.undoes`). What changed again since stays: of that the newest entry is told, with both values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.audit import AuditEntry, ObjectRef
from backoffice.domain.files import File
from backoffice.domain.folders import FOLDERS, Folder
from backoffice.domain.log_archive import position
from backoffice.domain.roles import ROLES, Role
from backoffice.domain.times import now_ms
from backoffice.domain.undo import Newer, Opposite, Verb, changed_fields, is_recent, opposite, undone_entry
from backoffice.domain.users import USERS, User
from backoffice.domain.views import VIEWS, Audience, SavedView
from backoffice.errors import (
    AlreadyUndone,
    BackofficeError,
    ChangedSince,
    NameTaken,
    NotFound,
    NotReversible,
    UndoExpired,
    VersionMismatch,
)
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.log_ports import AuditLog
from backoffice.services.roles import Roles
from backoffice.services.undo_values import values_of, view_of, who_and_when
from backoffice.services.users import Users
from backoffice.services.views import Views

ATTEMPTS: Final = 5
WINDOW: Final = 100
WINDOWS: Final = 5
"""Newer entries of the record that are looked at. Of one that has more, the values alone decide."""
FILE: Final = "file"


@dataclass(frozen=True, slots=True)
class Undone:
    """What was undone: the entry, the record, and the values that were put back; `gone`: there is no record any
    more."""

    entry: str
    object: ObjectRef
    back: Mapping[str, Any]
    gone: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """A record as whoever may see it reads it, None: there is none; its values as the log has them; and whether the
    actor may do the opposite, as far as rights alone say."""

    record: File | Folder | User | Role | SavedView | None
    values: Mapping[str, Any]
    allowed: bool

    @property
    def version(self) -> int | None:
        return self.record.version if self.record is not None else None


@dataclass(frozen=True, slots=True)
class UndoRecords:
    """Over the services that change records."""

    files: Files
    folders: Folders
    users: Users
    roles: Roles
    views: Views
    log: AuditLog
    now: Callable[[], int] = now_ms

    def undo(self, actor: Actor, entry_id: str) -> Undone:
        """Raises NotFound where there is no such entry, or it is not for this actor; NotReversible, UndoExpired,
        AlreadyUndone, ChangedSince; and what the opposite act raises."""
        return self.undo_entry(actor, self.entry(entry_id))

    def entry(self, entry_id: str) -> AuditEntry:
        """Raises NotFound."""
        entry = self.log.get(entry_id)
        if entry is None:
            raise NotFound
        return entry

    def undo_entry(self, actor: Actor, entry: AuditEntry) -> Undone:
        """Of an entry that was read."""
        undoing = opposite(entry)
        if undoing is None:
            raise self.not_reversible(actor, entry)
        actor = replace(actor, undoes=actor.undoes or entry.id)
        for attempt in range(ATTEMPTS):
            try:
                return self._undo(actor, undoing)
            except VersionMismatch:  # what changed at this moment need not be what is undone
                if attempt == ATTEMPTS - 1:
                    raise
        raise VersionMismatch

    def not_reversible(self, actor: Actor, entry: AuditEntry) -> BackofficeError:
        """The refusal of an entry without an opposite, for who may know that it is there."""
        own = entry.event.get("actor", {}).get("id") == actor.id
        return NotReversible() if own or decide_act(actor, Acts.AUDIT_READ).allowed else NotFound()

    def newer(self, undoing: Opposite) -> AuditEntry | None:
        """The newest entry that changed one of the fields since, and was not undone itself; or the one that has undone
        this."""
        cursor, since, looking = "", position(undoing.entry_id), Newer()
        for _ in range(WINDOWS):
            about = ("object", f"{undoing.type}:{undoing.key}")
            page = self.log.page((about,), cursor, WINDOW, since=since[0])
            for entry in page.items:
                if position(entry.id) <= since or looking.passes_over(entry):
                    continue
                undone = looking.undoes(entry)
                if undone and position(undone) > since:
                    continue
                if undone == undoing.entry_id or not changed_fields(entry.event).isdisjoint(undoing.back):
                    return entry
            cursor = page.next_cursor
            if not cursor:
                break
        return None

    def _undo(self, actor: Actor, undoing: Opposite) -> Undone:
        found = self._read(actor, undoing)
        # Whoever may not do the opposite is refused by the service, and learns nothing of the others' changes.
        if found.allowed:
            if not is_recent(undoing.at, self.now()):
                raise UndoExpired
            self._check_unchanged(undoing, found.values)
        self._apply(actor, undoing, found.version)
        about = ObjectRef(undoing.type, undoing.key, undoing.name)
        return Undone(undoing.entry_id, about, undoing.back, gone=undoing.verb is Verb.DELETE)

    def _read(self, actor: Actor, undoing: Opposite) -> _Found:
        """Raises NotFound, and NotAllowed. What was made or deleted need not be there."""
        act = undoing.act
        match undoing.type:
            case USERS.name:
                user = self.users.get(actor, undoing.key)
                return _Found(user, values_of(user, USERS.recorded), decide_act(actor, act).allowed)
            case ROLES.name:
                role = self._role(actor, undoing)
                return _Found(role, values_of(role, ROLES.recorded), decide_act(actor, act).allowed)
            case VIEWS.name:
                view, there = self._view(actor, undoing)
                values = values_of(view if there else None, VIEWS.recorded)
                return _Found(view if there else None, values, self.views.may_change(actor, view))
            case FOLDERS.name:
                folder = self._folder(actor, undoing)
                keeper = folder.owner if folder is not None else undoing.by
                values = values_of(folder, (*FOLDERS.recorded, "state"))
                return _Found(folder, values, decide_act(actor, act, keeper).allowed)
            case _:
                file = self._file(actor, undoing.key)
                owner = file.owner if act.others is not None else None
                values = values_of(file, ("name", "tags", "owner", "state", "size", "sha256", "mime_type"))
                values |= {"folder": file.folder_id, "content": file.content_id}
                return _Found(file, values, decide_act(actor, act, owner).allowed)

    def _role(self, actor: Actor, undoing: Opposite) -> Role | None:
        try:
            return self.roles.get(actor, undoing.key)
        except NotFound:
            if undoing.verb is Verb.CHANGE:
                raise
            return None

    def _view(self, actor: Actor, undoing: Opposite) -> tuple[SavedView, bool]:
        """The view, or as the entry has it where it is not there: who may know that it was decides the same."""
        try:
            return self.views.get(actor, undoing.key), True
        except NotFound:
            gone = view_of(undoing)
            if gone is None:
                raise
        self.views.authorize_seeing(actor, gone)
        return gone, False

    def _folder(self, actor: Actor, undoing: Opposite) -> Folder | None:
        """In the trash or not; None: one of one's own that was deleted."""
        try:
            return self.folders.get(actor, undoing.key)
        except NotFound:
            if undoing.verb is not Verb.CREATE:
                return self.folders.trashed(actor, undoing.key)
            if undoing.by != actor.id:
                raise
            return None

    def _file(self, actor: Actor, key: str) -> File:
        """In the trash or not."""
        try:
            return self.files.get(actor, key)
        except NotFound:
            return self.files.trashed(actor, key)

    def _check_unchanged(self, undoing: Opposite, now: Mapping[str, Any]) -> None:
        moved, newer = undoing.moved(now), self.newer(undoing)
        if newer is not None and undone_entry(newer.event) == undoing.entry_id:
            error = AlreadyUndone(**who_and_when(newer))
            error.job = str(newer.event.get("data", {}).get("job", ""))
            raise error
        if not moved and newer is None:
            return
        # Changed and changed back: the values are the same, and that somebody meant it so counts.
        fields = set(moved) or changed_fields(newer.event) & set(undoing.back) if newer is not None else set(moved)
        changed = {
            field: {"before": undoing.back.get(field), "left": undoing.left.get(field), "now": now.get(field)}
            for field in sorted(fields)
        }
        by = who_and_when(newer) if newer is not None else {}
        message = f"It was changed again since, by {by['by']}." if by.get("by") else ""
        raise ChangedSince(message, changed=changed, **by)

    def _apply(self, actor: Actor, undoing: Opposite, version: int | None) -> None:
        key, back = undoing.key, undoing.back
        kept = self.folders if undoing.type == FOLDERS.name else self.files
        match undoing.type, undoing.verb:
            case USERS.name, Verb.ENABLE:
                self.users.enable(actor, key, version)
            case USERS.name, Verb.DISABLE:
                self.users.disable(actor, key, version)
            case USERS.name, _:
                self.users.update(actor, key, version=version, **back)
            case ROLES.name, Verb.CREATE:
                self.roles.create(actor, name=key, **back)
            case ROLES.name, Verb.DELETE:
                self.roles.delete(actor, key, version)
            case ROLES.name, _:
                self.roles.update(actor, key, version=version, **back)
            case VIEWS.name, Verb.CREATE:
                self._bring_back(actor, undoing)
            case VIEWS.name, Verb.DELETE:
                self.views.delete(actor, key, version)
            case VIEWS.name, _:
                shared = {"shared": back["audience"] == Audience.EVERYBODY} if "audience" in back else {}
                plain = {name: back[name] for name in ("name", "query") if name in back}
                self.views.update(actor, key, version=version, **plain, **shared)
            case FOLDERS.name, Verb.CREATE:
                self.folders.bring_back(actor, key, **back)
            case FOLDERS.name, Verb.DELETE:
                self.folders.delete(actor, key, version)
            case FOLDERS.name, Verb.CHANGE:
                self.folders.update(actor, key, version=version, **back)
            case _, Verb.TRASH:
                kept.trash(actor, key, version)
            case _, Verb.RESTORE:
                kept.restore(actor, key, version)
            case _ if "content" in back:
                self.files.restore_content(actor, key, back["content"], version, back.get("tags"))
            case _:
                self._amend(actor, key, back, version)

    def _bring_back(self, actor: Actor, undoing: Opposite) -> None:
        view = view_of(undoing)
        if view is None:
            raise NotFound
        self.views.bring_back(actor, view)

    def _amend(self, actor: Actor, key: str, back: Mapping[str, Any], version: int | None) -> None:
        try:
            self.files.amend(actor, key, version=version, **back)
        except NameTaken:
            if "owner" not in back:
                raise
            # It came back to where its name is taken by now; there it becomes another one, as with every hand-over.
            self.files.amend(actor, key, owner=back["owner"], version=version)
