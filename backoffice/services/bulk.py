"""What can be done to many records at once: the one table of kinds of jobs, and the lists that they walk.

Each act is the method of the service that does it to one record, with all that this asks; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts
from backoffice.domain.files import clean_tags
from backoffice.domain.ids import is_id
from backoffice.domain.jobs import Job
from backoffice.domain.permissions import Permission
from backoffice.errors import Invalid
from backoffice.services.authorization import session_credential
from backoffice.services.bulk_lists import (
    BulkList,
    Doubt,
    api_tokens,
    living_sessions,
    open_uploads,
    people,
    share_links,
    shares_with_people,
    stored_files,
    trashed_files,
    waiting_files,
)
from backoffice.services.deliveries import Deliveries
from backoffice.services.files import Files
from backoffice.services.links import Links
from backoffice.services.sessions import Sessions
from backoffice.services.shares import Shares
from backoffice.services.tokens import Tokens
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users

Arguments = Mapping[str, Any]
NOT_ONESELF: Final = "Nobody does this to themselves with others."
STAYS: Final = "The session from which this is done stays."


def _only(given: Arguments, *names: str) -> None:
    for name in given:
        if name not in names:
            raise Invalid(f"There is no argument {str(name)[:40]!r}.", field="args")


def _nothing(given: Arguments) -> dict[str, Any]:
    _only(given)
    return {}


@dataclass(frozen=True, slots=True)
class BulkKind:
    """One kind of job. `act` is asked before each step, `run` asks it of each record. `done` as in `3 files were …`;
    `final`: it cannot be undone. `clean` makes the arguments of what was entered; raises Invalid. `doubt`: why this act
    will be refused for a record, besides what its list says; "" where nothing is known."""

    name: str
    text: str
    done: str
    act: Act
    over: BulkList
    run: Callable[[Actor, str, Arguments], Any]
    final: bool = False
    clean: Callable[[Arguments], dict[str, Any]] = _nothing
    doubt: Callable[[Actor, Any], str] = lambda _actor, _record: ""

    def needed(self, job: Job) -> Permission | None:
        """What its starter has to hold all the time."""
        return self.act.takes if job.ids else self.act.foreign

    def doubts(self, actor: Actor) -> Doubt:
        """What is known to speak against doing it to a record."""
        by_list, act = self.over.doubts(actor, self.act), self.doubt
        return lambda record: act(actor, record) or by_list(record)


class Bulk:
    """The table, over the services of one application."""

    def __init__(
        self,
        files: Files,
        uploads: Uploads,
        users: Users,
        sessions: Sessions,
        tokens: Tokens,
        links: Links,
        shares: Shares,
        deliveries: Deliveries,
    ) -> None:
        self._files, self._uploads, self._users = files, uploads, users
        self._sessions, self._tokens = sessions, tokens
        kinds = (
            *self._of_files(stored_files(files)),
            *self._of_trash(trashed_files(files)),
            *self._of_uploads(open_uploads(uploads)),
            *self._of_users(people(users)),
            *self._of_ways_in(living_sessions(sessions, users), api_tokens(tokens, users)),
            self._of_links(links),
            self._of_shares(shares),
            self._of_deliveries(deliveries),
        )
        self.kinds = {kind.name: kind for kind in kinds}

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

    def _of_users(self, users: BulkList) -> Iterator[BulkKind]:
        disable, enable = _not_oneself(self._users.disable), _method(self._users.enable)
        sign_out, revoke = _not_oneself(self._sessions.end_all), _method(self._tokens.revoke_all)
        end, drop = Acts.SESSION_END_ALL, Acts.TOKEN_REVOKE
        yield BulkKind("user.disable", "Disable", "disabled", Acts.USER_DISABLE, users, disable, doubt=_oneself)
        yield BulkKind("user.enable", "Enable", "enabled", Acts.USER_ENABLE, users, enable)
        yield BulkKind("session.end_all", "Sign out", "signed out", end, users, sign_out, final=True, doubt=_oneself)
        yield BulkKind("token.revoke_all", "Revoke tokens", "without tokens now", drop, users, revoke, final=True)

    def _of_ways_in(self, sessions: BulkList, tokens: BulkList) -> Iterator[BulkKind]:
        end, revoke = self._end, _method(self._tokens.revoke)
        act = Acts.SESSION_END_ALL
        yield BulkKind("session.end", "End", "ended", act, sessions, end, final=True, doubt=_here)
        yield BulkKind("token.revoke", "Revoke", "revoked", Acts.TOKEN_REVOKE, tokens, revoke, final=True)

    @staticmethod
    def _of_links(links: Links) -> BulkKind:
        revoke = _method(links.revoke)
        return BulkKind("link.revoke", "Revoke", "revoked", Acts.LINK_REVOKE, share_links(links), revoke, final=True)

    @staticmethod
    def _of_shares(shares: Shares) -> BulkKind:
        over, revoke = shares_with_people(shares), _method(shares.revoke)
        return BulkKind("share.revoke", "Revoke", "revoked", Acts.SHARE_REVOKE, over, revoke, final=True)

    @staticmethod
    def _of_deliveries(deliveries: Deliveries) -> BulkKind:
        over, refuse = waiting_files(deliveries), _method(deliveries.refuse)
        return BulkKind("file.refuse", "Refuse", "refused", Acts.FILE_REFUSE, over, refuse, final=True)

    def include(self, kind: BulkKind) -> None:
        """One more, of what stands above this table."""
        self.kinds[kind.name] = kind

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

    def _end(self, actor: Actor, key: str, _args: Arguments) -> None:
        """But for the one from which it was started."""
        if actor.credential == session_credential(key):
            raise Invalid(STAYS)
        self._sessions.end(actor, key)


def _method(run: Callable[[Actor, str], Any]) -> Callable[[Actor, str, Arguments], Any]:
    """One that takes no arguments."""
    return lambda actor, key, _: run(actor, key)


def _not_oneself(run: Callable[[Actor, str], Any]) -> Callable[[Actor, str, Arguments], Any]:
    """A job must not shut its own starter out half way."""

    def act(actor: Actor, key: str, _args: Arguments) -> Any:
        if key == actor.id:
            raise Invalid(NOT_ONESELF)
        return run(actor, key)

    return act


def _oneself(actor: Actor, user: Any) -> str:
    return NOT_ONESELF if user.id == actor.id else ""


def _here(actor: Actor, session: Any) -> str:
    return STAYS if actor.credential == session_credential(session.id) else ""


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
