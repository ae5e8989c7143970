"""Messages of the admin site about many things at once: few, because they are kept in a cookie until they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask import flash, g

from backoffice.domain.acts import Act
from backoffice.domain.limits import MAX_MESSAGES
from backoffice.domain.undo import has_opposite
from backoffice.web.context import request_id

UNDO: Final = "undo:"
"""How the category of a message begins that offers to undo what this request did."""
_DOING: Final = "doing"


def flash_distinct(messages: Iterable[str], category: str) -> None:
    """Show each message once, the first `MAX_MESSAGES` of them, and how many more there are."""
    distinct = list(dict.fromkeys(messages))
    for message in distinct[:MAX_MESSAGES]:
        flash(message, category)
    if len(distinct) > MAX_MESSAGES:
        flash(f"… and {len(distinct) - MAX_MESSAGES} more.", category)


def flash_count(count: int, noun: str, done: str, category: str = "success") -> None:
    """Say of how many records something was done; `done` as in `was deleted`, with its verb first."""
    if count:
        verb, _, rest = done.partition(" ")
        plural = {"was": "were", "is": "are"}.get(verb, verb)
        text = f"1 {noun} {done}." if count == 1 else f"{count} {noun}s {plural} {rest}."
        if category == "success":
            flash_done(text)
        else:
            flash(text, category)


def doing(act: Act | None) -> None:
    """What this request does to records of a view: what is said of it then offers to undo it, where that can be."""
    g.setdefault(_DOING, act)


def flash_done(text: str, *, undoable: bool = False) -> None:
    """Say that something was done."""
    act = g.get(_DOING)
    undoable = undoable or (act is not None and has_opposite(act))
    flash(text, f"{UNDO}{request_id()}" if undoable else "success")
