"""What sentences of the log are made of (`sentence_table.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Event = Mapping[str, Any]


class Told(NamedTuple):
    """A sentence's text, and what goes into its places besides who and what."""

    text: str
    values: Mapping[str, str] = {}


Teller = str | Callable[[Event], Told]

_BECAUSE: Final = {
    "refused at the door": "no right to it",
    "a route for nobody": "nobody may do that here",
}


def data_of(event: Event, name: str) -> Any:
    """What the event says besides, under this name."""
    return event.get("data", {}).get(name)


def because_of(event: Event) -> str:
    """Why, in words for people."""
    text = str(data_of(event, "because") or "no reason is recorded")
    return _BECAUSE.get(text, text)
