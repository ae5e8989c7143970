"""Somebody leaves: shut out, signed out, their files handed over or put into the trash; one act, of which each step is
an act of its own with all that this asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.jobs import Job, Selection
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.domain.users import User
from backoffice.errors import Invalid, NotFound
from backoffice.services.authorization import authorize, authorize_account, user_ref
from backoffice.services.consequences import Consequences, UserConsequences
from backoffice.services.jobs import Jobs
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore
from backoffice.services.sessions import Sessions
from backoffice.services.tokens import Tokens
from backoffice.services.users import Users

SEEN: Final = (Acts.SESSION_READ_ALL, Acts.TOKEN_READ, Acts.FILES_LIST_ALL)
"""What whoever lets somebody leave has to be allowed to see of them."""


class FilesGo(StrEnum):
    """What becomes of the files of somebody who leaves."""

    TRANSFER = "transfer"
    TRASH = "trash"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Departure:
    """What was done at once, and the jobs that do the rest."""

    user: User
    sessions: int
    tokens: int
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Leaving:
    """It takes what its steps take: users:write, sessions:all, tokens:all, jobs:write, and the right to do that to
    everybody's files and uploads."""

    users: Users
    sessions: Sessions
    tokens: Tokens
    jobs: Jobs
    consequences: Consequences
    accounts: AccountStore
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def preview(self, actor: Actor, user_id: str) -> UserConsequences:
        """What there is. Raises NotAllowed, NotFound, ReauthRequired."""
        user = self._leaver(actor, user_id)
        for act in SEEN:
            authorize(self.audit, actor, act, target=user_ref(user))
        return self.consequences.of(actor, user.id)

    def leave(self, actor: Actor, user_id: str, files: FilesGo, heir: str = "") -> Departure:
        """Disable, end sessions and tokens, then jobs for uploads, for what guests have delivered and nobody accepted,
        which is refused, and for files; `heir`: who gets them. Done again, it does what is left to do. Nothing is done
        where a step would be refused by what can be known before.

        Raises what `preview` and the steps raise; Invalid where the heir is not active, or is the one who leaves.
        """
        found = self.preview(actor, user_id)
        user, planned = found.user, self._planned(actor, found, files, heir)
        there = self.sessions.of_user(actor, user.id)
        self.users.disable(actor, user.id)
        for session in there:
            with suppress(NotFound):  # signed out at this moment
                self.sessions.end(actor, session.id)
        tokens = self.tokens.page(actor, Query(filters=(("user", user.id),), limit=500)).items
        for token in tokens:
            with suppress(NotFound):
                self.tokens.revoke(actor, token.id)
        mine = Selection(query=Query(filters=(("owner", user.id),)))
        jobs = tuple(self.jobs.start(actor, kind, mine, args) for kind, args in planned)
        data: dict[str, Any] = {"sessions": len(there), "tokens": len(tokens), "files": str(files)}
        data |= {"owner": heir} if heir else {}
        data |= {"jobs": [job.id for job in jobs]} if jobs else {}
        self.audit.record(AuditEvent(Actions.USER_LEAVE, actor, user_ref(user), data=data, at=self.now()))
        return Departure(user, len(there), len(tokens), jobs)

    def _planned(
        self, actor: Actor, found: UserConsequences, files: FilesGo, heir: str
    ) -> list[tuple[str, dict[str, Any]]]:
        """The jobs, which the actor may start as things stand."""
        if (files is FilesGo.TRANSFER) != bool(heir) or heir == found.user.id:
            raise Invalid("Name somebody else who gets the files, or none.", field="owner")
        wanted: list[tuple[str, dict[str, Any]]] = [("upload.cancel", {})] if found.uploads else []
        if found.waiting:
            wanted.append(("file.refuse", {}))
        always = len(wanted)
        if files is FilesGo.TRANSFER:
            wanted.append(("file.transfer", {"owner": heir}))
        elif files is FilesGo.TRASH:
            wanted.append(("file.trash", {}))
        nobodys = Selection(query=Query(filters=(("owner", found.user.id),)))
        for kind, args in wanted:
            self.jobs.plan(actor, kind, nobodys, args)
        return wanted if found.files else wanted[:always]

    def _leaver(self, actor: Actor, user_id: str) -> User:
        user, _ = authorize_account(self.audit, actor, Acts.USER_LEAVE, self.accounts, user_id, now=self.now())
        if user is None:
            raise NotFound
        if user.id == actor.id:
            raise Invalid("Nobody leaves by their own hand; somebody else does it.", field="user")
        return user
