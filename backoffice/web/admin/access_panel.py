"""Panels of records' pages: what somebody may do and why, and who can reach a thing and through what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import request

from backoffice.domain.acts import Acts, Proof, Rank
from backoffice.domain.effective import EffectiveValue, Source, Unit
from backoffice.domain.explanations import Explanation
from backoffice.domain.nouns import all_permissions
from backoffice.domain.roles import Role
from backoffice.domain.times import rfc3339
from backoffice.domain.users import User
from backoffice.services.access import Way
from backoffice.units import filesize
from backoffice.web.admin.record_page import Panel
from backoffice.web.admin.role_preview import act_words, groups
from backoffice.web.admin.user_forms import roles_seen
from backoffice.web.context import services
from backoffice.web.formats import number
from backoffice.web.identity import actor, may
from backoffice.web.share_cells import access_of, whom_words

RANKS = {
    Rank.NO_LESS: "not of who holds more",
    Rank.MORE: "only of who holds less",
    Rank.GIVES: "nothing that they do not hold themselves",
}
PROOFS = {
    Proof.PERSON: "not by a token",
    Proof.FRESH: "after giving the password again, not by a token",
    Proof.FRESH_OR_SCOPE: "after giving the password again, or by a token made for it",
    Proof.SHELL: "on the command line only",
}
VALUES = {
    "quota": "Quota",
    "inactive": "Account ends without a sign-in for",
    "files": "Files",
    "file_size": "Largest file",
    "open_uploads": "Unfinished uploads",
    "trash": "Deleted files are kept",
    "session_idle": "Signed out when idle for",
    "session_max": "Signed out after",
    "sessions": "Sessions",
    "tokens": "API tokens",
    "token_life": "A token lives at most",
    "link_life": "A share link lives at most",
}
SOURCES = {
    Source.USER: "from this user",
    Source.ROLE: "from the role",
    Source.SITE: "from the site's default",
    Source.PRODUCT: "for everybody",
}
_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Line:
    """One act, in words: through which roles, or why not; and what else has to hold."""

    text: str
    roles: tuple[str, ...]
    reason: str
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value that holds, and where it comes from."""

    label: str
    text: str
    source: str
    setting: str


def can_explain() -> bool:
    """Whether the person asking may see who may what."""
    return may(Acts.USER_ACCESS) and may(Acts.ROLE_READ)


def who_can_panel(record: Any) -> Sequence[Panel]:
    """The tab of a file's page that tells who reaches it; `record` is a file, in the trash or not."""
    if not can_explain():
        return ()
    return (Panel("who", "Reach", "admin/who_can.html", lambda: who_of_file(record.id)),)


def user_access(user_id: str) -> Mapping[str, Any]:
    """What a user may do and may not, the acts grouped by the rights that they take, and the limits that hold; and what
    came of it if one of the roles were taken, where that is asked."""
    found = services().access.why(actor(), user_id)
    allowed = [one for one in found.explanations if one.allowed]
    refused = [one for one in found.explanations if not one.allowed]
    without = request.args.get("without", "")
    there = without if without in found.user.roles else ""
    return {
        "user": found.user,
        "roles": found.user.roles,
        "without": there,
        "effects": _without(found.user, there) if there else None,
        "allowed": _grouped(allowed),
        "refused": [_line(one) for one in refused],
        "limits": effective_values(found.user, {role.name: role for role in found.roles}),
    }


def _without(user: User, role: str) -> Mapping[str, Any]:
    found = services().access.if_user(actor(), user.id, [one for one in user.roles if one != role])
    return {"found": found, "groups": groups(found)}


def effective_values(user: User, roles: Mapping[str, Role]) -> list[Value]:
    """The limits that hold for a user, each with its source."""
    return [
        Value(VALUES[one.name], value_text(one), SOURCES[one.source], one.setting)
        for one in services().effective.of_record(user, roles)
    ]


def setting_sources(user: User) -> dict[str, str]:
    """Of what can be set for a user the value that holds, with its source, by the names of the form."""
    roles = {role.name: role for role in roles_seen()}
    found = {one.name: one for one in services().effective.of_record(user, roles)}
    said = {"quota_bytes": _said(found["quota"])}
    if may(Acts.ROLE_READ):
        said["inactive_days"] = _said(found["inactive"])
    last = rfc3339(user.expires_at - 1)[:10] if user.expires_at else ""
    return {**said, "expires_at": f"{last}, {SOURCES[Source.USER]}" if last else "never, as nobody set one"}


def _said(one: EffectiveValue) -> str:
    source = f"{SOURCES[one.source]} {one.setting}" if one.source is Source.ROLE else SOURCES[one.source]
    return f"{value_text(one)}, {source}"


def value_text(one: EffectiveValue) -> str:
    """`107 GB`, `30 days`, `without limit`."""
    if one.value is None:
        return "without limit"
    if one.unit is Unit.BYTES:
        return filesize(one.value)
    if one.unit is Unit.NUMBER:
        return number(one.value)
    size, word = next((pair for pair in _STEPS if one.value % pair[0] == 0 and one.value), _STEPS[-1])
    count = one.value // size
    return f"{number(count)} {word}{'' if count == 1 else 's'}"


def who_of_file(file_id: str) -> Mapping[str, Any]:
    """Context of `admin/who_can.html`, with the shares by which it is reached."""
    ways = _ways(services().access.who_reaches_file(actor(), file_id, *_part()))
    seen = may(Acts.SHARE_READ) and not ways["only"]
    shares = services().shares.reaching(actor(), file_id) if seen else []
    return {**ways, "shares": [(one, whom_words(one), access_of(one)) for one in shares]}


def who_of_user(user_id: str) -> Mapping[str, Any]:
    """Likewise."""
    return _ways(services().access.who_reaches_user(actor(), user_id, *_part()))


def who_of_role(name: str) -> Mapping[str, Any]:
    """Likewise."""
    return _ways(services().access.who_reaches_role(actor(), name, *_part()))


def _part() -> tuple[str, str]:
    """Which way alone, and where its people go on."""
    return request.args.get("through", ""), request.args.get("cursor", "")


def _ways(ways: Sequence[Way]) -> Mapping[str, Any]:
    return {"ways": ways, "only": request.args.get("through", "")}


def _grouped(said: Sequence[Explanation]) -> list[tuple[str, list[Line]]]:
    """By the groups in which people see rights; what takes none comes first."""
    ordered = sorted(said, key=_place)
    return [
        (name, [_line(one) for one in some])
        for name, some in groupby(ordered, key=lambda one: one.needed.group if one.needed is not None else "Oneself")
    ]


def _place(one: Explanation) -> int:
    return 1 + all_permissions().index(one.needed) if one.needed is not None else 0


def _line(one: Explanation) -> Line:
    conditions = (RANKS.get(one.act.rank), PROOFS.get(one.act.proof))
    text = act_words(one.act.text, one.reach)
    return Line(text, one.roles, one.reason, tuple(filter(None, conditions)))
