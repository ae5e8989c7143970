"""The gate that every admin page passes: who may, what exists, and where one may be sent back to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView, BaseView

from backoffice.domain.permissions import Permission
from backoffice.errors import Invalid, NotAllowed, NotFound
from backoffice.web.local_paths import is_local_path
from backoffice.web.routes import Access, Who, declare, needs

Allowed = Callable[[Permission], bool]
"""Whether the person asking holds the permission. May raise `NotSignedIn` for a stranger."""

Card = tuple[str, str, str]
"""A number on the first page: its label, the number as text, and the endpoint it leads to ("" = none)."""


class GatedView(BaseView):  # type: ignore[misc]  # Flask-Admin ships no type marker
    """A view that answers nobody unless it says to whom."""

    allowed: Allowed
    read_permission: Permission
    """Needed for every endpoint, and for the menu to show the view."""

    def permission_for(self, endpoint: str) -> Permission | None:  # noqa: ARG002 - for subclasses
        """What `endpoint` (the name of its method) needs besides; None: nobody may."""
        return None

    def permissions_of(self, endpoint: str) -> tuple[Permission, ...]:
        """Those of which one is needed to get as far as the gate, whoever asks; none: nobody gets there."""
        needed = self.permission_for(endpoint) if self.offers(endpoint) else None
        return () if needed is None else (needed,)

    def offers(self, endpoint: str) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the view has such a page at all."""
        return True

    def permits(self, endpoint: str) -> bool:
        """Whether the page is there for the person asking: what templates ask before they show a link."""
        needed = self.permission_for(endpoint)
        return needed is not None and self.offers(endpoint) and self.allowed(needed)

    def is_accessible(self) -> bool:
        return self.allowed(self.read_permission)

    def _handle_view(self, name: str, **_kwargs: Any) -> ResponseReturnValue | None:
        """Flask-Admin calls this before every endpoint; it raises, or lets through."""
        if not self.allowed(self.read_permission):
            raise NotAllowed
        needed = self.permission_for(name)
        if needed is None or not self.allowed(needed):
            raise NotAllowed
        if not self.offers(name):
            raise NotFound("There is no such page.")
        if not all(is_local_path(target) for target in request.values.getlist("url") if target):
            raise Invalid("The address to return to is not on this site.")
        return None

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Without the second call that Flask-Admin makes on any TypeError, which hides the real one."""
        return fn(self, *args, **kwargs)


class HomeView(AdminIndexView):  # type: ignore[misc]
    """The admin site's first page, for whoever may open one of its sections.

    `cards` gives the numbers to show, `more` whatever else the template shows, for the person asking.
    """

    def __init__(self, cards: Callable[[], list[Card]] = list, more: Callable[[], dict[str, Any]] = dict) -> None:
        super().__init__(name="Overview", menu_icon_type="svg", menu_icon_value="home")
        self.cards, self.more = cards, more
        # Flask-Admin would serve its 21 MB of old scripts to anybody; our pages use none of them.
        self.static_folder = None

    def sections(self) -> list[GatedView]:
        """The views beside this one."""
        views = self.admin._views if self.admin is not None else []  # noqa: SLF001 - there is no other way to them
        return [view for view in views if view is not self]

    def is_accessible(self) -> bool:
        return any(view.is_accessible() for view in self.sections())

    def _handle_view(self, name: str, **_kwargs: Any) -> ResponseReturnValue | None:
        if name != "index" or not self.is_accessible():
            raise NotAllowed
        return None

    def render(self, template: str, **kwargs: Any) -> str:
        return str(super().render(template, cards=self.cards(), **self.more(), **kwargs))


def declare_views(app: Flask, home: HomeView) -> None:
    """Tell the site's first lock what each endpoint of the admin site needs. After all views were added."""
    sections = home.sections()
    declare(app, f"{home.endpoint}.index", needs(*sorted({view.read_permission for view in sections})))
    for view in sections:
        for _, name, _ in view._urls:  # noqa: SLF001 - where Flask-Admin keeps what `@expose` marked
            permissions = view.permissions_of(name)
            access = needs(*permissions) if permissions else Access(Who.NOBODY)
            declare(app, f"{view.endpoint}.{name}", access)


def only_one(values: Sequence[str]) -> str:
    """The one identifier in the request. Flask-Admin would make a tuple of several."""
    if len(values) != 1 or not values[0]:
        raise NotFound
    return values[0]
