"""Shares as tables show them, to operators and to their owners."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from backoffice.domain.shares import Grantee, HeldShare, ShareAccess
from backoffice.web.formats import icon, state_tag

TONES: Final = {"open": "good", "blocked": "warn", "closed": "neutral"}
_WHOM: Final = Markup('<span class="row-name">%s<bdi>%s</bdi>%s</span>')
_WORDS: Final = Markup("<bdi>%s</bdi>%s")
_ROLE: Final = Markup(' <span class="muted">role</span>')


def whom_of(held: HeldShare) -> Markup:
    """With whom: a person, or a role."""
    if held.to is Grantee.ROLE:
        return _WHOM % (icon("roles"), held.grantee_name, _ROLE)
    return _WHOM % (icon("user"), held.grantee_name, "")


def whom_words(held: HeldShare) -> Markup:
    """Likewise, without a drawing."""
    return _WORDS % (held.grantee_name, _ROLE if held.to is Grantee.ROLE else "")


def access_of(held: HeldShare) -> Markup:
    """What it gives, in a word."""
    return state_tag("read and write", "info") if held.access is ShareAccess.WRITE else state_tag("read")


def state_of(held: HeldShare) -> Markup:
    """What it is worth, in a word."""
    return state_tag(str(held.state), TONES[held.state])
