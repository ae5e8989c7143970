"""What an admin view needs of the service behind it. Who only lists implements `Source` and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from backoffice.domain.paging import Page, Query


@runtime_checkable
class Source(Protocol):
    """What any list needs. Records have attributes; `version` is used where there is one."""

    def page(self, query: Query) -> Page[Any]: ...

    def get(self, key: str) -> Any:
        """The record, or `NotFound`."""
        ...


@runtime_checkable
class Creates(Protocol):
    """A source that makes records."""

    def create(self, data: Mapping[str, Any]) -> Any:
        """The new record, or a `Revealed` around it. `data` holds the form's fields by name."""
        ...


@runtime_checkable
class Updates(Protocol):
    """A source that changes records."""

    def update(self, key: str, data: Mapping[str, Any], version: int | None) -> Any:
        """The changed record; `Conflict` when it no longer has `version` (None: it carries none)."""
        ...


@runtime_checkable
class Deletes(Protocol):
    """A source that removes records."""

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Revealed:
    """A new record with a secret that is shown once, in the answer itself: never in the session or an address."""

    record: Any
    title: str
    secret: str
    help: str


@dataclass(frozen=True, slots=True)
class Link:
    """A further place to go from a record, shown on its details page. `url` is made with `url_for`."""

    label: str
    url: str
    icon: str = "arrow-right"


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done to one record, as a button of its own page. Without a question it is done at once."""

    name: str
    text: str
    question: str = ""
    back: str = ""


@dataclass(frozen=True, slots=True)
class Removal:
    """What removing means in a view: on its buttons, in the question ("": made of the verb), and afterwards."""

    verb: str = "Delete"
    question: str = ""
    done: str = "was deleted"
