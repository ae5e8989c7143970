"""Who may do what: the permissions, the built-in roles, and the one function that decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """`<resource>:<verb>`. Each has a line in `DESCRIPTIONS`."""

    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    FILES_DELETE = "files:delete"
    FILES_SHARE = "files:share"
    FILES_ALL_READ = "files.all:read"
    FILES_ALL_WRITE = "files.all:write"
    FILES_ALL_DELETE = "files.all:delete"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ROLES_READ = "roles:read"
    ROLES_WRITE = "roles:write"
    AUDIT_READ = "audit:read"
    AUDIT_EXPORT = "audit:export"
    TOKENS_OWN = "tokens:own"
    TOKENS_ALL = "tokens:all"
    SESSIONS_ALL = "sessions:all"
    SYSTEM_READ = "system:read"
    SYSTEM_WRITE = "system:write"


DESCRIPTIONS: dict[Permission, str] = {
    Permission.FILES_READ: "List and download own files",
    Permission.FILES_WRITE: "Upload and rename own files",
    Permission.FILES_DELETE: "Delete and restore own files",
    Permission.FILES_SHARE: "Share own files by link",
    Permission.FILES_ALL_READ: "List and download everybody's files",
    Permission.FILES_ALL_WRITE: "Rename everybody's files, cancel everybody's uploads",
    Permission.FILES_ALL_DELETE: "Delete and restore everybody's files",
    Permission.USERS_READ: "See users",
    Permission.USERS_WRITE: "Create, change, disable and delete users",
    Permission.ROLES_READ: "See roles",
    Permission.ROLES_WRITE: "Create, change and delete roles",
    Permission.AUDIT_READ: "Read the audit log",
    Permission.AUDIT_EXPORT: "Export the audit log",
    Permission.TOKENS_OWN: "Create and revoke own API tokens",
    Permission.TOKENS_ALL: "See and revoke everybody's API tokens",
    Permission.SESSIONS_ALL: "See and end everybody's sessions",
    Permission.SYSTEM_READ: "See the state of the system",
    Permission.SYSTEM_WRITE: "Change settings of the system",
}

ALL = frozenset(Permission)
OWN_FILES = frozenset({Permission.FILES_READ, Permission.FILES_WRITE, Permission.FILES_DELETE, Permission.FILES_SHARE})

ADMIN = "admin"
"""Identifier and name of the role that the last-administrator rule protects."""

BUILT_IN: dict[str, tuple[str, frozenset[Permission]]] = {
    ADMIN: ("Everything", ALL),
    "operator": (
        "Users and files of everybody, no roles",
        OWN_FILES
        | {
            Permission.FILES_ALL_READ,
            Permission.FILES_ALL_WRITE,
            Permission.FILES_ALL_DELETE,
            Permission.USERS_READ,
            Permission.USERS_WRITE,
            Permission.ROLES_READ,
            Permission.TOKENS_OWN,
            Permission.TOKENS_ALL,
            Permission.SESSIONS_ALL,
            Permission.SYSTEM_READ,
        },
    ),
    "auditor": (
        "Reads everything, writes nothing",
        frozenset(
            {
                Permission.FILES_READ,
                Permission.FILES_ALL_READ,
                Permission.USERS_READ,
                Permission.ROLES_READ,
                Permission.AUDIT_READ,
                Permission.AUDIT_EXPORT,
                Permission.SYSTEM_READ,
            }
        ),
    ),
    "user": ("Own files", OWN_FILES | {Permission.TOKENS_OWN}),
}
"""Role name -> description and permissions. They can be given and taken, not changed or deleted."""

EVERYBODYS = {
    Permission.FILES_READ: Permission.FILES_ALL_READ,
    Permission.FILES_WRITE: Permission.FILES_ALL_WRITE,
    Permission.FILES_DELETE: Permission.FILES_ALL_DELETE,
    Permission.TOKENS_OWN: Permission.TOKENS_ALL,
}
"""The permission that reaches everybody's objects where the first reaches one's own."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and on what ground. Made at the edge (web, shell, worker), read by services.

    `roles` are role names with what each grants; a token's `scopes` narrow them, never widen.
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

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that the roles grant, within the token's scopes."""
        held = frozenset[Permission]().union(*(granted for _, granted in self.roles))
        return held if self.scopes is None else held & self.scopes

    @property
    def signed_in(self) -> bool:
        return bool(self.id)


ANONYMOUS = Actor(id="", name="")


def system_actor(name: str, via: str) -> Actor:
    """The actor of the shell and of the worker: holds everything, and is named in the log."""
    return Actor(id=f"system-{name}", name=name, roles=((ADMIN, ALL),), via=via)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and its reason, for the one who asks "why?"."""

    allowed: bool
    because: str


def decide(actor: Actor, permission: Permission, owner: str | None = None) -> Decision:
    """Whether `actor` may, and why. `owner` is the owner's id where the object has one.

    For an object that is not the actor's own, the permission for everybody's objects is needed.
    """
    if not actor.signed_in:
        return Decision(False, "nobody is signed in")
    needed = permission
    if owner is not None and owner != actor.id:
        if permission not in EVERYBODYS:
            return Decision(False, f"{permission} reaches own objects only")
        needed = EVERYBODYS[permission]
    for role, granted in actor.roles:
        if needed in granted:
            if actor.scopes is not None and needed not in actor.scopes:
                return Decision(False, f"role {role} grants {needed}, the token's scopes do not include it")
            return Decision(True, f"role {role} grants {needed}")
    return Decision(False, f"no role of {actor.name} grants {needed}")


def may(actor: Actor, permission: Permission, owner: str | None = None) -> bool:
    """`decide(...)` without the reason."""
    return decide(actor, permission, owner).allowed


def parse_permissions(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions named. Raises ValueError naming the first unknown one."""
    found = set()
    for name in names:
        try:
            found.add(Permission(name))
        except ValueError:
            raise ValueError(f"there is no permission {name[:60]!r}") from None
    return frozenset(found)
