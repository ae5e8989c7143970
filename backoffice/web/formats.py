"""How values look on every page: sizes, times, states, labels and prose; and what templates are given.

Everything from a record is escaped here or by the template; only our own markup is `Markup`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import ParamSpec, cast

from flask import Flask
from markupsafe import Markup, escape

from backoffice.domain.times import now_ms, rfc3339
from backoffice.units import filesize
from backoffice.web.sections import admin_sections
from backoffice.web.url_pattern import template_url

P = ParamSpec("P")

NOTHING = Markup(
    '<span class="muted none"><span aria-hidden="true">&ndash;</span><span class="visually-hidden">none</span></span>'
)
# `%` of a Markup escapes what it puts in, in half the time that `format` takes: a list has hundreds of cells.
_SIZE = Markup('<span class="num" title="%s bytes">%s</span>')
_TIME = Markup('<time datetime="%s" title="%s" data-ago>%s</time>')
_WHEN = Markup('<time datetime="%s" data-when>%s</time>')
_STATE = Markup('<span class="state state-%s">%s</span>')
_LABEL = Markup('<span class="label">%s</span>')
_FURTHER = Markup(
    '<span class="labels" title="%s">%s <span class="label num" aria-hidden="true">+%s</span>'
    '<span class="visually-hidden">, %s</span></span>'
)
_LABELS = Markup('<span class="labels">%s</span>')
_CODE = Markup("<code>%s</code>")
_PARAGRAPH = Markup("<p>%s</p>")
REMEMBERED = 2048
"""Results that a process keeps of each function below that makes a tag."""
_ICON = Markup('<svg class="icon" aria-hidden="true"><use href="#i-%s"/></svg>')
_ICON_OF_CLASS = Markup('<svg class="icon %s" aria-hidden="true"><use href="#i-%s"/></svg>')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AGES = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (86400, 3600, "hour"),
    (45 * 86400, 86400, "day"),
    (365 * 86400, 30 * 86400, "month"),
    (1 << 62, 365 * 86400, "year"),
)


def remembered(make: Callable[P, Markup]) -> Callable[P, Markup]:
    """A function that makes a tag of text or numbers, and keeps what it made last: lists have the same values in many
    rows, and are opened again. By type, too: markup is equal to the text that has to be escaped."""
    return cast("Callable[P, Markup]", lru_cache(maxsize=REMEMBERED, typed=True)(make))


@remembered
def size_tag(size: int) -> Markup:
    """The size for people, with the exact number of bytes on hover."""
    return _SIZE % (f"{size:,}", filesize(size))


def number(value: int) -> str:
    """`1234567` -> `1,234,567`."""
    return f"{value:,}"


def ago(ms: int, now: int | None = None) -> str:
    """How far `ms` is from now, in words; the page's script keeps it current."""
    seconds = ((now_ms() if now is None else now) - ms) / 1000
    distance = abs(seconds)
    if distance < 10:
        return "just now"
    words = duration(int(distance * 1000))
    return f"{words} ago" if seconds > 0 else f"in {words}"


def duration(ms: int) -> str:
    """How long something takes, in words: `40 seconds`, `2 minutes`."""
    seconds = max(1, ms / 1000)
    # Rounded, so that what lasts for 30 days lasts for 30 days a minute later, too.
    count, unit = next((n, unit) for limit, step, unit in _AGES if (n := int(seconds / step + 0.5)) * step < limit)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def time_left(seconds: int) -> str:
    """`2 min left`, as the script of uploads says it."""
    if seconds < 60:
        return f"{max(1, seconds)} s left"
    if seconds < 3600:
        return f"{seconds // 60} min left"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min left"


def time_tag(ms: int) -> Markup:
    """A `<time>` with the distance in words and the exact time on hover; 0 is never."""
    return _time_with_age(ms, ago(ms)) if ms else NOTHING


@remembered
def _time_with_age(ms: int, age: str) -> Markup:
    stamp = rfc3339(ms)
    return _TIME % (stamp, f"{_day(stamp)}, {stamp[11:19]} UTC", age)


@remembered
def when_tag(ms: int) -> Markup:
    """A `<time>` with the moment; the page's script shows it in the reader's own zone, short. 0 is never."""
    if not ms:
        return NOTHING
    stamp = rfc3339(ms)
    return _WHEN % (stamp, f"{_day(stamp)}, {stamp[11:16]} UTC")


def _day(stamp: str) -> str:
    """`27 Nov 2026`, of an RFC 3339 time."""
    return f"{int(stamp[8:10])} {_MONTHS[int(stamp[5:7]) - 1]} {stamp[:4]}"


@remembered
def state_tag(value: str, tone: str = "neutral") -> Markup:
    """A badge. Tones: neutral, good, warn, bad, info. The word carries the meaning, the colour only helps."""
    return _STATE % (tone, value)


def tags(values: Iterable[str]) -> Markup:
    """Each value as a quiet label."""
    # Plain strings: `remembered` does not look at the types within.
    return _labels(tuple(map(str, values)))


def first_tag(values: Iterable[str]) -> Markup:
    """The first as a label and how many there are besides, for a column that has no room for all; these are in its
    title, and said to who listens."""
    return _first_label(tuple(map(str, values)))


@remembered
def _first_label(values: tuple[str, ...]) -> Markup:
    if len(values) < 2:
        return _labels(values)
    first, *others = values
    return _FURTHER % (", ".join(values), _LABEL % first, len(others), ", ".join(others))


@remembered
def _labels(values: tuple[str, ...]) -> Markup:
    labels = [_LABEL % value for value in values]
    return _LABELS % Markup(" ").join(labels) if labels else NOTHING


def coded_text(text: str) -> Markup:
    """Text with what stands between back-ticks set as code, as descriptions of an API have it."""
    parts = str(text).split("`")
    return Markup("").join(_CODE % part if at % 2 else part for at, part in enumerate(parts))


def prose(text: str) -> Markup:
    """Paragraphs divided by empty lines; a single line end is a space."""
    return Markup("").join(
        _PARAGRAPH % coded_text(" ".join(part.split())) for part in text.split("\n\n") if part.strip()
    )


@remembered
def icon(name: str, css_class: str = "") -> Markup:
    """The drawing of this name in `_icons.html`. A filter: where the name is a constant, so is the markup."""
    return _ICON_OF_CLASS % (css_class, name) if css_class else _ICON % name


def init_formats(app: Flask) -> None:
    """Give the templates what they use: filters for values, addresses, and the admin site's menu."""
    # Half of a long list would be indentation.
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.filters.update(
        filesize=filesize,
        size_tag=size_tag,
        time_tag=time_tag,
        when_tag=when_tag,
        number=number,
        state_tag=state_tag,
        tags=tags,
        coded_text=coded_text,
        prose=prose,
        icon=icon,
        initial=lambda name: escape((name.strip() or "?")[0].upper()),
    )
    app.jinja_env.globals.update(admin_sections=admin_sections, url_for=template_url)
