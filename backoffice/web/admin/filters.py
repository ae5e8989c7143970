"""Filters of a list: each is one labelled control that narrows a `Query`.

column_filters = (
    one_of("status", "Status", lambda: [(status, status.title()) for status in UserStatus]),
    equals("owner", "Owner", read=owner_id),
    *sizes("size", "Size"),
    *days("created_at", "Created"),
)

Filters of one name are one field of the filter menu (`filter_bar.py`), each with its own operator. Several values of
one field have to hold together, for that is what the store's indexes answer: it makes sense where a record has several
(`many`, tags); of the others a new value takes the place of the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Any, Final

from flask_admin.model.filters import BaseFilter

from backoffice.domain.invisible import is_readable
from backoffice.domain.lifecycle import DAY_MS
from backoffice.domain.limits import MAX_FILTER_VALUE
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.units import parse_size
from backoffice.web.admin.zones import day_end, day_start

PERSON: Final = "person"
"""The control of a filter by user: a text field that offers those whose name or address begins so."""
PRESET_SIZES: Final = ("1 MB", "10 MB", "100 MB", "1 GB", "10 GB")

Choices = Callable[[], Sequence[tuple[str, str]]]
"""(value, label) pairs, asked for anew by each request."""


class InvalidFilter(ValueError):
    """What was entered cannot be filtered by; the text is a sentence for the person who entered it."""


class Op(StrEnum):
    """What a filter asks, as shown beside its name and as it stands in the address."""

    IS = "is"
    AT_LEAST = "at least"
    AT_MOST = "at most"
    SINCE = "since"
    UNTIL = "until"
    WITHIN = "within"


class ServiceFilter(BaseFilter):  # type: ignore[misc]  # Flask-Admin ships no type marker
    """One condition on one index of a collection.

    `read` turns the text of the control into what the index holds, or raises ValueError.
    `control` is the control's HTML input type, or PERSON; with `choices` it is a drop-down. `show` words a value for
    the list of filters in use, `hint` is an example for the empty control, `presets` are values for one click.
    `zoned` says that `read` takes the zone of the reader as well. `many`: a record may have several of the values.
    """

    def __init__(
        self,
        column: str,
        name: str,
        op: Op,
        read: Callable[..., Any] = str,
        *,
        control: str = "text",
        choices: Choices | None = None,
        show: Callable[[str], str] | None = None,
        hint: str = "",
        presets: Sequence[str] = (),
        zoned: bool = False,
        many: bool = False,
    ) -> None:
        # `options` stays empty: Flask-Admin would work them out once, outside of any request.
        super().__init__(name)
        self.column, self.op, self.read, self.control, self.choices = column, op, read, control, choices
        self.show, self.hint, self.presets, self.zoned, self.many = show, hint, presets, zoned, many

    @property
    def label(self) -> str:
        """`Size at least`; plain `Status` where there is nothing but equality."""
        return self.name if self.op in (Op.IS, Op.WITHIN) else f"{self.name} {self.op}"

    def operation(self) -> str:
        return str(self.op)

    def clean(self, value: str, zone: tzinfo = UTC) -> Any:
        """What the index holds for `value`, days being those of `zone`; ValueError when it cannot hold such a thing."""
        if len(value) > MAX_FILTER_VALUE or not is_readable(value):
            raise ValueError(value)
        if self.choices is not None and value not in {key for key, _ in self.choices()}:
            raise ValueError(value)
        return self.read(value.strip(), zone) if self.zoned else self.read(value.strip())

    def display(self, value: str) -> str:
        """The label of `value` where it is one of the choices."""
        if self.show is not None:
            return self.show(value)
        return dict(self.choices()).get(value, value) if self.choices is not None else value

    def apply(self, query: Query, cleaned: Any) -> Query:
        """`query` with this condition; `cleaned` comes from `clean`."""
        if self.op is Op.IS:
            return replace(query, filters=(*query.filters, (self.column, cleaned)))
        if self.op is Op.WITHIN:
            least, most = cleaned
        else:
            least, most = (cleaned, None) if self.op in (Op.AT_LEAST, Op.SINCE) else (None, cleaned)
        return replace(query, ranges=_narrowed(query.ranges, self.column, least, most))


Ranges = tuple[tuple[str, float | None, float | None], ...]


def _narrowed(ranges: Ranges, column: str, least: float | None, most: float | None) -> Ranges:
    """`ranges` with one more bound; several bounds of one index become one range."""
    same = [entry for entry in ranges if entry[0] == column]
    lows = [low for low in (*(entry[1] for entry in same), least) if low is not None]
    highs = [high for high in (*(entry[2] for entry in same), most) if high is not None]
    others = tuple(entry for entry in ranges if entry[0] != column)
    return (*others, (column, max(lows, default=None), min(highs, default=None)))


def equals(
    column: str,
    name: str,
    read: Callable[[str], Any] = str,
    *,
    show: Callable[[str], str] | None = None,
    hint: str = "",
    control: str = "text",
    many: bool = False,
) -> ServiceFilter:
    """The column has this very value; with `many`, this one among others. `read` may look a name up; ValueError when
    there is no such thing."""
    return ServiceFilter(column, name, Op.IS, read, show=show, hint=hint, control=control, many=many)


def one_of(column: str, name: str, choices: Choices) -> ServiceFilter:
    """The column has one of a few values, offered in a drop-down."""
    return ServiceFilter(column, name, Op.IS, control="select", choices=choices)


def sizes(column: str, name: str) -> tuple[ServiceFilter, ServiceFilter]:
    """Bytes from … to …, written `1500`, `20 MB` or `1.5GiB`."""
    return (
        ServiceFilter(column, name, Op.AT_LEAST, parse_size, hint="20 MB", presets=PRESET_SIZES),
        ServiceFilter(column, name, Op.AT_MOST, parse_size, hint="1.5 GiB"),
    )


def coming_days(column: str, name: str, over: str) -> ServiceFilter:
    """Milliseconds from now to so many days on; or what is past, which is called `over`."""
    choices = [("over", over), *((str(count), f"within {count} days") for count in (7, 14, 30, 90))]

    def read(text: str) -> tuple[int | None, int]:
        now = now_ms()
        return (None, now) if text == "over" else (now + 1, now + int(text) * DAY_MS)

    return ServiceFilter(column, name, Op.WITHIN, read, control="select", choices=lambda: choices)


def passed_days(column: str, name: str, never: str) -> ServiceFilter:
    """Milliseconds so many days ago, or earlier; or 0, which is called `never`."""
    choices = [("never", never), *((str(count), f"not for {count} days") for count in (30, 90, 365))]

    def read(text: str) -> tuple[int | None, int]:
        return (None, 0) if text == "never" else (None, now_ms() - int(text) * DAY_MS)

    return ServiceFilter(column, name, Op.WITHIN, read, control="select", choices=lambda: choices)


def days(column: str, name: str) -> tuple[ServiceFilter, ServiceFilter]:
    """Milliseconds from the start of one day to the end of another, in the reader's time zone."""
    return (
        ServiceFilter(column, name, Op.SINCE, day_start, control="date", zoned=True),
        ServiceFilter(column, name, Op.UNTIL, day_end, control="date", zoned=True),
    )
