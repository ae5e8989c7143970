"""Users as other sections of the admin site speak of them: by name in lists, by name or identifier in filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g, url_for
from markupsafe import Markup

from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.ids import ID_LENGTH, is_id
from backoffice.domain.paging import Page
from backoffice.errors import NotFound
from backoffice.web.admin.filters import PERSON, InvalidFilter, ServiceFilter, equals
from backoffice.web.context import services
from backoffice.web.formats import remembered
from backoffice.web.identity import actor, may
from backoffice.web.url_pattern import UrlPattern

_NAME = Markup("<bdi>%s</bdi>")
_LINK = Markup('<a class="quiet" href="%s"><bdi>%s</bdi></a>')
SYSTEM = "system-"
"""How identifiers of the shell, the worker and the like begin."""


@dataclass(frozen=True, slots=True)
class WithOwner:
    """A record that belongs to somebody, with the name of that user; everything else is read from the record."""

    record: Any
    owner: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)


def permitted_on_owned(act: Act, owner: str) -> bool:
    """Whether the actor may do this to what belongs to that user. What is one's own takes the right for that. Asked
    once for all that is one's own, and once for the rest."""
    asking, known = actor(), g.setdefault("permitted_on_owned", {})
    case = act.name, owner == asking.id
    if case not in known:
        known[case] = decide_act(asking, act, owner).allowed
    return bool(known[case])


def with_owners(page: Page[Any]) -> Page[WithOwner]:
    """Names instead of identifiers. One round trip."""
    names = services().users.names({one.owner for one in page.items})
    return page.map(lambda one: WithOwner(one, names.get(one.owner, one.owner)))


def with_owner(record: Any) -> WithOwner:
    """Likewise, for one record."""
    return WithOwner(record, services().users.names([record.owner]).get(record.owner, record.owner))


def user_id(text: str) -> str:
    """The identifier of a user, given by name, address or identifier; also of one who was deleted, by identifier.

    Raises InvalidFilter when there is none, or when the person asking may not look users up.
    """
    if text.startswith(SYSTEM):
        return text
    identifier = is_id(text) and len(text) == ID_LENGTH
    if not may(Acts.USER_READ):
        if identifier:
            return text
        raise InvalidFilter("You may not look users up by name.")
    try:
        return services().users.find(actor(), text).id
    except NotFound:
        if identifier:
            return text
        raise InvalidFilter(f"There is no user {text[:64]}.") from None


def user_name(text: str) -> str:
    """The name of the user who has this identifier; any other text as it is."""
    return services().users.names([text]).get(text, text) if len(text) == ID_LENGTH else text


def owner_filter(facet: str) -> ServiceFilter:
    """The records of one user; `facet` is the collection's index by owner."""
    return person_filter(facet, "Owner")


def person_filter(column: str, name: str) -> ServiceFilter:
    """The records of one user, who is offered while one types."""
    return equals(column, name, user_id, show=user_name, hint="Name or e-mail", control=PERSON)


def owner_link(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column formatter of owners: their names, and a way to them for who may see users."""
    shown: str = getattr(record, name)
    owner_id, page_of = record.record.owner, _page_of_user()
    if shown == owner_id or page_of is None:
        return _NAME % shown
    return _link(page_of(owner_id), shown)


@remembered
def _link(url: str, name: str) -> Markup:
    return _LINK % (url, name)


def _page_of_user() -> UrlPattern | None:
    """The address of a user's page; None for who may not see users. Asked once for a whole list."""
    if "page_of_user" not in g:
        pages = UrlPattern(lambda user_id: url_for("users.details_view", id=user_id))
        g.page_of_user = pages if may(Acts.USER_READ) else None
    found: UrlPattern | None = g.page_of_user
    return found
