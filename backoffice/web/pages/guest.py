"""The page of a request for files, for whoever has its address: sending, seeing what one has sent, taking it back.

Looking at it changes nothing. It works without a script; `static/js/guest.js` sends in pieces that survive a lost
connection. A guest is known by a signed cookie (`guest_proofs.py`), which is given with the first thing that they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.deliveries import Delivered
from backoffice.domain.limits import MAX_FILES
from backoffice.domain.uploads import Upload
from backoffice.errors import BackofficeError, BadCredentials, NotFound, UnsupportedBody
from backoffice.services.guest_sending import GuestSending
from backoffice.services.guests import Guest
from backoffice.services.uploads.new_file import NewFile
from backoffice.web.body import drain, keep_confirming
from backoffice.web.client_socket import SIGNED_IN, set_body_pace
from backoffice.web.context import services
from backoffice.web.errors import retry_headers, status_of, wants_problem
from backoffice.web.guest_proofs import give_proof, proof_of
from backoffice.web.identity import anonymous
from backoffice.web.pages.file_form import BeginFile, receive_form
from backoffice.web.pages.forms import MENDABLE, sentence
from backoffice.web.pages.under_way import chunk_size, unfinished_row
from backoffice.web.receipts import receipt_text
from backoffice.web.robots import keep_out_of_indexes
from backoffice.web.route_access import public, public_upload

CLOSED: Final = "link.html"


def register(bp: Blueprint) -> None:
    """Add the routes; the page itself is that of the link (`links.py`)."""
    bp.add_url_rule("/s/<token>/send", "guest_send", guest_send, methods=["POST"])
    bp.add_url_rule("/s/<token>/withdraw", "guest_withdraw", guest_withdraw, methods=["POST"])
    bp.add_url_rule("/s/<token>/receipt", "guest_receipt", guest_receipt)


def request_page(token: str) -> ResponseReturnValue:
    """The page, and what its first form sends: who one is, with the password where the link has one."""
    if request.method != "POST":
        return _page(token, proof_of(token))
    known = proof_of(token)
    form = request.form
    try:
        link, guest = services().guests.enter(
            anonymous(), token, form.get("password", ""), form.get("code", ""), known, form.get("guest", "")
        )
    except NotFound:
        return _closed()
    except (*MENDABLE, BadCredentials) as error:
        if wants_problem():
            raise
        answer = make_response(_page(token, known, error))
        if answer.status_code == 200:
            answer.status_code = status_of(error)
            answer.headers.update(retry_headers(error))
        return answer
    give_proof(link, guest)
    if wants_problem():
        return "", 204
    return redirect(url_for("pages.link", token=token), 303)


@public_upload
def guest_send(token: str) -> ResponseReturnValue:
    """Files in a form, for browsers without a script. The CSRF token is in the query: it is checked before any of the
    body is read."""
    keep_out_of_indexes()
    stored: list[Delivered] = []
    try:
        sending = begin_sending(token)
        receive_form(request, _begins(sending, stored.append), sending.uploads.limits.max_file_size)
    except NotFound:
        return _closed()
    except (*MENDABLE, BadCredentials, UnsupportedBody) as error:
        if wants_problem():
            raise
        # The browser shows the answer only when it got rid of the form; where that is too much, the connection ends.
        drain(request)
        flash(sentence(error), "error")
    else:
        if not stored:
            flash("Choose a file first.", "warning")
    if stored:
        what = f"“{stored[0].name}” is" if len(stored) == 1 else f"{len(stored)} files are"
        flash(f"{what} delivered.", "success")
    return redirect(url_for("pages.link", token=token), 303)


@public
def guest_withdraw(token: str) -> ResponseReturnValue:
    """Take back what one has delivered, as long as nobody has accepted it."""
    keep_out_of_indexes()
    try:
        services().guests.sending(anonymous(), token, proof_of(token)).withdraw(request.form.get("file", ""))
    except (*MENDABLE, BadCredentials) as error:
        if wants_problem():
            raise
        flash("This is not there any more." if isinstance(error, NotFound) else sentence(error), "error")
    else:
        flash("It is taken back: nobody has it any more.", "success")
    return redirect(url_for("pages.link", token=token), 303)


@public
def guest_receipt(token: str) -> ResponseReturnValue:
    """What one has delivered by this link, as a text to keep."""
    keep_out_of_indexes()
    guest = proof_of(token)
    try:
        opened, may = services().guests.look(anonymous(), token, guest)
    except NotFound:
        return _closed()
    if guest is None or not may:
        return redirect(url_for("pages.link", token=token), 303)
    sending = services().guests.sending(anonymous(), token, guest)
    code = services().guests.receipt_code(opened.link, guest)
    answer = Response(receipt_text(opened, sending.delivered(), code), mimetype="text/plain")
    answer.headers["Content-Disposition"] = 'attachment; filename="receipt.txt"'
    return answer


def begin_sending(token: str) -> GuestSending:
    """What this browser may send: as who it is, or somebody new where the link takes no password. From now on the body
    comes at the pace of people who are known, and it is asked again and again whether the link is open.

    Raises NotFound, BadCredentials, TooMany.
    """
    guests, guest = services().guests, proof_of(token)
    if guest is None:
        link, guest = guests.enter(anonymous(), token, "", "", None)
        give_proof(link, guest)
    sending = guests.sending(anonymous(), token, guest)
    set_body_pace(request.environ, SIGNED_IN)
    if sending.actor.ground is not None:
        keep_confirming(request.environ, sending.actor.ground.confirm)
    return sending


def _begins(sending: GuestSending, stored: Callable[[Delivered], None]) -> BeginFile:
    @contextmanager
    def begin(name: str, mime_type: str) -> Iterator[tuple[NewFile, Callable[[], None]]]:
        spec = sending.spec(name, mime_type)
        with sending.open_stream(spec) as new:
            yield new, lambda: stored(sending.finish_stream(new, spec))

    return begin


def _page(token: str, guest: Guest | None, error: BackofficeError | None = None) -> ResponseReturnValue:
    guests = services().guests
    try:
        opened, may = guests.look(anonymous(), token, guest)
    except NotFound:
        return _closed()
    known = guest is not None and may
    delivered: tuple[Delivered, ...] = ()
    begun: tuple[Upload, ...] = ()
    if known:
        sending = guests.sending(anonymous(), token, guest)
        delivered, begun = services().together(sending.delivered, sending.begun)

    def row_of(upload: Upload) -> dict[str, object]:
        row = unfinished_row(upload, url_for("pages.guest_cancel", token=token, upload_id=upload.id))
        return row if left and room != 0 else {**row, "resumable": False}

    left = max(0, opened.link.max_files - opened.link.delivered)
    room = max(0, opened.link.max_bytes - opened.link.delivered_bytes) if opened.link.max_bytes else None
    return render_template(
        "request.html",
        opened=opened,
        may=may,
        guest=guest if known else None,
        code=guests.receipt_code(opened.link, guest) if guest is not None and delivered else "",
        delivered=delivered,
        unfinished=[row_of(one) for one in begun],
        error=error,
        field=str(error.details.get("field", "")) if error is not None else "",
        left=left,
        room=room,
        limits=services().uploads.limits,
        chunk_size=chunk_size(services().uploads.limits),
        most=MAX_FILES,
    )


def _closed() -> ResponseReturnValue:
    if wants_problem():
        raise NotFound("This link is not open (any more).")
    return render_template(CLOSED, shared=None), 404
