"""The filters that the address of a list has in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from backoffice.domain.limits import MAX_FILTERS
from backoffice.errors import Invalid
from backoffice.units import parse_size
from backoffice.web.admin.filters import InvalidFilter, ServiceFilter
from backoffice.web.admin.zones import zone_name, zone_of

_SIZE_FILTERS: Final = {">": "size_at_least", "<": "size_at_most"}
FiltersByName = Mapping[str, tuple[int, ServiceFilter]]
"""Name in addresses -> the filter's place among those of the list, and the filter."""


@dataclass(frozen=True, slots=True)
class AppliedFilter:
    """A filter in use: its name in addresses, its place in the panel, the text entered, what the index holds for it."""

    name: str
    index: int
    filter: ServiceFilter
    text: str
    value: Any
    problem: str = ""
    """Why nothing can be filtered by it; then the list is empty."""


def applied_filters(
    known: FiltersByName, args: MultiDict[str, str], zone: str, *, strict: bool
) -> tuple[AppliedFilter, ...]:
    """The filters in use, by their names; `zone` is that of days. Empty controls are not in use; wrong values carry
    their problem, or are Invalid."""
    found: list[AppliedFilter] = []
    for name, text in _filter_texts(known, args, strict=strict):
        index, used = known[name]
        try:
            found.append(AppliedFilter(name, index, used, text, _cleaned(used, text, zone)))
        except ValueError as exc:
            problem = str(exc) if isinstance(exc, InvalidFilter) else f"{text[:60]} does not fit {used.label}."
            if strict:
                raise Invalid(problem) from exc
            found.append(AppliedFilter(name, index, used, text, None, problem))
    return tuple(sorted(found, key=lambda used: (used.index, used.filter.name, used.text)))


def sizes_of_search(known: FiltersByName, search: str, args: MultiDict[str, str]) -> tuple[str, MultiDict[str, str]]:
    """`>100MB` and `<2GB` among the words of a search are filters, where the list has those of sizes: the other words,
    and the arguments with these filters."""
    words = search.split()
    found = [(_SIZE_FILTERS[word[0]], word[1:]) for word in words if _is_size(known, word)]
    if not found:
        return search, args
    return " ".join(word for word in words if not _is_size(known, word)), MultiDict(
        [*args.items(multi=True), *((f"flt_{name}", text) for name, text in found)]
    )


def _is_size(known: FiltersByName, word: str) -> bool:
    if _SIZE_FILTERS.get(word[0]) not in known:
        return False
    try:
        parse_size(word[1:])
    except ValueError:
        return False
    return True


def _cleaned(used: ServiceFilter, text: str, zone: str) -> Any:
    """What is filtered by. Raises ValueError."""
    if not used.zoned or not zone:
        return used.clean(text)
    called = zone_name(zone)
    if not called:
        raise InvalidFilter(f"There is no time zone {zone[:60]}.")
    return used.clean(text, zone_of(called))


def _filter_texts(known: FiltersByName, args: MultiDict[str, str], *, strict: bool) -> list[tuple[str, str]]:
    """Name and text of every filter that was entered. Names of no filter are passed over, or are Invalid."""
    found = []
    for argument, text in args.items():
        if not argument.startswith("flt") or not text.strip():
            continue
        name = argument.removeprefix("flt").partition("_")[2]
        if name in known:
            found.append((name, text))
        elif strict:
            raise Invalid(f"There is no filter {name[:60]}.")
    if len(found) > MAX_FILTERS:
        raise Invalid(f"At most {MAX_FILTERS} filters at a time.")
    return found
