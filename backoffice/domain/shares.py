"""Shares: what lets a person, or everybody who has a role, reach a file or folder that is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permission, Permissions

SHARES: Final = Noun(
    "share",
    read=Permissions.LINKS_READ,
    write=Permissions.LINKS_WRITE,
    create=Actions.SHARE_CREATE,
    update=Actions.SHARE_UPDATE,
    delete=Actions.SHARE_REVOKE,
    recorded=("kind", "object", "to", "grantee", "grantee_name", "access"),
    recorded_at_deletion=("owner", "kind", "object", "to", "grantee", "grantee_name", "access"),
)


class ShareKind(StrEnum):
    """What is shared. A folder is shared with all that lies in it at the moment, however deep."""

    FILE = "file"
    FOLDER = "folder"


class Grantee(StrEnum):
    """With whom."""

    USER = "user"
    ROLE = "role"


class ShareAccess(StrEnum):
    """What it gives: to see and download; with `write` also to put files into the folder, and to give other content to
    the file, or to those in the folder."""

    READ = "read"
    WRITE = "write"


class ShareState(StrEnum):
    """What a share is worth. `blocked`: something about its owner, its object or its role bars it; who uses it then
    closes it for good (`closed`). A revoked share is no record any more."""

    OPEN = "open"
    BLOCKED = "blocked"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Share:
    """`object` is the identifier of the file or folder, which it follows wherever its owner moves it; `name` what that
    was called then. `grantee`: identifier of the user, or name of the role; `grantee_name` as it was called then. Times
    in ms; `closed_at` 0 while nothing has closed it, else `closed_because` says what did. `reopened_at`: when it was
    opened again, so that what barred it before counts no more."""

    id: str
    owner: str
    kind: ShareKind
    object: str
    name: str
    to: Grantee
    grantee: str
    grantee_name: str
    created_at: int
    updated_at: int
    access: ShareAccess = ShareAccess.READ
    closed_at: int = 0
    closed_because: str = ""
    reopened_at: int = 0
    version: int = 1

    @property
    def since(self) -> int:
        """What barred it at this time or later has closed it (ms)."""
        return max(self.created_at, self.reopened_at)

    @property
    def gives(self) -> frozenset[Permission]:
        """The rights that it gives within its object, and nowhere else."""
        return GIVES[self.access]

    def is_for(self, actor: Actor) -> bool:
        """Whether it is this person, or a role that they have now, with whom it is shared."""
        return (self.to, self.grantee) in grants_to(actor)

    def standing(self, bar: str = "") -> ShareStanding:
        """`bar`: what its owner, its object or its role has against it, "" = nothing."""
        if self.closed_at:
            return ShareStanding(ShareState.CLOSED, self.closed_because)
        return ShareStanding(ShareState.BLOCKED, bar) if bar else ShareStanding(ShareState.OPEN)


GIVES: Final = {
    ShareAccess.READ: frozenset({Permissions.FILES_READ}),
    ShareAccess.WRITE: frozenset({Permissions.FILES_READ, Permissions.FILES_WRITE}),
}


@dataclass(frozen=True, slots=True)
class ShareStanding:
    """How a share stands; `because`: what keeps it from being open."""

    state: ShareState
    because: str = ""


@dataclass(frozen=True, slots=True)
class HeldShare:
    """A share as lists show it. `name`: of the object now, or as it was when that is gone; `username`: of the owner,
    or the id of who is deleted; `size`, `mime_type`: of a file, 0 and "" of a folder."""

    share: Share
    name: str
    username: str
    standing: ShareStanding
    size: int = 0
    mime_type: str = ""

    @property
    def id(self) -> str:
        return self.share.id

    @property
    def version(self) -> int:
        return self.share.version

    @property
    def owner(self) -> str:
        return self.share.owner

    @property
    def kind(self) -> ShareKind:
        return self.share.kind

    @property
    def object(self) -> str:
        return self.share.object

    @property
    def to(self) -> Grantee:
        return self.share.to

    @property
    def grantee(self) -> str:
        return self.share.grantee

    @property
    def grantee_name(self) -> str:
        return self.share.grantee_name

    @property
    def access(self) -> ShareAccess:
        return self.share.access

    @property
    def created_at(self) -> int:
        return self.share.created_at

    @property
    def updated_at(self) -> int:
        return self.share.updated_at

    @property
    def state(self) -> ShareState:
        return self.standing.state

    @property
    def because(self) -> str:
        return self.standing.because


def grants_to(actor: Actor) -> tuple[tuple[Grantee, str], ...]:
    """All with whom something may be shared for it to be shared with this person: themselves, and their roles."""
    return ((Grantee.USER, actor.id), *((Grantee.ROLE, name) for name, _ in actor.roles))
