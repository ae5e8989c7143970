"""Share links as tables show them, to operators and to their owners."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from backoffice.domain.links import HeldLink, LinkKind
from backoffice.web.formats import NOTHING, number, state_tag, time_tag

TONES: Final = {
    "open": "good",
    "expired": "neutral",
    "used_up": "neutral",
    "unprotected": "warn",
    "blocked": "warn",
    "closed": "neutral",
}
WORDS: Final = {"used_up": "used up", "unprotected": "needs a password"}
_OF: Final = Markup('<span class="num">%s</span> <span class="muted">of %s</span>')


def link_state(held: HeldLink) -> Markup:
    """What a link is worth, in a word."""
    return state_tag(WORDS.get(held.state, str(held.state)), TONES[held.state])


def downloads_of(held: HeldLink) -> Markup | str:
    """How many were begun, of how many; of a request how many files came."""
    if held.kind is LinkKind.REQUEST:
        return _OF % (number(held.link.delivered), number(held.link.max_files))
    return _OF % (number(held.downloads), number(held.max_downloads)) if held.max_downloads else number(held.downloads)


def used_at(held: HeldLink) -> Markup:
    """When the last one was begun."""
    return time_tag(held.last_used_at) if held.last_used_at else NOTHING
