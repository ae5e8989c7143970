"""The filter menu of a list: a field for each name among its filters, with a control for each operator, and values to
choose with one click. What one chooses is an address, so it works without a script; the controls belong to one form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Final

from backoffice.domain.acts import Acts
from backoffice.web.admin.applied_filters import AppliedFilter
from backoffice.web.admin.filters import PERSON, Op, ServiceFilter
from backoffice.web.admin.list_state import ListState
from backoffice.web.admin.zones import reader_zone, today, zone_name, zone_of
from backoffice.web.identity import may
from backoffice.web.url_pattern import page_url

DAYS: Final = (("Today", 0, 0), ("Yesterday", 1, 1), ("Last 7 days", 6, 0), ("Last 30 days", 29, 0))
"""Words, and from how many days ago to how many days ago."""


@dataclass(frozen=True, slots=True)
class Control:
    """One operator of a field. `kept`: values in use that it adds to, under names of their own."""

    filter: ServiceFilter
    id: str
    name: str
    value: str
    kept: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """A value to choose with one click."""

    text: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Field:
    """What one can filter by."""

    label: str
    controls: tuple[Control, ...]
    presets: tuple[Preset, ...]
    used: bool
    zoned: bool


@dataclass(frozen=True, slots=True)
class FilterBar:
    """The menu. `zone`: of the days that are chosen next, "" is UTC; `readers`: it is that of the reader, whose browser
    knows it best."""

    fields: tuple[Field, ...]
    zone: str
    readers: bool

    @property
    def people_url(self) -> str:
        """Where its fields for persons ask; "" where there are none, or for who may not see users."""
        asks = any(one.filter.control == PERSON for field in self.fields for one in field.controls)
        return page_url("find.people") if asks and may(Acts.USER_READ) else ""

    @classmethod
    def of(cls, state: ListState) -> FilterBar:
        """As the list's state has it. Days are added in the zone of those that are there."""
        zone = state.zone if state.has_days else reader_zone()
        ordered = sorted(
            ((index, name, one) for name, (index, one) in state.options.filters.items()), key=lambda x: x[0]
        )
        fields = groupby(ordered, key=lambda entry: entry[2].name)
        return cls(
            tuple(_field(state, label, list(entries), zone) for label, entries in fields), zone, not state.has_days
        )

    @property
    def zone_words(self) -> str:
        """What is said of the zone beside days."""
        return f"Days are those of {self.zone.replace('_', ' ')}." if self.zone else "Days are in UTC."


def _field(state: ListState, label: str, entries: list[tuple[int, str, ServiceFilter]], zone: str) -> Field:
    controls = tuple(_control(state, *entry) for entry in entries)
    used = any(other.filter is one for other in state.filters for _, _, one in entries)
    return Field(label, controls, tuple(_presets(state, entries, zone)), used, any(one.zoned for _, _, one in entries))


def _control(state: ListState, index: int, name: str, one: ServiceFilter) -> Control:
    values = [used.text for used in state.filters if used.filter is one]
    value = "" if one.many else (values or [""])[0]
    others = values if one.many else values[1:]
    kept = tuple((f"flt{index}{at}_{name}", text) for at, text in enumerate(others, 1))
    return Control(one, f"filter-{index}", f"flt{index}_{name}", value, kept)


def _presets(state: ListState, entries: list[tuple[int, str, ServiceFilter]], zone: str) -> Iterator[Preset]:
    by_op = {one.op: (index, name, one) for index, name, one in entries}
    if Op.SINCE in by_op and Op.UNTIL in by_op and by_op[Op.SINCE][2].zoned:
        now = today(zone_of(zone_name(zone)))
        for words, first, last in DAYS:
            chosen = {Op.SINCE: now - timedelta(first), Op.UNTIL: now - timedelta(last)}
            wanted = [_used(by_op[op], day.isoformat()) for op, day in chosen.items()]
            yield _preset(state, words, entries, wanted, zone)
    for entry in entries:
        for text in entry[2].presets:
            yield _preset(state, f"{entry[2].op} {text}", entries, [_used(entry, text)], zone)


def _used(entry: tuple[int, str, ServiceFilter], text: str) -> AppliedFilter:
    index, name, one = entry
    return AppliedFilter(name, index, one, text, None)


def _preset(
    state: ListState,
    words: str,
    entries: list[tuple[int, str, ServiceFilter]],
    wanted: list[AppliedFilter],
    zone: str,
) -> Preset:
    """The list with these filters of the field in the place of those in use."""
    own = [one for _, _, one in entries]
    others = [used for used in state.filters if used.filter not in own]
    current = {(used.name, used.text) for used in wanted} == {
        (used.name, used.text) for used in state.filters if used.filter in own
    }
    zoned = replace(state, zone=zone) if any(one.zoned for one in own) else state
    return Preset(words, zoned.url(filters=(*others, *wanted), page=0), current)
