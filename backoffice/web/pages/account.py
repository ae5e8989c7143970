"""One's own account: password, sessions, tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.access import Actor, parse_permissions
from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_TOKEN_DAYS
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.sessions import Session
from backoffice.errors import BadCredentials, Invalid, TooMany, WeakPassword
from backoffice.web.context import services
from backoffice.web.cookies import device_secret, start_session
from backoffice.web.devices import device_tag
from backoffice.web.errors import retry_headers
from backoffice.web.identity import actor, anonymous, current_user_or_401, may, signed_in_session
from backoffice.web.route_access import permissions_for, route_act, signed_in

ALL: Final = "all"
CUSTOM: Final = "custom"
PRESETS: Final[Mapping[str, tuple[str, ...]]] = {
    "upload": permissions_for([Acts.UPLOAD_START]),
    "read": permissions_for([Acts.FILES_LIST]),
}
"""What a token may do, where that has a name."""
CHOICES: Final = (
    ("upload", "Upload only", "Sends files, and sees none of those that are there."),
    ("read", "Read my files", "Lists and downloads them, and changes nothing."),
    (ALL, "All I may", "Acts as you: for scripts that you trust like yourself."),
    (CUSTOM, "Custom", "Just what you tick."),
)
"""The words for these, in the order of the form."""


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/account", "account", account)
    bp.add_url_rule("/account/password", "account_password", change_password, methods=["POST"])
    bp.add_url_rule("/account/session/end", "account_session_end", end_session, methods=["POST"])
    bp.add_url_rule("/account/sessions/end", "account_sessions_end", end_other_sessions, methods=["POST"])
    bp.add_url_rule("/account/tokens", "account_token_create", create_token, methods=["POST"])
    bp.add_url_rule("/account/tokens/revoke", "account_token_revoke", revoke_token, methods=["POST"])


@signed_in
def account() -> ResponseReturnValue:
    """The page."""
    return _page()


@signed_in
def change_password() -> ResponseReturnValue:
    """A new password: every other session and token ends, this browser gets a new session."""
    here = current_user_or_401()
    signed_in_session()
    password = request.form.get("password", "")
    if password != request.form.get("repeat", ""):
        return _page({"repeat": "The two are not the same."}, 400)
    try:
        user = services().users.change_password(here.actor, request.form.get("current", ""), password)
    except (BadCredentials, TooMany) as error:
        text = "This is not your current password." if isinstance(error, BadCredentials) else str(error)
        return _page({"current": text}, 429 if isinstance(error, TooMany) else 400, retry_headers(error))
    except WeakPassword as error:
        return _page({"password": str(error)}, 400)
    entered = services().sessions.start_for(anonymous(), user, device_secret())
    start_session(entered.secret, entered.device)
    flash("Your password is changed. Your other sessions and all tokens have ended.", "success")
    return redirect(url_for("pages.account"), 303)


@signed_in
def end_session() -> ResponseReturnValue:
    """Sign out another browser of one's own."""
    signed_in_session()
    services().sessions.end(actor(), request.form.get("id", ""))
    flash("The session is ended.", "success")
    return redirect(url_for("pages.account"), 303)


@signed_in
def end_other_sessions() -> ResponseReturnValue:
    """Sign out everywhere else."""
    own = signed_in_session()
    others = [session for session in services().sessions.mine(actor()) if session.id != own.id]
    for session in others:
        services().sessions.end(actor(), session.id)
    flash("You are signed out everywhere else.", "success")
    return redirect(url_for("pages.account"), 303)


@route_act(Acts.TOKEN_CREATE)
def create_token() -> ResponseReturnValue:
    """A new token, shown in this answer and never again. Raises ReauthRequired when the password was given long ago."""
    signed_in_session()
    days = request.form.get("days", "")
    try:
        scopes = _chosen(request.form.get("preset", ""), request.form.getlist("scope"))
    except ValueError as error:
        return _page({"scope": str(error)}, 400)
    if not (days.isascii() and days.isdigit() and len(days) < 6 and 0 < int(days) <= MAX_TOKEN_DAYS):
        return _page({"days": "Choose after how many days it expires."}, 400)
    try:
        token, text = services().tokens.create(
            actor(), name=request.form.get("name", ""), scopes=scopes, days=int(days)
        )
    except Invalid as error:
        return _page({str(error.details.get("field", "name")): str(error)}, 400)
    return _page(revealed={"name": token.name, "secret": text})


def _chosen(preset: str, ticked: Sequence[str]) -> Iterable[str] | None:
    """The scopes of a new token; None: all that its owner holds. Raises ValueError: what nobody chose must not be the
    most powerful token there is."""
    if preset == ALL:
        return None
    if preset in PRESETS:
        return PRESETS[preset]
    if preset not in {"", CUSTOM}:
        raise ValueError("Choose what the token may do.")
    if not ticked:
        raise ValueError("Choose what the token may do." if not preset else "Tick at least one scope.")
    return parse_permissions(ticked)


@route_act(Acts.TOKEN_REVOKE)
def revoke_token() -> ResponseReturnValue:
    """Ends a token at once."""
    signed_in_session()
    services().tokens.revoke(actor(), request.form.get("id", ""))
    flash("The token is revoked.", "success")
    return redirect(url_for("pages.account"), 303)


def _page(
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    revealed: Mapping[str, str] | None = None,
) -> ResponseReturnValue:
    here = current_user_or_401()
    own = signed_in_session()
    has, may_have_tokens = services(), may(Acts.TOKEN_LIST)
    sessions, tokens, standings = has.together(
        lambda: has.sessions.mine(here.actor),
        lambda: has.tokens.mine(here.actor) if may_have_tokens else [],
        has.users.standings,
    )
    # What is remembered of the person does not have the latest sign-in; the session does.
    signed_in = max(here.user.last_login_at, own.created_at)
    page = render_template(
        "account.html",
        user=here.user,
        standing=standings(replace(here.user, last_login_at=signed_in)),
        errors=errors or {},
        sessions=[_shown(session, own.id) for session in sessions],
        tokens=[(token, token.state(here.user, has.tokens.now())) for token in tokens],
        scopes=_offered(here.actor),
        presets=[
            (key, label, text)
            for key, label, text in CHOICES
            if set(map(str, PRESETS.get(key, ()))) <= set(map(str, here.actor.permissions))
        ],
        chosen={"preset": request.form.get("preset", ""), "scope": request.form.getlist("scope")} if errors else {},
        revealed=revealed,
    )
    return page, status, dict(headers or {})


def _offered(asking: Actor) -> list[tuple[str, list[Permission]]]:
    """What a token of this person can be narrowed to, in the groups of the form of roles."""
    held = (one for one in all_permissions() if one.offered and one in asking.permissions)
    return [(group, list(some)) for group, some in groupby(held, key=lambda one: one.group)]


def _shown(session: Session, own: str) -> Mapping[str, Any]:
    return {
        "id": session.id,
        "current": session.id == own,
        "ip": session.ip,
        "device": device_tag(session.agent),
        "seen_at": session.seen_at,
        "created_at": session.created_at,
    }
