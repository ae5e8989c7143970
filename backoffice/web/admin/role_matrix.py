"""Roles as a matrix: rights down, roles across, a box where they meet.

The boxes of a role are named after it. Beside them goes what the person saw of it, version and rights: so one form
changes several roles, leaves alone those that nobody touched, and no change of somebody else is lost unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from werkzeug.datastructures import MultiDict

from backoffice.domain.access import Actor
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.errors import Invalid
from backoffice.services.roles import RoleChange

RIGHTS, SEEN, VERSION = "rights-", "seen-", "version-"
"""How the names of the fields begin; the name of the role follows, which has only a-z, 0-9 and -."""
COLUMNS: Final = 24
"""Custom roles on a page."""


@dataclass(frozen=True, slots=True)
class Column:
    """A role in the head. `version` is what a change has to find; `entered`: what the person has ticked differs from
    what is stored; `apart`: in how many rights it differs from the role that it was copied from."""

    role: Role
    holders: int | None
    editable: bool
    version: int
    entered: bool
    apart: int
    shown: bool

    @property
    def seen(self) -> str:
        """The rights that the page shows as stored, as the form repeats them."""
        return " ".join(str(one) for one in rights() if one in self.role.permissions)


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a right and a role meet. `fixed`: shown, and not to be changed by the one who looks; `apart`: otherwise in
    the role that this one was copied from; `entered`: ticked or cleared, and not saved yet."""

    column: Column
    checked: bool
    fixed: bool
    apart: bool
    entered: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A right."""

    right: Permission
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Entered:
    """What was sent: for each role the version and the rights that were seen, and those that are ticked."""

    versions: Mapping[str, int]
    seen: Mapping[str, frozenset[str]]
    rights: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> Entered:
        """Raises Invalid for what no page sends."""
        versions = {name.removeprefix(VERSION): _number(form[name]) for name in form if name.startswith(VERSION)}
        offered = {str(one) for one in rights()}
        seen = {name: frozenset(form.get(f"{SEEN}{name}", "").split()) & offered for name in versions}
        ticked = {name: frozenset(form.getlist(f"{RIGHTS}{name}")) & offered for name in versions}
        return cls(versions, seen, ticked)

    def changes(self, roles: Mapping[str, Role]) -> dict[str, RoleChange]:
        """What the person changed and is not so yet. What is not offered here stays as it is; of a role that is gone,
        or built in, the service says so."""
        found = {}
        for name, ticked in self.rights.items():
            if ticked == self.seen[name]:
                continue
            stored = roles.get(name)
            wanted = ticked | (_kept(stored) if stored is not None else frozenset())
            if stored is None or wanted != stored.permissions:
                found[name] = RoleChange(wanted, self.versions[name])
        return found

    def conflicts(self, roles: Mapping[str, Role]) -> list[Role]:
        """Those that somebody else changed since, and that are not as they were entered."""
        changed = self.changes(roles)
        return [
            roles[name]
            for name, version in self.versions.items()
            if name in roles and name in changed and roles[name].version != version
        ]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The table."""

    columns: tuple[Column, ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]

    @property
    def editable(self) -> bool:
        return any(column.editable for column in self.columns)

    @property
    def shown(self) -> Column:
        """The role that a phone shows."""
        return next(column for column in self.columns if column.shown)


def rights() -> list[Permission]:
    """Those that can be given."""
    return [one for one in all_permissions() if one.offered]


def paged(roles: Iterable[Role], start: int) -> tuple[list[Role], int]:
    """Built-in ones, always, and the custom ones from `start` on; and how many custom ones there are."""
    known = list(roles)
    custom = sorted((one for one in known if not one.built_in), key=lambda one: one.name)
    return [*(one for one in known if one.built_in), *custom[start : start + COLUMNS]], len(custom)


def matrix(
    roles: Sequence[Role],
    known: Mapping[str, Role],
    asking: Actor,
    *,
    may_change: frozenset[str],
    holders: Mapping[str, int] | None = None,
    entered: Entered | None = None,
    shown: str = "",
) -> Matrix:
    """`may_change`: names of the roles that the person asking can change; `shown`: which one a phone shows."""
    first = shown if any(one.name == shown for one in roles) else roles[-1].name
    columns = tuple(_column(one, known, may_change, holders, entered, one.name == first) for one in roles)
    rows = [Row(right, tuple(_cell(one, known, right, asking, entered) for one in columns)) for right in rights()]
    return Matrix(columns, tuple((name, tuple(some)) for name, some in groupby(rows, key=lambda row: row.right.group)))


def _column(
    role: Role,
    known: Mapping[str, Role],
    may_change: frozenset[str],
    holders: Mapping[str, int] | None,
    entered: Entered | None,
    shown: bool,
) -> Column:
    like = known.get(role.copied_from)
    return Column(
        role,
        None if holders is None else holders.get(role.name, 0),
        role.name in may_change,
        role.version,
        entered is not None and role.name in entered.changes(known),
        0 if like is None else sum(_differs(role, like, right) for right in rights()),
        shown,
    )


def _cell(column: Column, known: Mapping[str, Role], right: Permission, asking: Actor, entered: Entered | None) -> Cell:
    role, like = column.role, known.get(column.role.copied_from)
    stored = right in role.permissions
    ticked = right in entered.rights[role.name] if column.entered and entered is not None else stored
    fixed = not column.editable or right not in asking.permissions
    return Cell(column, ticked, fixed, like is not None and _differs(role, like, right), ticked != stored)


def _differs(role: Role, like: Role, right: Permission) -> bool:
    return (right in role.permissions) != (right in like.permissions)


def _kept(role: Role) -> frozenset[Permission]:
    """Permissions of the role that the matrix does not show."""
    return role.permissions.difference(rights())


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid("The form is incomplete; open it again.")
    return int(text)
