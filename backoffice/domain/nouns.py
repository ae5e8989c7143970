"""What a kind of record is called, who may see and change it, and which acts on it are recorded.

A noun's own module declares it, with the permissions and actions that come with it:

    NOTES = declare_noun("note", "Notes", read="See notes", write="Create, change and delete notes",
                         readers=(OPERATOR, AUDITOR), writers=(OPERATOR,), recorded=("title", "text"))

and one line in `NOUNS` makes it known: to roles, to the pages that offer permissions, and to the filters of the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.domain.actions import Action, Actions
from backoffice.domain.permissions import Permission, Permissions


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of record.

    `name` is the type of the object in the log and the word for one of them. `recorded` are the fields whose old and
    new values go into the log, `recorded_at_deletion` those whose last values do. `title` is the field by which people
    call a record.
    """

    name: str
    read: Permission
    write: Permission
    create: Action
    delete: Action
    update: Action | None = None
    recorded: tuple[str, ...] = ()
    recorded_at_deletion: tuple[str, ...] = ()
    title: str = "name"

    @property
    def plural(self) -> str:
        """The word for several of them: in addresses, in keys, and what its permissions are named after."""
        return self.read.resource


def declare_noun(
    name: str,
    group: str,
    *,
    read: str,
    write: str,
    readers: tuple[str, ...] = (),
    writers: tuple[str, ...] = (),
    recorded: tuple[str, ...] = (),
    title: str = "name",
    plural: str = "",
) -> Noun:
    """A noun with a pair of permissions and three actions of its own.

    `group` stands above its permissions, `read` and `write` say what they allow; `readers` and `writers` are the
    built-in roles that grant them. `plural` is made by an s unless given.
    """
    plural = plural or f"{name}s"
    return Noun(
        name,
        read=Permission(f"{plural}:read", group, read, *readers),
        write=Permission(f"{plural}:write", group, write, *writers),
        create=Action(f"{name}.create"),
        update=Action(f"{name}.update"),
        delete=Action(f"{name}.delete"),
        recorded=recorded,
        title=title,
    )


NOUNS: tuple[Noun, ...] = ()
"""Those with permissions and actions of their own, one line each. A noun's module imports no more of the domain than
this module and `permissions.py`, so that this table can import it."""


def all_permissions() -> tuple[Permission, ...]:
    """Every permission there is, in the order in which people see them."""
    core = [one for one in vars(Permissions).values() if isinstance(one, Permission)]
    return (*core, *(one for noun in NOUNS for one in (noun.read, noun.write)))


def all_actions() -> tuple[Action, ...]:
    """Every action there is."""
    core = [one for one in vars(Actions).values() if isinstance(one, Action)]
    return (*core, *(one for noun in NOUNS for one in (noun.create, noun.update, noun.delete) if one is not None))
