"""Saved views: a list of the admin site as somebody has filtered, searched and ordered it, under a name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from backoffice.domain.actions import Actions
from backoffice.domain.limits import MAX_VIEW_NAME, MAX_VIEW_QUERY
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permissions
from backoffice.domain.text import clean_line

VIEWS = Noun(
    "view",
    read=Permissions.VIEWS_WRITE,
    write=Permissions.VIEWS_WRITE,
    create=Actions.VIEW_CREATE,
    update=Actions.VIEW_UPDATE,
    delete=Actions.VIEW_DELETE,
    recorded=("section", "name", "query", "audience", "owner"),
    recorded_at_deletion=("section", "name", "query", "audience", "owner"),
)


class Audience(StrEnum):
    """Whom a view is for, of those who may see the list."""

    OWNER = "owner"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class SavedView:
    """`section` is the list's name in addresses, `query` its address behind the question mark. Times in ms.

    A shared view stays when its owner is gone: it shows records, and whoever sees the list may see them.
    """

    id: str
    owner: str
    section: str
    name: str
    query: str
    created_at: int
    updated_at: int
    audience: Audience = Audience.OWNER
    version: int = 1

    @property
    def shared(self) -> bool:
        """With everybody who may see the list."""
        return self.audience is Audience.EVERYBODY


@dataclass(frozen=True, slots=True)
class ListLook:
    """How somebody has arranged a list: its columns by name, None: those that it has anyway; and whether rows are
    low."""

    columns: tuple[str, ...] | None = None
    compact: bool = False


PLAIN_LOOK = ListLook()

clean_view_name = partial(clean_line, field="name", what="A name", least=1, most=MAX_VIEW_NAME)
clean_view_query = partial(clean_line, field="query", what="What is asked for", most=MAX_VIEW_QUERY)
