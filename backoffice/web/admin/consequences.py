"""What comes of an act on an account, in sentences: for the question before it and for the page of a user."""

from __future__ import annotations

from backoffice.services.consequences import Obstacle, UserConsequences
from backoffice.units import filesize
from backoffice.web.formats import number


def _count(many: int, one: str) -> str:
    return f"{number(many)} {one}{'' if many == 1 else 's'}"


def _need(many: int) -> str:
    return "first has to be" if many == 1 else "first have to be"


def signed_out(found: UserConsequences) -> list[str]:
    """What ends for good when the user is disabled, deleted or gets other roles."""
    ends = [_count(many, what) for many, what in ((found.sessions, "session"), (found.tokens, "token")) if many]
    return [f"{' and '.join(ends)} {'end' if found.sessions + found.tokens > 1 else 'ends'} for good."] if ends else []


def ending(found: UserConsequences) -> list[str]:
    """The same, and what ends besides when the user is disabled or deleted."""
    return [*signed_out(found), *(["The open one-time link ends."] if found.open_link else [])]


def shut(found: UserConsequences) -> list[str]:
    """What others reach no more when the user is disabled."""
    parts = [_count(many, what) for many, what in ((found.links, "share link"), (found.shares, "share")) if many]
    if not parts:
        return []
    one = found.links + found.shares == 1
    ends = "is shut until an operator opens it" if one else "are shut until an operator opens them"
    return [f"{' and '.join(parts)} {ends} again."]


def disabling(found: UserConsequences) -> list[str]:
    """What comes of disabling: what ends, and what stays."""
    lines = ending(found) or ["Nobody is signed in, and there is no token."]
    lines += shut(found)
    kept = [_count(found.files, "file")] if found.files else []
    if found.trashed:
        kept.append(f"{_count(found.trashed, 'file')} in the trash")
    if found.waiting:
        kept.append(f"{_count(found.waiting, 'delivered file')} that nobody has accepted")
    if kept:
        stay = "stays" if found.files + found.trashed + found.waiting == 1 else "stay"
        lines.append(f"{' and '.join(kept)} {stay} ({filesize(found.used_bytes)}).")
    if found.uploads:
        lines.append(f"{_count(found.uploads, 'unfinished upload')} cannot go on.")
    if found.last_admin:
        lines.append("This is the last active administrator: it cannot be done.")
    return lines


def deleting(found: UserConsequences) -> list[str]:
    """What stands in the way of deleting; where nothing does, what comes of it."""
    files = f"{_count(found.files, 'file')} ({filesize(found.used_bytes)})"
    said = {
        Obstacle.FILES: f"{files} {_need(found.files)} handed over or moved to the trash.",
        Obstacle.TRASH: f"{_count(found.trashed, 'file')} in the trash {_need(found.trashed)} deleted for good.",
        Obstacle.WAITING: f"{_count(found.waiting, 'delivered file')} {_need(found.waiting)} accepted or refused.",
        Obstacle.UPLOADS: f"{_count(found.uploads, 'unfinished upload')} {_need(found.uploads)} cancelled.",
        Obstacle.CLEARING: "Deleted files are still being cleared away; try again in a minute.",
        Obstacle.LAST_ADMIN: "This is the last active administrator.",
    }
    if found.obstacles:
        return [said[one] for one in found.obstacles]
    return [*ending(found), "The name cannot be used again."]


def disable_question(found: UserConsequences) -> str:
    """What is asked before somebody is disabled: what ends for good, and what stays."""
    back = " Enabling brings none of it back." if ending(found) else ""
    return f"Disable {found.user.username}? {' '.join(disabling(found))}{back}"
