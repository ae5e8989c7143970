"""What the forms on the page of one's own files have in common: acting, saying what came of it, and going back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_NAME_BYTES
from backoffice.errors import (
    BackofficeError,
    Conflict,
    Invalid,
    NotFound,
    StoreFull,
    TooLarge,
    TooMany,
)
from backoffice.units import filesize
from backoffice.web.pages.my_files import ROWS
from backoffice.web.redirects import safe_next

MENDABLE: Final = (Conflict, Invalid, NotFound, StoreFull, TooLarge, TooMany)
"""What the person can do something about, said on the page. Refusals and outages go up to the table of errors."""


def act(change: Callable[[], Any], **then: str) -> ResponseReturnValue:
    """Make the change and go back to the list, which says what came of it."""
    try:
        change()
    except MENDABLE as error:
        flash(sentence(error), "error")
        return go_back()
    return go_back(**then)


def sentence(error: BackofficeError) -> str:
    """What is wrong, in words for a person: limits are sizes, not numbers of bytes."""
    limit = error.details.get("limit")
    if type(error) is TooLarge and isinstance(limit, int):
        return f"The file is too large: at most {filesize(limit)}."
    return str(error)


def where_from() -> str:
    """The list that the form or the link stood on."""
    return safe_next(request.values.get("back"), url_for("pages.upload"))


def go_back(**marks: str) -> ResponseReturnValue:
    """To the list that the form stood on. `marks` are added to its address."""
    page = where_from()
    kept = {name: value for name, value in marks.items() if value}
    return redirect(page + (("&" if "?" in page else "?") + urlencode(kept) if kept else ""), 303)


def typed_name(field: str) -> str:
    """What was typed into a field for a name, for the same form again; nothing where that is longer than a name."""
    text = request.form.get(field, "")
    return text if len(text.encode()) <= MAX_NAME_BYTES else ""


def chosen(name: str) -> list[str]:
    """Identifiers that the request gives several times under that name, no more than a page has."""
    return [one for one in dict.fromkeys(request.values.getlist(name)) if is_id(one)][:ROWS]


@dataclass(slots=True)
class Tally:
    """What came of doing something to several things. One that cannot be done keeps no other from its turn.

    until  of `time.monotonic`: when no more is begun; the first of all always is
    """

    until: float = math.inf
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def each(self, ids: Iterable[str], change: Callable[[str], Any], name_of: Callable[[str], str]) -> None:
        """Do it to each while there is time. Refusals and outages go up."""
        for one in ids:
            if (self.done or self.problems) and time.monotonic() >= self.until:
                return
            try:
                change(one)
            except MENDABLE as error:
                self.problems.append(f"“{name_of(one)}”: {sentence(error)}")
            else:
                self.done.append(one)

    def say(self, done: str, category: str = "success") -> None:
        """`done`: what became of them, with the number for `{}`; `category` of that message."""
        if self.done:
            flash(done.format(counted(len(self.done))), category)
        for problem in self.problems[:5]:
            flash(problem, "error")
        if len(self.problems) > 5:
            flash(f"The same goes for {len(self.problems) - 5} more.", "error")


def counted(count: int) -> str:
    """`1 item is`, `3 items are`."""
    return "1 item is" if count == 1 else f"{count} items are"
