"""The address at which a tus client goes on with an upload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import request, url_for

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.uploads import TUS, UNKNOWN, Upload, UploadState
from backoffice.web.context import services, settings
from backoffice.web.identity import current_user_or_401
from backoffice.web.public_address import public_origin


def address_of(upload_id: str) -> str:
    """With the secret of the one who asks, whose upload it is."""
    secret = services().upload_secrets.address(upload_id, current_user_or_401().user)
    base = public_origin(settings()) or request.host_url
    return base.rstrip("/") + url_for("api.tus.send_bytes", upload_address=secret)


def addresses_of(uploads: Iterable[Upload], asking: Actor) -> Mapping[str, str]:
    """Of those that `asking` may go on with, by identifier: nobody gets more by an address than they have. None for the
    body of a PUT that is coming just now."""
    return {
        one.id: address_of(one.id)
        for one in uploads
        if one.owner == asking.id
        and one.state is not UploadState.ABORTED
        and (one.total_chunks != UNKNOWN or one.protocol == TUS)
        and decide_act(asking, Acts.UPLOAD_SEND, one.owner).allowed
    }
