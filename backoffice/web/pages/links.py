"""The page of a share link, for whoever has its address.

Looking at it changes nothing: mail scanners and previews of chats open links. A download is begun by a form of this
page, and counted then; what the browser then fetches, and fetches again from where it was cut, is counted no more. The
secret stands in the path, as that of set-up links, and is kept out of the access log (`server/access_log.py`).
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.links import SharedFile, split_link_token
from backoffice.errors import BadCredentials, NotFound, TooMany
from backoffice.web.context import services
from backoffice.web.download import send_file
from backoffice.web.errors import retry_headers, status_of, wants_problem
from backoffice.web.identity import anonymous
from backoffice.web.link_tickets import give_ticket, has_ticket, just_begun
from backoffice.web.pages.guest import request_page
from backoffice.web.robots import keep_out_of_indexes
from backoffice.web.route_access import public


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/s/<token>", "link", link, methods=["GET", "POST"])
    bp.add_url_rule("/s/<token>/file", "link_file", link_file)


@public
def link(token: str) -> ResponseReturnValue:
    """What is shared and by whom, with one button; and what that sends, with the password where the link has one."""
    keep_out_of_indexes()
    if services().requests.is_request(token):
        return request_page(token)
    links = services().links
    try:
        shared = links.look(anonymous(), token)
        if request.method != "POST":
            return render_template("link.html", shared=shared)
        try:
            begun = links.begin(anonymous(), token, request.form.get("password", ""))
        except (BadCredentials, TooMany) as error:
            return _refused(shared, error)
    except NotFound:
        if wants_problem():
            raise
        return render_template("link.html", shared=None), 404
    give_ticket(begun.link.id)
    return redirect(url_for("pages.link_file", token=token), 303)


@public
def link_file(token: str) -> ResponseReturnValue:
    """The bytes, for a browser that has begun the download; any other is led to the page."""
    keep_out_of_indexes()
    parts = split_link_token(token)
    if parts is None or not has_ticket(parts[0]):
        return redirect(url_for("pages.link", token=token), 303)
    try:
        opened = services().links.open(anonymous(), token)
    except NotFound:
        if wants_problem():
            raise
        return render_template("link.html", shared=None), 404
    answer = send_file(opened, request)
    # Judged by what is sent: a range that does not hold brings the whole file.
    if request.method == "GET" and answer.status_code == 200 and not just_begun(parts[0]):
        answer.close()
        return redirect(url_for("pages.link", token=token), 303)
    return answer


def _refused(shared: SharedFile, error: BadCredentials | TooMany) -> ResponseReturnValue:
    if wants_problem():
        raise error
    return render_template("link.html", shared=shared, error=str(error)), status_of(error), retry_headers(error)
