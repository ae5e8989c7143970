"""Share links as tables show them, to operators and to their owners."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from backoffice.domain.link_uses import LinkUse
from backoffice.domain.links import HeldLink, LinkKind
from backoffice.units import filesize
from backoffice.web.formats import NOTHING, number, state_tag, time_tag
from backoffice.web.names import name_with_icon

TONES: Final = {
    "open": "good",
    "expired": "neutral",
    "used_up": "neutral",
    "unprotected": "warn",
    "blocked": "warn",
    "closed": "neutral",
}
WORDS: Final = {"used_up": "used up", "unprotected": "needs a password"}
KINDS: Final = {LinkKind.FILE: "File", LinkKind.FOLDER: "Folder", LinkKind.REQUEST: "Request for files"}
"""What a link leads to, in words."""
_ICONS: Final = {LinkKind.FILE: "files", LinkKind.FOLDER: "folder", LinkKind.REQUEST: "upload"}
_NAMED: Final = Markup("Download of <bdi>%s</bdi> begun, %s")
_FILES: Final = Markup('<span class="num">%s</span> <span class="muted">of %s files</span>')
_OF: Final = Markup('<span class="num">%s</span> <span class="muted">of %s</span>')


def link_state(held: HeldLink) -> Markup:
    """What a link is worth, in a word."""
    return state_tag(WORDS.get(held.state, str(held.state)), TONES[held.state])


def downloads_of(held: HeldLink) -> Markup | str:
    """How many were begun, of how many; of a request how many files came."""
    if held.kind is LinkKind.REQUEST:
        return _FILES % (number(held.link.delivered), number(held.link.max_files))
    return _OF % (number(held.downloads), number(held.max_downloads)) if held.max_downloads else number(held.downloads)


def used_at(held: HeldLink) -> Markup:
    """When the last one was begun."""
    return time_tag(held.last_used_at) if held.last_used_at else NOTHING


def link_label(held: HeldLink) -> Markup:
    """What it leads to, with a drawing of what that is."""
    return name_with_icon(held.name, _ICONS[held.kind])


def use_words(use: LinkUse) -> Markup | str:
    """What became of it once, as its owner is told."""
    match use.kind:
        case "open":
            return "The page was looked at"
        case "download":
            size = filesize(use.size)
            return _NAMED % (use.name, size) if use.name else f"Download begun, {size}"
        case "refuse":
            return f"Refused: {use.because}" if use.because else "Refused"
        case "close":
            return f"Closed: {use.because}"
        case "reopen":
            return "Opened again by an operator"
