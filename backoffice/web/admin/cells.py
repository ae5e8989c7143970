"""How values of records look in the columns of lists, on details pages and in CSV.

A column needs no formatter where the kind of its value says enough (`default_cell`, `default_text`). The others
(`size_cell`, `truncated_cell`, …) are made for `column_formatters` and read the attribute of the column's own name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final

from markupsafe import Markup

from backoffice.domain.times import now_ms, rfc3339
from backoffice.web.formats import NOTHING, first_tag, number, remembered, size_tag, state_tag, tags, time_tag, when_tag

_CODE = Markup('<code class="id" title="%s">%s</code>')
_BIDI = Markup("<bdi>%s</bdi>")
_CLIPPED = Markup('<bdi class="clip" title="%s">%s</bdi>')
_TIME = Markup('<time datetime="%s" data-when>%s</time>')

Formatter = Callable[[Any, Any, Any, str], Any]
"""Flask-Admin's column formatter: (view, template context, record, column name) -> what to show."""

TIME_SUFFIX: Final = "_at"
"""How the names of times end: milliseconds since the epoch, 0 = never."""
_FORMULA = "=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20"
_FORMULA_INSIDE = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_SEPARATORS = re.compile(r'[;\t\r\n][\s";]*')
"""Where a cell would begin for a spreadsheet that takes another character than the comma for the end of one. All of a
run at once: tried from each of its characters, a long one would cost its square."""


def default_cell(view: Any, value: Any, name: str) -> str | Markup:
    """A value by its kind: times by the column's name, identifiers, states, several labels; text stands apart."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case Enum():
            return state_tag(str(value.value), view.badge_tones.get(str(value.value), "neutral"))
        case int():
            return moment(value) if name.endswith(TIME_SUFFIX) else number(value)
        case str():
            return _CODE % (value, value) if name == "id" else _bidi(value)
        case Mapping():
            return json.dumps(value, ensure_ascii=False, default=str)
        case Iterable():
            return tags(sorted(map(str, value)))
        case _:
            return str(value)


def default_list_cell(view: Any, value: Any, name: str) -> str | Markup:
    """Likewise in a list, where of several labels the first is shown, and how many there are besides."""
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return first_tag(sorted(map(str, value)))
    return default_cell(view, value, name)


def moment(ms: int) -> Markup:
    """When it was; of what is still to come, how long it is until then."""
    return time_tag(ms) if ms > now_ms() else when_tag(ms)


def default_text(_view: Any, value: Any, name: str) -> Any:
    """Likewise for CSV: times in RFC 3339, which sorts and which spreadsheets read; nothing is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case int() if name.endswith(TIME_SUFFIX):
            return rfc3339(value) if value else ""
        case int() | float() | str():
            return value
        case Mapping():
            return json.dumps(value, ensure_ascii=False, default=str)
        case frozenset() | set():
            return ", ".join(sorted(map(str, value)))
        case Iterable():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def csv_cell(value: Any) -> str:
    """The value as text that no spreadsheet takes for a formula (CWE-1236): such text gets a leading quote.

    So does what begins a cell where a spreadsheet parts cells at semicolons or tabs. Numbers stay numbers, so that -5
    can be summed.
    """
    text = str(value)
    if isinstance(value, int | float):
        return text
    text = _SEPARATORS.sub(lambda run: run[0] + "'" * (text[run.end() : run.end() + 1] in _FORMULA_INSIDE), text)
    first = {text[:1], text.lstrip()[:1]} - {""}
    return f"'{text}" if any(char in _FORMULA for char in first) else text


def size_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column of bytes."""
    value = getattr(record, name)
    return NOTHING if value is None else size_tag(value)


def time_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column of times that are kept as RFC 3339 text; the page's script shows it in the reader's zone."""
    stamp = getattr(record, name)
    return _TIME % (stamp, stamp)


def count_cell(_view: Any, _context: Any, record: Any, name: str) -> str:
    """Column of whole numbers that may be unknown, which is below 0."""
    value = getattr(record, name)
    return "unknown" if value < 0 else number(value)


def code_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column of identifiers and digests: monospaced, cut by the style sheet, whole on hover."""
    value = getattr(record, name)
    return _CODE % (value, value) if value else NOTHING


def bidi_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column of text that people chose: isolated, so that right-to-left text cannot reorder its surroundings."""
    value = getattr(record, name)
    return _bidi(value) if value else NOTHING


def plain_cell(_view: Any, _context: Any, record: Any, name: str) -> str | Markup:
    """Column of text of our own making."""
    return getattr(record, name) or NOTHING


def truncated_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column of long words: cut by the style sheet, whole on hover."""
    value = getattr(record, name)
    return _clipped(value) if value else NOTHING


@remembered
def _clipped(value: str) -> Markup:
    return _CLIPPED % (value, value)


@remembered
def _bidi(value: str) -> Markup:
    return _BIDI % value


def badge_cell(tones: Mapping[str, str]) -> Formatter:
    """Column of states that are not enums; `tones` says which state gets which tone of `state_tag`."""

    def formatter(_view: Any, _context: Any, record: Any, name: str) -> Markup:
        value = str(getattr(record, name))
        return state_tag(value, tones.get(value, "neutral"))

    return formatter
