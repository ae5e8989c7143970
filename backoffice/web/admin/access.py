"""What the endpoints of an admin view take: told to the site's route table, and asked of it by the pages.

The gate (`web/route_guard.py`) asks whether the acts of an endpoint are open to the person at all, before a body is
parsed; the services ask again, knowing the record. A view adds what it alone knows: that an endpoint it never declared
is for nobody, and where one may be sent back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from flask import Flask, current_app, request
from flask_admin import BaseView

from backoffice.domain.acts import Act, act_on
from backoffice.domain.audit import ObjectRef
from backoffice.domain.nouns import Noun
from backoffice.errors import Invalid, NotAllowed, NotFound
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.local_paths import is_local_path
from backoffice.web.route_access import Access, Who, access_of, access_to, declare
from backoffice.web.route_guard import is_permitted

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

NOBODY: Final = Access(Who.NOBODY)


@dataclass(frozen=True, slots=True)
class ViewActs:
    """What a view offers, as acts of the table: its addresses, forms and buttons are there for whoever may do that to
    what is somebody else's. What is None nobody does here. `list`: to see them all, where that is an act of its own;
    `export`: to take the list along, likewise."""

    read: Act
    list: Act | None = None
    create: Act | None = None
    update: Act | None = None
    delete: Act | None = None
    export: Act | None = None

    @classmethod
    def of(cls, noun: Noun) -> ViewActs:
        """Those on the records of a noun."""
        return cls(**{verb: act_on(noun, verb) for verb in ("read", "create", "update", "delete")})

    @property
    def listing(self) -> Act:
        """To see the list."""
        return self.list or self.read


@dataclass(frozen=True, slots=True)
class ViewAccess:
    """The endpoints of one view by the names of their methods, and what each demands. Others are for nobody."""

    view: str
    rules: Mapping[str, Access]

    def declare(self, app: Flask, view: BaseView) -> None:
        """Put every endpoint of the view into the route table."""
        for _, name, _ in view._urls:  # noqa: SLF001 - where Flask-Admin keeps what `@expose` marked
            declare(app, f"{self.view}.{name}", self.rules.get(name, NOBODY))

    def is_permitted(self, name: str) -> bool:
        """Whether the view has the endpoint and the person asking may call it: what pages ask before they link."""
        return is_permitted(access_of(current_app, f"{self.view}.{name}"))

    def check(self, name: str) -> None:
        """Before every endpoint. The gate has asked for the permission; that it was asked for one is made sure here.

        Raises NotAllowed where the endpoint was not declared, or is for nobody; Invalid when the address to return to
        is not on this site.
        """
        access = access_of(current_app, f"{self.view}.{name}")
        if access is None or access.who is not Who.HOLDER:
            self.refuse("route", request.endpoint or "", "a route for nobody")
        if not all(is_local_path(target, request.script_root) for target in request.values.getlist("url") if target):
            raise Invalid("The address to return to is not on this site.")

    def refuse(self, kind: str, key: str, because: str) -> NoReturn:
        """Refuse what is asked about this object, and record that."""
        services().audit.refuse(actor(), because, NotAllowed(), target=ObjectRef(kind, key))

    def exported(self, count: int, records: Iterator[Any]) -> tuple[int, Iterator[Any]]:
        """The records of the list that somebody takes along as a whole, which is recorded."""
        services().audit.exported(actor(), self.view, count)
        return count, records


def standard_rules(view: ServiceView) -> dict[str, Access]:
    """What the endpoints of every view demand, made of its acts, its forms and its actions."""
    acts = view.acts
    return {
        "index_view": access_to(acts.listing, everybody=True),
        "details_view": access_to(acts.read, everybody=True),
        "export": _besides(acts.listing, acts.export or acts.listing) if view.can_export else NOBODY,
        "create_view": _besides(acts.read, acts.create) if view.form_on_create or view.form else NOBODY,
        "edit_view": _besides(acts.read, acts.update) if view.form_on_edit or view.form else NOBODY,
        "delete_view": _besides(acts.read, acts.delete),
        "action_view": _besides(acts.read, *view.actions.acts),
        "ask_view": _besides(acts.read, *view.actions.acts),
    }


def _besides(read: Act, *any_of: Act | None) -> Access:
    """One of these, and reading; where there is none of them, the endpoint is for nobody."""
    named = [act for act in any_of if act is not None]
    return access_to(*named, also=(read,), everybody=True) if named else NOBODY


def single_id(values: Sequence[str]) -> str:
    """The one identifier in the request. Flask-Admin would make a tuple of several. Raises NotFound."""
    if len(values) != 1 or not values[0]:
        raise NotFound
    return values[0]
