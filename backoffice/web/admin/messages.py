"""Messages of the admin site about many things at once: few, because they are kept in a cookie until they are shown."""

from __future__ import annotations

from collections.abc import Iterable

from flask import flash

from backoffice.domain.limits import MAX_MESSAGES


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
        flash(f"1 {noun} {done}." if count == 1 else f"{count} {noun}s {plural} {rest}.", category)
