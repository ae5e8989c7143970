"""What lists of things that let people in have in common: whose they are, and what the person asking may do to that
account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import g, url_for
from markupsafe import Markup

from backoffice.domain.acts import Act, Acts
from backoffice.domain.users import User
from backoffice.web.context import services
from backoffice.web.devices import device_tag
from backoffice.web.identity import actor, may

_LINK: Final = Markup('<a class="quiet" href="%s"><bdi>%s</bdi></a>')
_NAME: Final = Markup("<bdi>%s</bdi>")


def permitted_on_users() -> Callable[[Act, User], bool]:
    """What the person asking may do to whom: one look at the roles for a whole page of users."""
    found: Callable[[Act, User], bool] | None = g.get("permitted")
    if found is None:
        found = g.permitted = services().users.permitted(actor())
    return found


def holder_cell(_view: Any, _context: Any, record: Any, _name: str) -> Markup:
    """Column of whose a session or token is: the name, and a way there for who may see users."""
    name: str = record.username
    if record.holder is None or not may(Acts.USER_READ):
        return _NAME % name
    return _LINK % (url_for("users.details_view", id=record.user), name)


def device_cell(_view: Any, _context: Any, record: Any, _name: str) -> Markup:
    """Column of what somebody uses."""
    agent: str = record.agent
    return device_tag(agent)
