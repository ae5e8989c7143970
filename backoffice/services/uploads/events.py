"""What the log says of an upload."""

from __future__ import annotations

from dataclasses import replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.uploads import UNKNOWN, Upload


def upload_ref(upload: Upload) -> ObjectRef:
    """An upload is a file from its first chunk on: one object, and one history."""
    return ObjectRef("file", upload.id, upload.name)


def upload_event(action: Action, actor: Actor, upload: Upload, because: str = "") -> AuditEvent:
    """`because`: why it is given up without the actor asking for that. This needs no right, for it clears away what a
    request leaves that was refused."""
    if because:
        actor = replace(actor, ground=None)
    data: dict[str, str | int] = {"because": because} if because else {}
    if action is Actions.UPLOAD_START and upload.size != UNKNOWN:
        data["size"] = upload.size
    return AuditEvent(action, actor, upload_ref(upload), data=data)
