"""Choosing a password by a one-time link.

The secret stands in the path, so that the link works without JavaScript and in every client. It is kept out of the
access log (`webworker.public_path`), out of other sites by the referrer policy, works once, and is dead after it was
used. Looking at the page does not use it up: mail scanners open links.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from backoffice.errors import NotFound, WeakPassword
from backoffice.web.context import services
from backoffice.web.cookies import device_secret, start_session
from backoffice.web.identity import anonymous, current_user_or_none
from backoffice.web.pages.landing import landing
from backoffice.web.pages.sign_in import leave
from backoffice.web.route_access import public


def register(bp: Blueprint) -> None:
    """Add the route."""
    bp.add_url_rule("/setup/<secret>", "setup", setup, methods=["GET", "POST"])


@public
def setup(secret: str) -> ResponseReturnValue:
    """The form, and what it sends: then the person is signed in."""
    users = services().users
    try:
        invited = users.open_invite(anonymous(), secret)
        if request.method != "POST":
            return render_template("setup.html", username=invited.username, errors={})
        password = request.form.get("password", "")
        if password != request.form.get("repeat", ""):
            errors = {"repeat": "The two are not the same."}
            return render_template("setup.html", username=invited.username, errors=errors), 400
        try:
            user = users.accept_invite(anonymous(), secret, password)
        except WeakPassword as error:
            return render_template("setup.html", username=invited.username, errors={"password": str(error)}), 400
    except NotFound:
        return render_template("setup.html", valid=False), 404
    entered = services().sessions.start_for(anonymous(), user, device_secret())
    leave(current_user_or_none())
    start_session(entered.secret, entered.device)
    flash("Your password is set, and you are signed in.", "success")
    return redirect(landing(entered.actor), 303)
