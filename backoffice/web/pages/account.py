"""One's own account: password, sessions, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.access import parse_permissions
from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_TOKEN_DAYS
from backoffice.domain.nouns import all_permissions
from backoffice.domain.sessions import Session
from backoffice.errors import BadCredentials, Invalid, TooMany, WeakPassword
from backoffice.web.context import services
from backoffice.web.cookies import device_secret, start_session
from backoffice.web.devices import device_tag
from backoffice.web.errors import retry_headers
from backoffice.web.identity import actor, anonymous, current_user_or_401, may, signed_in_session
from backoffice.web.route_access import route_act, signed_in


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
        scopes = parse_permissions(request.form.getlist("scope"))
    except ValueError as error:
        return _page({"scope": str(error)}, 400)
    if not (days.isascii() and days.isdigit() and len(days) < 6 and 0 < int(days) <= MAX_TOKEN_DAYS):
        return _page({"days": "Choose after how many days it expires."}, 400)
    try:
        token, text = services().tokens.create(
            actor(), name=request.form.get("name", ""), scopes=scopes or None, days=int(days)
        )
    except Invalid as error:
        return _page({str(error.details.get("field", "name")): str(error)}, 400)
    return _page(revealed={"name": token.name, "secret": text})


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
    sessions, tokens = has.together(
        lambda: has.sessions.mine(here.actor), lambda: has.tokens.mine(here.actor) if may_have_tokens else []
    )
    page = render_template(
        "account.html",
        user=here.user,
        errors=errors or {},
        sessions=[_shown(session, own.id) for session in sessions],
        tokens=[(token, token.state(here.user, has.tokens.now())) for token in tokens],
        scopes=[
            (str(one), one.text) for one in sorted(all_permissions()) if one.offered and one in here.actor.permissions
        ],
        revealed=revealed,
    )
    return page, status, dict(headers or {})


def _shown(session: Session, own: str) -> Mapping[str, Any]:
    return {
        "id": session.id,
        "current": session.id == own,
        "ip": session.ip,
        "device": device_tag(session.agent),
        "seen_at": session.seen_at,
        "created_at": session.created_at,
    }
