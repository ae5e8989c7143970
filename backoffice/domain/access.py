"""Who may do what: the permissions, the built-in roles, and the one function that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import AUDITOR, OPERATOR, USER, Permission, Permissions
from backoffice.domain.versions import Version

ADMIN = "admin"
"""Identifier and name of the role that the last-administrator rule protects."""

BUILT_IN: dict[str, str] = {
    ADMIN: "Everything",
    OPERATOR: "Users and files of everybody, no roles",
    AUDITOR: "Reads everything, writes nothing",
    USER: "Own files",
}
"""Role name -> description. They can be given and taken, not changed or deleted."""


def granted_by(built_in: str) -> frozenset[Permission]:
    """What a built-in role grants: admin everything, the others what the table of permissions says of them."""
    return frozenset(one for one in all_permissions() if built_in == ADMIN or built_in in one.roles)


def describe(permission: str) -> str:
    """What people read about a permission, "" for one that is not known here."""
    return next((one.text for one in all_permissions() if one == permission), "")


OWN_TO_ALL = {
    Permissions.FILES_READ: Permissions.FILES_ALL_READ,
    Permissions.FILES_WRITE: Permissions.FILES_ALL_WRITE,
    Permissions.FILES_DELETE: Permissions.FILES_ALL_DELETE,
    Permissions.FILES_SHARE: Permissions.LINKS_WRITE,
    Permissions.FILES_REQUEST: Permissions.LINKS_WRITE,
    Permissions.TOKENS_OWN: Permissions.TOKENS_ALL,
    Permissions.SESSIONS_ALL: Permissions.SESSIONS_ALL,
    Permissions.JOBS_WRITE: Permissions.JOBS_READ,
}
"""The permission that reaches everybody's objects where the first reaches one's own."""


class Ground(Protocol):
    """What the rights of an actor rest on, for as long as a request lasts.

    A request that takes long is allowed at its beginning and acts at its end. So whoever decides notes the question
    here; the store compares `versions` in the same step as it acts, and where one of them has moved, `renew` asks all
    questions again of the actor as there is one now.
    """

    @property
    def versions(self) -> Sequence[Version]:
        """As read last: of the credential, the user, the roles."""

    @property
    def renewed(self) -> Actor | None:
        """Whose it is, as `renew` has read it last; None: nothing has moved so far."""

    def note(self, ask: Callable[[Actor], None]) -> None:
        """A question that was answered with yes; asked again, it raises what the refusal is."""

    def renew(self) -> None:
        """Read everything anew. Raises NotSignedIn where the credential was taken away, and what a question that was
        noted raises; else `versions` are new ones."""

    def confirm(self) -> None:
        """For an act that takes long: `renew` if something has moved, and let the credential live on meanwhile. Asks
        the store once in a while only."""


@dataclass(frozen=True, slots=True)
class JobMark:
    """The job in which somebody acts, and the token of the worker that carries it out: a commit of another one, which
    has lost it, has no effect. `record`: which of its records the act is for, where the act's object is another."""

    id: str
    token: str
    record: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and on what ground. Made at the edge (web, shell, worker), read by services.

    `roles` are role names with what each grants; a token's `scopes` narrow them, never widen. `ground` is None where
    nothing can be taken away: in the shell and in the worker, and when a request clears away what it left. `job`:
    where a job acts in somebody's name. `undoes`: the entry of the log that is undone by what is done. `acts_for`:
    whose files are meant, where somebody may do something within another's; the roles are then what was given for that
    alone, and of uploads only those are reached that were begun by the same (`begins_as`). `through`: by what it was
    given to a person, as the type and identifier of a record; "" where the `credential` says that.
    """

    id: str
    name: str
    roles: tuple[tuple[str, frozenset[Permission]], ...] = ()
    scopes: frozenset[Permission] | None = None
    via: str = "web"
    ip: str = ""
    agent: str = ""
    credential: str = ""
    auth_at: int = 0
    request_id: str = ""
    ground: Ground | None = field(default=None, compare=False, repr=False)
    job: JobMark | None = None
    undoes: str = ""
    acts_for: str = ""
    through: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that the roles grant, within the token's scopes."""
        return _held(self.roles, self.scopes)

    @property
    def signed_in(self) -> bool:
        return bool(self.id)

    @property
    def owner(self) -> str:
        """Whose files these are that count as one's own."""
        return self.acts_for or self.id

    @property
    def begins_as(self) -> str:
        """Under what uploads are known again that one begins within another's files: a person to whom that was given is
        the same one in another session."""
        return f"{self.through}:{self.id}" if self.through else self.credential


@lru_cache(maxsize=1024)
def _held(
    roles: tuple[tuple[str, frozenset[Permission]], ...], scopes: frozenset[Permission] | None
) -> frozenset[Permission]:
    """Asked for several times in a request, and the same for all people of the same roles."""
    held = frozenset[Permission]().union(*(granted for _, granted in roles))
    return held if scopes is None else held & scopes


ANONYMOUS = Actor(id="", name="")


def system_actor(name: str, via: str) -> Actor:
    """The actor of the shell and of the worker: holds everything, and is named in the log."""
    return Actor(id=f"system-{name}", name=name, roles=((ADMIN, granted_by(ADMIN)),), via=via)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and its reason, for the one who asks "why?". `needed` is the permission that was looked for; None
    where none was."""

    allowed: bool
    reason: str
    needed: Permission | None = None


def decide(actor: Actor, permission: Permission, owner: str | None = None) -> Decision:
    """Whether `actor` may, and why. `owner` is the owner's id where the object has one.

    For an object that is not the actor's own, the permission for everybody's objects is needed.
    """
    if not actor.signed_in:
        return Decision(False, "nobody is signed in")
    needed = permission
    if owner is not None and owner != actor.owner:
        if permission not in OWN_TO_ALL:
            return Decision(False, f"{permission} reaches own objects only")
        needed = OWN_TO_ALL[permission]
    for role, granted in actor.roles:
        if needed in granted:
            if actor.scopes is not None and needed not in actor.scopes:
                return Decision(False, f"role {role} grants {needed}, the token's scopes do not include it", needed)
            return Decision(True, f"role {role} grants {needed}", needed)
    return Decision(False, f"no role of {actor.name} grants {needed}", needed)


def may(actor: Actor, permission: Permission, owner: str | None = None) -> bool:
    """`decide(...)` without the reason."""
    return decide(actor, permission, owner).allowed


def parse_permissions(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions named. Raises ValueError naming the first unknown one."""
    known = {str(one): one for one in all_permissions()}
    found = set()
    for name in names:
        if name not in known:
            raise ValueError(f"there is no permission {name[:60]!r}")
        found.add(known[name])
    return frozenset(found)
