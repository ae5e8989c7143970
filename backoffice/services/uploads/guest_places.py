"""Places for uploads by a request for files: one that nobody uses gives way to a guest who needs it.

Otherwise a stranger who begins uploads and sends nothing would shut everybody out until these expire. As long as no
place is missing nothing is given up: who was cut off goes on hours later.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.limits import (
    GUEST_PACE,
    GUEST_PATIENCE_SECONDS,
    MAX_GUEST_UPLOADS,
    MAX_NETWORK_UPLOADS,
    MAX_REQUEST_UPLOADS,
)
from backoffice.domain.networks import site
from backoffice.domain.paging import Query
from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.errors import Completing, NotFound, VersionMismatch
from backoffice.services.uploads.cleanup import WORKER
from backoffice.services.uploads.events import upload_event
from backoffice.services.uploads.service import Uploads

BECAUSE: Final = "another guest needed the place"


def make_place(uploads: Uploads, actor: Actor, link_id: str) -> None:
    """Where a bound of what may be open is reached for this guest, give up the upload that has to make room for theirs,
    if there is one that waits for bytes in vain; the commit that begins theirs decides."""
    asked = Query(filters=(("request", link_id),), limit=MAX_REQUEST_UPLOADS)
    there = uploads.uploads.page(asked).items
    here = site(actor.ip)
    for most, among in (
        (MAX_GUEST_UPLOADS, [one for one in there if one.begun_by == actor.begins_as]),
        (MAX_NETWORK_UPLOADS, [one for one in there if site(one.address) == here]),
        (MAX_REQUEST_UPLOADS, there),
    ):
        if len(among) >= most:
            _give_up_one(uploads, among)
            return


def _give_up_one(uploads: Uploads, among: Sequence[Upload]) -> None:
    """The one that has waited the longest."""
    waiting = sorted((one for one in among if _waits(uploads, one)), key=lambda one: one.expires_at)
    for upload in waiting[:1]:
        event = upload_event(Actions.UPLOAD_EXPIRE, WORKER, upload, BECAUSE)
        with suppress(Completing, VersionMismatch, NotFound):  # it is completed or given up at this moment
            uploads.cleanup.abort(upload, event)


def _waits(uploads: Uploads, upload: Upload) -> bool:
    """Whether its bytes have stayed away, or come so slowly that it is there to hold the place. One body is left alone:
    it ends with its connection."""
    now, patience = uploads.now(), GUEST_PATIENCE_SECONDS * 1000
    if upload.total_chunks == UNKNOWN or now - upload.created_at < patience:
        return False
    if upload.bytes * 1000 < GUEST_PACE * (now - upload.created_at):
        return True
    # With each byte it expires that much later, but never after its death.
    last = upload.expires_at - uploads.limits.upload_seconds * 1000
    return upload.expires_at < upload.dies_at and now - last >= patience
