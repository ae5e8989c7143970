"""The reader's time zone: in which zone a day that somebody filters by begins and ends.

The browser tells its zone in a cookie (`static/js/app.js`); without it days are in UTC, and the page says so. An
address with days in it carries their zone, so that it shows the same rows to a reader elsewhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from flask import request

COOKIE: Final = "tz"
"""Set by the page's script. Anybody may set it to anything: it is looked up among the zones that there are."""
MAX_ZONE: Final = 64
_CALLED_OTHERWISE: Final = {
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
}
"""Old names that browsers go on using, for systems whose tables have the new ones alone."""


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_name(text: str) -> str:
    """The zone that is meant, as this system calls it; "" where there is none of that name."""
    if not text or len(text) > MAX_ZONE:
        return ""
    return next((name for name in (text, _CALLED_OTHERWISE.get(text, "")) if name in _known()), "")


def reader_zone() -> str:
    """The zone of whoever asks; "" where the browser does not say, which is UTC."""
    return zone_name(request.cookies.get(COOKIE, ""))


def zone_of(name: str) -> tzinfo:
    """UTC for "". `name` comes from `zone_name`."""
    return ZoneInfo(name) if name else UTC


def day_start(text: str, zone: tzinfo = UTC) -> int:
    """The first millisecond of a day written `2026-01-31`. Raises ValueError."""
    return _midnight(_day(text), zone)


def day_end(text: str, zone: tzinfo = UTC) -> int:
    """The last millisecond of the day, because ranges include both ends. Raises ValueError."""
    try:
        return _midnight(_day(text) + timedelta(days=1), zone) - 1
    except OverflowError as exc:
        raise ValueError(text) from exc


def today(zone: tzinfo) -> date:
    """The day that it is there."""
    return datetime.now(zone).date()


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day in any zone


def _midnight(day: date, zone: tzinfo) -> int:
    try:
        return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
    except OverflowError as exc:
        raise ValueError(str(day)) from exc
