"""What a route says of itself for the API's description: beside the view, so that the two change together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from backoffice.errors import BackofficeError

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE: Final = "__operation__"

BYTES: Final = object()
"""In place of a model: the body is bytes."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; the decorator that attaches it to the view.

    summary     what it does, in a few words; the view's docstring is the description
    tag         the heading under which it stands
    answer      what a success carries: a model (as JSON), BYTES, or None for nothing
    also        further statuses and what they mean
    query       model of the query; `body` the model (or BYTES) for each type of content
    headers     request headers it heeds; `sends` response headers of a success (a page's `Link` goes without saying)
    path        what the path's variables mean
    raises      errors beyond those of every operation; each has its status
    versioned   it speaks of a record's version: the answer has its entity tag; one that changes it heeds `If-Match`
    curl        an example that works with `$SITE` and `$TOKEN` set; left out: the method and the address alone
    """

    summary: str
    tag: str
    _: KW_ONLY
    status: int = 200
    answer: Any = None
    also: Mapping[int, str] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    sends: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    raises: tuple[type[BackofficeError], ...] = ()
    versioned: bool = False
    curl: str = ""

    def __call__(self, view: F) -> F:
        """Attach the description to the view."""
        setattr(view, _ATTRIBUTE, self)
        return view


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """The description of a view, None where it has none."""
    found: Operation | None = getattr(view, _ATTRIBUTE, None)
    return found
