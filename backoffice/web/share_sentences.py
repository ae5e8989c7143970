"""What is said of shares in the log (`sentence_table.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backoffice.domain.actions import Action, Actions
from backoffice.web.sentence_parts import Event, Teller, Told, because_of


def _shared(event: Event) -> Told:
    """With whom, as that was called then."""
    changes = event.get("changes", {})
    if "grantee_name" not in changes:
        return Told("{who} shared {what}")
    role = changes.get("to", ("", ""))[1] == "role"
    said = "{who} shared {what} with " + ("the role {whom}" if role else "{whom}")
    return Told(said, {"whom": str(changes["grantee_name"][1])})


SHARES: Final[Mapping[Action, tuple[str, Teller]]] = {
    Actions.SHARE_CREATE: ("made", _shared),
    Actions.SHARE_UPDATE: ("changed", "{who} changed what the share of {what} gives"),
    Actions.SHARE_REVOKE: ("revoked", "{who} revoked the share of {what}"),
    Actions.SHARE_CLOSE: (
        "closed",
        lambda event: Told("The share of {what} was closed: {because}", {"because": because_of(event)}),
    ),
    Actions.SHARE_REOPEN: ("opened again", "{who} opened the share of {what} again"),
}
