"""Saved views: everybody has some of their own; shared ones are for all who may see the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.audit import ObjectRef
from backoffice.domain.ids import new_id
from backoffice.domain.limits import MAX_LIST_COLUMNS
from backoffice.domain.views import PLAIN_LOOK, VIEWS, Audience, ListLook, SavedView, clean_view_name, clean_view_query
from backoffice.errors import Invalid
from backoffice.services.authorization import authorize, is_authorized
from backoffice.services.ports import ListLooks, ViewStore
from backoffice.services.records import Records, expect

LISTS: Final[Mapping[str, Act | tuple[Act, ...]]] = {
    "users": Acts.USER_READ,
    "roles": Acts.ROLE_READ,
    "files": Acts.FILES_LIST_ALL,
    "trash": Acts.FILES_LIST_ALL,
    "uploads": Acts.FILES_LIST_ALL,
    "links": Acts.LINK_READ,
    "shares": Acts.SHARE_READ,
    "audit": Acts.AUDIT_READ,
    "jobs": (Acts.JOBS_LIST_ALL, Acts.JOBS_LIST),
    "sessions": Acts.SESSION_READ_ALL,
    "tokens": Acts.TOKEN_READ,
    "blocked": Acts.BLOCK_READ,
}
"""The lists of the admin site, and what it takes to see each (or a part of it: one of several acts): what is saved
about a list is for who may see it."""


@dataclass(frozen=True, kw_only=True)
class Views(Records[SavedView]):
    """Whose view it is decides; a shared one of somebody else can be changed with a right."""

    noun = VIEWS
    store: ViewStore

    def for_section(self, actor: Actor, section: str) -> list[SavedView]:
        """One's own views of a list and the shared ones, by name. Raises NotAllowed, Invalid."""
        self._authorize_list(actor, Acts.VIEW_READ, section)
        found = self.store.for_section(actor.id, section)
        return sorted(found, key=lambda view: (view.name.casefold(), view.id))

    def get(self, actor: Actor, record_id: str, /) -> SavedView:
        """One that is one's own, or shared with who may see its list. Raises NotFound for any other, NotAllowed."""
        view = self._existing(record_id)
        self.authorize_seeing(actor, view)
        return view

    def authorize_seeing(self, actor: Actor, view: SavedView) -> None:
        """Return if the actor may see this view, which need not be there any more. Raises as `get` does."""
        if view.shared and view.owner != actor.id:
            self._authorize_list(actor, Acts.VIEW_READ, view.section)
        else:
            authorize(self.audit, actor, Acts.VIEW_READ, view.owner, self.ref(view), now=self.now())

    def create(self, actor: Actor, *, section: str, name: str, query: str, shared: bool = False) -> SavedView:
        """A new one of one's own. Raises NotAllowed, Invalid; Conflict when there are too many."""
        self._authorize_list(actor, Acts.VIEW_CREATE, section)
        now = self.now()
        return self._insert(
            actor,
            SavedView(
                id=new_id(),
                owner=actor.id,
                section=section,
                name=clean_view_name(name),
                query=clean_view_query(query),
                audience=_audience(shared),
                created_at=now,
                updated_at=now,
            ),
        )

    def update(self, actor: Actor, record_id: str, /, *, version: int | None = None, **fields: Any) -> SavedView:
        """With another `name`, `query`, or `shared` or not. Raises as `create` does, NotFound and VersionMismatch."""
        old = self._changeable(actor, record_id, Acts.VIEW_UPDATE, version)
        return self._save(actor, old, replace(old, **_cleaned(fields)))

    def delete(self, actor: Actor, record_id: str, /, version: int | None = None) -> None:
        """Raises NotAllowed, NotFound, VersionMismatch."""
        self._remove(actor, self._changeable(actor, record_id, Acts.VIEW_DELETE, version))

    def bring_back(self, actor: Actor, view: SavedView) -> SavedView:
        """One that was deleted, under its identifier and whosever it was. Raises as `delete` does, and Conflict when
        there are too many, or there is one of this identifier."""
        self.authorize_seeing(actor, view)
        self._authorize_change(actor, Acts.VIEW_CREATE, view)
        if view.owner == actor.id:
            self._authorize_list(actor, Acts.VIEW_CREATE, view.section)
        now = self.now()
        return self._insert(actor, replace(view, created_at=now, updated_at=now, version=1))

    def may_change(self, actor: Actor, view: SavedView) -> bool:
        """Whether to offer it; asked again when it is done."""
        return view.owner == actor.id or (view.shared and decide_act(actor, Acts.VIEW_CHANGE_ALL).allowed)

    def _changeable(self, actor: Actor, record_id: str, act: Act, version: int | None) -> SavedView:
        view = self.get(actor, record_id)
        self._authorize_change(actor, act, view)
        expect(view, version)
        return view

    def _authorize_change(self, actor: Actor, act: Act, view: SavedView) -> None:
        """Of a view that the actor may see."""
        if view.owner == actor.id:
            authorize(self.audit, actor, act, view.owner, self.ref(view), now=self.now())
        else:
            authorize(self.audit, actor, Acts.VIEW_CHANGE_ALL, target=self.ref(view), now=self.now())

    def _authorize_list(self, actor: Actor, act: Act, section: str) -> None:
        """Whether the actor may see the list, and do this about it."""
        if section not in LISTS:
            raise Invalid(f"There is no list {section[:40]!r}.", field="section")
        acts = LISTS[section]
        first, *others = acts if isinstance(acts, tuple) else (acts,)
        if not any(is_authorized(self.audit, actor, one) for one in others):
            authorize(self.audit, actor, first, target=ObjectRef("list", section), now=self.now())
        authorize(self.audit, actor, act, actor.id, now=self.now())


@dataclass(frozen=True, kw_only=True)
class Lists:
    """How somebody has arranged the lists of the admin site, for themselves."""

    store: ListLooks
    views: Views

    def look(self, actor: Actor, section: str) -> ListLook:
        """As it was left; a list that is not known is as it comes. One round trip."""
        if section not in LISTS:
            return PLAIN_LOOK
        authorize(self.views.audit, actor, Acts.LIST_ARRANGE, actor.id)
        return self.store.of(actor.id, section)

    def arrange(self, actor: Actor, section: str, look: ListLook) -> None:
        """Keep it. No event: it is nobody's data (`stores/views.py`). Raises NotAllowed, Invalid."""
        self.views._authorize_list(actor, Acts.LIST_ARRANGE, section)  # noqa: SLF001 - the same list
        if look.columns is not None and len(look.columns) > MAX_LIST_COLUMNS:
            raise Invalid(f"A list has at most {MAX_LIST_COLUMNS} columns.", field="columns")
        self.store.keep(actor.id, section, look)


def _audience(shared: bool) -> Audience:
    return Audience.EVERYBODY if shared else Audience.OWNER


def _cleaned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be changed. Raises Invalid."""
    clean: dict[str, Any] = dict(fields)
    if "name" in clean:
        clean["name"] = clean_view_name(clean["name"])
    if "query" in clean:
        clean["query"] = clean_view_query(clean["query"])
    if "shared" in clean:
        clean["audience"] = _audience(clean.pop("shared"))
    return clean
