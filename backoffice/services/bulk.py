"""What can be done to many records at once: the one table of kinds of jobs, and the lists that they walk.

Each act is the method of the service that does it to one record, with all that this asks; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts
from backoffice.domain.files import clean_tags
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Page, Query
from backoffice.errors import Invalid
from backoffice.services.files import Files
from backoffice.services.sessions import Sessions
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users

Arguments = Mapping[str, Any]


def _only(given: Arguments, *names: str) -> None:
    for name in given:
        if name not in names:
            raise Invalid(f"There is no argument {str(name)[:40]!r}.", field="args")


def _nothing(given: Arguments) -> dict[str, Any]:
    _only(given)
    return {}


@dataclass(frozen=True, slots=True)
class BulkList:
    """A list whose records jobs are about. `sort` and `descending` name an order in which an act moves no record, so
    that a cursor neither skips nor repeats one; `since` is when a record came into the list (ms): one that comes after
    a job was started is not its business."""

    noun: str
    page: Callable[[Actor, Query], Page[Any]]
    get: Callable[[Actor, str], Any]
    title: Callable[[Any], str]
    size: Callable[[Any], int] | None = None
    sort: str = "created"
    descending: bool = True
    since: Callable[[Any], int] = lambda record: int(record.created_at)
    who: Callable[[Any], str] = lambda record: str(record.owner)


@dataclass(frozen=True, slots=True)
class BulkKind:
    """One kind of job. `act` is asked before each step, `run` asks it of each record. `done` as in `3 files were …`;
    `final`: it cannot be undone. `clean` makes the arguments of what was entered; raises Invalid."""

    name: str
    text: str
    done: str
    act: Act
    over: BulkList
    run: Callable[[Actor, str, Arguments], Any]
    final: bool = False
    clean: Callable[[Arguments], dict[str, Any]] = _nothing


class Bulk:
    """The table, over the services of one application."""

    def __init__(self, files: Files, uploads: Uploads, users: Users, sessions: Sessions) -> None:
        self._files, self._uploads, self._users, self._sessions = files, uploads, users, sessions
        stored, trash, arriving, people = self._lists()
        kinds = (*self._of_files(stored), *self._of_trash(trash), *self._of_uploads(arriving), *self._of_users(people))
        self.kinds = {kind.name: kind for kind in kinds}

    def _lists(self) -> tuple[BulkList, BulkList, BulkList, BulkList]:
        files, uploads, users = self._files, self._uploads, self._users
        stored = BulkList(
            "file",
            lambda actor, query: files.page(actor, query, everybody=True),
            files.get,
            lambda file: str(file.name),
            size=lambda file: int(file.size),
        )
        trash = BulkList(
            "file",
            lambda actor, query: files.trash_page(actor, query, everybody=True),
            files.trashed,
            lambda file: str(file.name),
            size=lambda file: int(file.size),
            sort="purge",
            descending=False,
            since=lambda file: int(file.updated_at),
        )
        arriving = BulkList(
            "upload",
            uploads.page,
            lambda actor, key: uploads.state(actor, key).upload,
            lambda upload: str(upload.name or upload.id),
            size=lambda upload: int(upload.bytes),
        )
        people = BulkList("user", users.page, users.get, lambda user: str(user.username), who=lambda user: str(user.id))
        return stored, trash, arriving, people

    def _of_files(self, stored: BulkList) -> Iterator[BulkKind]:
        files = self._files
        trash, transfer = _method(files.trash), Acts.FILE_TRANSFER
        yield BulkKind("file.trash", "Move to trash", "moved to the trash", Acts.FILE_TRASH, stored, trash)
        yield BulkKind("file.tag", "Change tags", "tagged", Acts.FILE_TAG, stored, self._retag, clean=_tags)
        yield BulkKind(
            "file.transfer",
            "Hand over",
            "handed over",
            transfer,
            stored,
            lambda actor, key, args: files.transfer(actor, key, args["owner"]),
            clean=self._heir,
        )

    def _of_trash(self, trash: BulkList) -> Iterator[BulkKind]:
        restore = _method(self._files.restore)
        yield BulkKind("file.restore", "Restore", "restored", Acts.FILE_RESTORE, trash, restore)
        done = "deleted for good"
        yield BulkKind("file.purge", "Delete for good", done, Acts.FILE_PURGE, trash, self._purge, final=True)

    def _of_uploads(self, arriving: BulkList) -> Iterator[BulkKind]:
        cancel = _method(self._uploads.cancel)
        yield BulkKind("upload.cancel", "Cancel", "cancelled", Acts.UPLOAD_CANCEL, arriving, cancel, final=True)

    def _of_users(self, people: BulkList) -> Iterator[BulkKind]:
        disable, enable = _not_oneself(self._users.disable), _method(self._users.enable)
        sign_out = _not_oneself(self._sessions.end_all)
        yield BulkKind("user.disable", "Disable", "disabled", Acts.USER_DISABLE, people, disable)
        yield BulkKind("user.enable", "Enable", "enabled", Acts.USER_ENABLE, people, enable)
        yield BulkKind("session.end_all", "Sign out", "signed out", Acts.SESSION_END_ALL, people, sign_out, final=True)

    def kind(self, name: str) -> BulkKind:
        """Raises Invalid."""
        found = self.kinds.get(name)
        if found is None:
            raise Invalid(f"kind is one of {', '.join(self.kinds)}.", field="kind")
        return found

    def _retag(self, actor: Actor, key: str, args: Arguments) -> Any:
        add, remove = list(args["add"]), set(args["remove"])
        return self._files.retag(actor, key, lambda tags: [*(tag for tag in tags if tag not in remove), *add])

    def _purge(self, actor: Actor, key: str, _args: Arguments) -> None:
        """What is not in the trash (any more) is not meant."""
        file = self._files.trashed(actor, key)
        self._files.purge(actor, key, file.version)

    def _heir(self, given: Arguments) -> dict[str, Any]:
        owner = given.get("owner", "")
        _only(given, "owner")
        user = self._users.store.get(owner) if isinstance(owner, str) and is_id(owner) else None
        if user is None or not user.active:
            raise Invalid("There is no such active user.", field="owner")
        return {"owner": owner}


def _method(run: Callable[[Actor, str], Any]) -> Callable[[Actor, str, Arguments], Any]:
    """One that takes no arguments."""
    return lambda actor, key, _: run(actor, key)


def _not_oneself(run: Callable[[Actor, str], Any]) -> Callable[[Actor, str, Arguments], Any]:
    """A job must not shut its own starter out half way."""

    def act(actor: Actor, key: str, _args: Arguments) -> Any:
        if key == actor.id:
            raise Invalid("Nobody does this to themselves with others.")
        return run(actor, key)

    return act


def _tags(given: Arguments) -> dict[str, Any]:
    _only(given, "add", "remove")
    wanted = {name: given.get(name) or [] for name in ("add", "remove")}
    for name, tags in wanted.items():
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise Invalid("Tags are a list of texts.", field=name)
    cleaned = {name: list(clean_tags(tags)) for name, tags in wanted.items()}
    if not (cleaned["add"] or cleaned["remove"]):
        raise Invalid("Name a tag to add or to remove.", field="add")
    return cleaned
