"""Signing in and out, and confirming with the password what needs a fresh one (S3, S8)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import act_named
from backoffice.domain.usernames import same_name
from backoffice.errors import BadCredentials, TooMany
from backoffice.services.sign_in.outcomes import SignedIn
from backoffice.web.context import services
from backoffice.web.cookies import device_secret, end_session, renew_session, start_session
from backoffice.web.errors import retry_headers, status_of, wants_problem
from backoffice.web.identity import CurrentUser, anonymous, current_user_or_none
from backoffice.web.pages.landing import landing
from backoffice.web.redirects import safe_next
from backoffice.web.route_access import public


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    bp.add_url_rule("/logout", "logout", logout, methods=["GET", "POST"])


@public
def login() -> ResponseReturnValue:
    """The form and what it sends. With `confirm`, for somebody who is signed in and gives the password once more."""
    here = current_user_or_none()
    target = safe_next(request.values.get("next"))
    if request.method != "POST":
        if here is not None and "confirm" not in request.args:
            return redirect(target, 303)
        return render_template(
            "login.html", username=here.user.username if here else "", next=target, **_confirming(here)
        )
    username = request.form.get("username", "").strip()
    try:
        entered = _enter(here, username, request.form.get("password", ""))
    except (BadCredentials, TooMany) as error:
        if wants_problem():
            raise
        page = render_template("login.html", username=username, next=target, error=str(error), **_confirming(here))
        return page, status_of(error), retry_headers(error)
    return redirect(landing(entered.actor) if entered is not None and target == safe_next(None) else target, 303)


def _confirming(here: CurrentUser | None) -> dict[str, str | bool]:
    """For the page: whether the person is signed in and only gives the password again, and what for."""
    if here is None or "confirm" not in request.values:
        return {}
    try:
        return {"confirm": True, "act": act_named(request.values.get("act", "")).text}
    except KeyError:
        return {"confirm": True, "act": ""}


def _enter(here: CurrentUser | None, username: str, password: str) -> SignedIn | None:
    """Start a session; or renew the one there is when it is the same person's: None. Raises BadCredentials, TooMany."""
    sessions = services().sessions
    if here is not None and here.session is not None:
        names = {same_name(here.user.username), same_name(here.user.email)} - {""}
        if same_name(username) in names:
            _, secret = sessions.reauth(here.actor, here.session, password)
            renew_session(secret)
            return None
    entered = sessions.sign_in(anonymous(), username, password, device_secret())
    leave(here)
    start_session(entered.secret, entered.device)
    return entered


def leave(here: CurrentUser | None) -> None:
    """End the session that the browser gives up for another one."""
    if here is not None and here.session is not None:
        services().sessions.sign_out(here.actor, here.session)


@public
def logout() -> ResponseReturnValue:
    """Ends the session; a link to it only asks whether to, since a GET changes nothing."""
    here = current_user_or_none()
    if request.method != "POST":
        return render_template("logout.html") if here is not None else redirect(url_for("pages.login"), 303)
    leave(here)
    end_session()
    flash("You are signed out.", "success")
    return redirect(url_for("pages.login"), 303)
