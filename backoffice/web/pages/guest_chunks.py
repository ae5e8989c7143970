"""What the script on the page of a request for files asks: pieces of a file, in any order, and its end.

As the API for people with an account (`web/api/uploads.py`), for one guest of one link, and with the token of the page.
"""

from __future__ import annotations

from typing import Annotated, Final

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.files import OCTETS
from backoffice.errors import BadCredentials, NotFound, UnsupportedBody
from backoffice.web.api.chunk_bodies import receive_piece
from backoffice.web.api.files import FileName
from backoffice.web.api.parsing import MAX_BYTES, Id, Strict, json_body, query
from backoffice.web.api.unfinished import ChunksQuery
from backoffice.web.body_buffers import Buffers
from backoffice.web.context import services
from backoffice.web.errors import wants_problem
from backoffice.web.guest_proofs import proof_of
from backoffice.web.identity import anonymous
from backoffice.web.pages.forms import MENDABLE, sentence
from backoffice.web.pages.guest import begin_sending
from backoffice.web.robots import keep_out_of_indexes
from backoffice.web.route_access import public, public_upload

_buffers: Final = Buffers()


class GuestComplete(Strict):
    """All pieces are sent."""

    file_id: Id
    name: FileName
    mime_type: Annotated[str, Field(max_length=255)] = ""
    total_size: Annotated[int, Field(ge=0, le=MAX_BYTES)]


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/s/<token>/chunks", "guest_chunk", guest_chunk, methods=["POST"])
    bp.add_url_rule("/s/<token>/complete", "guest_complete", guest_complete, methods=["POST"])
    bp.add_url_rule("/s/<token>/uploads/<upload_id>", "guest_upload", guest_upload)
    bp.add_url_rule("/s/<token>/uploads/<upload_id>/chunks", "guest_chunks_there", guest_chunks_there)
    bp.add_url_rule("/s/<token>/uploads/<upload_id>/cancel", "guest_cancel", guest_cancel, methods=["POST"])


@public_upload
def guest_chunk(token: str) -> ResponseReturnValue:
    """One piece, raw; what is said of it is in the query."""
    keep_out_of_indexes()
    if request.mimetype not in {"", OCTETS}:
        raise UnsupportedBody(f"Send the chunk as {OCTETS}.")
    sending = begin_sending(token)
    with _buffers.lent() as allocate:
        found = sending.put_chunk(**receive_piece(request, sending.uploads.limits.max_chunk_size, allocate))
    return jsonify(file_id=found.upload.id, received=found.upload.received, missing_count=found.missing_count)


@public
def guest_complete(token: str) -> ResponseReturnValue:
    """All pieces are sent: it is delivered. Repeated, it is the same delivery."""
    keep_out_of_indexes()
    wanted = json_body(GuestComplete, request)
    sending = begin_sending(token)
    spec = sending.spec(wanted.name, wanted.mime_type)
    file = sending.complete(wanted.file_id, spec, total_size=wanted.total_size)
    return jsonify(id=file.id, name=file.name, size=file.size, sha256=file.sha256), 201


@public
def guest_upload(token: str, upload_id: str) -> ResponseReturnValue:
    """Which pieces of one of the guest's own uploads are missing: ranges of indexes."""
    keep_out_of_indexes()
    found = services().guests.sending(anonymous(), token, proof_of(token)).state(upload_id)
    return jsonify(file_id=found.upload.id, missing=[list(one) for one in found.missing])


@public
def guest_chunks_there(token: str, upload_id: str) -> ResponseReturnValue:
    """Which pieces of one have arrived, with their checksums: whoever picks the file again proves by them that it is
    the same. A page looks at so many pieces, and leaves out those that are missing."""
    keep_out_of_indexes()
    wanted = query(ChunksQuery, request)
    found = services().guests.sending(anonymous(), token, proof_of(token)).state(upload_id)
    page = found.stored(wanted.cursor, wanted.limit)
    items = [{"chunk_index": one.index, "size": one.size, "sha256": one.sha256} for one in page.items]
    return jsonify(items=items, next_cursor=page.next_cursor or None)


@public
def guest_cancel(token: str, upload_id: str) -> ResponseReturnValue:
    """Give one of them up; by the script, or by a form."""
    keep_out_of_indexes()
    try:
        services().guests.sending(anonymous(), token, proof_of(token)).cancel(upload_id)
    except (*MENDABLE, BadCredentials) as error:
        if wants_problem():
            raise
        flash("This is not there any more." if isinstance(error, NotFound) else sentence(error), "error")
    else:
        if wants_problem():
            return "", 204
        flash("The upload is cancelled.", "success")
    return redirect(url_for("pages.link", token=token), 303)
