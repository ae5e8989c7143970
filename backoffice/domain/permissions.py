"""The permissions: one table, to which each further noun adds its own pair (`domain/nouns.py`)."""

from __future__ import annotations

from typing import Final, Self

OPERATOR: Final = "operator"
AUDITOR: Final = "auditor"
USER: Final = "user"


class Permission(str):
    """The right to do one thing, named `<resource>:<verb>`.

    `group` and `text` are what people read about it; `roles` the built-in roles that grant it, besides admin, which
    grants all. `offered`: people can give it in a role; what opens nothing yet is not. Equal to its name as text.
    """

    __slots__ = ("group", "offered", "roles", "text")
    group: str
    text: str
    roles: tuple[str, ...]
    offered: bool

    def __new__(cls, name: str, group: str = "", text: str = "", *roles: str, offered: bool = True) -> Self:
        self = super().__new__(cls, name)
        self.group, self.text, self.roles, self.offered = group, text, roles, offered
        return self

    @property
    def resource(self) -> str:
        """What it is a right to."""
        return self.partition(":")[0]

    @property
    def verb(self) -> str:
        """What it lets one do with it."""
        return self.partition(":")[2]


class Permissions:
    """Name, group and text of each, and the built-in roles that grant it; in the order in which people see them."""

    FILES_READ = Permission("files:read", "Own files", "List and download own files", OPERATOR, AUDITOR, USER)
    FILES_WRITE = Permission("files:write", "Own files", "Upload and rename own files", OPERATOR, USER)
    FILES_DELETE = Permission("files:delete", "Own files", "Delete and restore own files", OPERATOR, USER)
    FILES_SHARE = Permission("files:share", "Own files", "Share own files by link and with people", OPERATOR, USER)
    FILES_REQUEST = Permission("files:request", "Own files", "Request files from others by link", OPERATOR, USER)
    FILES_ALL_READ = Permission(
        "files.all:read", "Everybody's files", "List and download everybody's files", OPERATOR, AUDITOR
    )
    FILES_ALL_WRITE = Permission(
        "files.all:write", "Everybody's files", "Rename everybody's files, cancel everybody's uploads", OPERATOR
    )
    FILES_ALL_DELETE = Permission(
        "files.all:delete", "Everybody's files", "Delete and restore everybody's files", OPERATOR
    )
    USERS_READ = Permission("users:read", "Users", "See users", OPERATOR, AUDITOR)
    USERS_WRITE = Permission("users:write", "Users", "Create, change, disable and delete users", OPERATOR)
    ROLES_READ = Permission("roles:read", "Roles", "See roles", OPERATOR, AUDITOR)
    ROLES_WRITE = Permission("roles:write", "Roles", "Create, change and delete roles")
    AUDIT_READ = Permission("audit:read", "Audit log", "Read the audit log", AUDITOR)
    AUDIT_EXPORT = Permission("audit:export", "Audit log", "Export the audit log", AUDITOR)
    TOKENS_OWN = Permission("tokens:own", "API tokens", "Create and revoke own API tokens", OPERATOR, USER)
    TOKENS_ALL = Permission("tokens:all", "API tokens", "See and revoke everybody's API tokens", OPERATOR)
    LINKS_READ = Permission("links:read", "Sharing", "See everybody's share links and shares", OPERATOR, AUDITOR)
    LINKS_WRITE = Permission("links:write", "Sharing", "Revoke everybody's share links and shares", OPERATOR)
    SESSIONS_ALL = Permission("sessions:all", "Sessions", "See and end everybody's sessions", OPERATOR)
    JOBS_READ = Permission("jobs:read", "Jobs", "See everybody's jobs", OPERATOR, AUDITOR)
    JOBS_WRITE = Permission("jobs:write", "Jobs", "Start jobs on many records, stop jobs", OPERATOR)
    VIEWS_WRITE = Permission("views:write", "Saved views", "Change and delete what others share", OPERATOR)
    SYSTEM_READ = Permission("system:read", "System", "See the state of the system", OPERATOR, AUDITOR)
    SYSTEM_WRITE = Permission("system:write", "System", "Repair the store")
