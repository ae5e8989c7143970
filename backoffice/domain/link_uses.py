"""What became of a share link, as its owner may know it: when, and what of it, but not who."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from backoffice.domain.actions import Action, Actions
from backoffice.domain.times import parse_time

UseKind = Literal["open", "download", "refuse", "close", "reopen"]
_KINDS: Final[Mapping[Action, UseKind]] = {
    Actions.LINK_OPEN: "open",
    Actions.LINK_DOWNLOAD: "download",
    Actions.LINK_REFUSE: "refuse",
    Actions.LINK_CLOSE: "close",
    Actions.LINK_REOPEN: "reopen",
}


@dataclass(frozen=True, slots=True)
class LinkUse:
    """`at` in ms. Of a download `size` (bytes), and `name` of a file of a folder; of what was refused or closed
    `because`."""

    id: str
    at: int
    kind: UseKind
    name: str = ""
    size: int = 0
    because: str = ""


def link_use(entry_id: str, event: Mapping[str, Any]) -> LinkUse | None:
    """What an entry of the log says of a link; None for what is no use of it."""
    kind = next((kind for action, kind in _KINDS.items() if action == event.get("action")), None)
    if kind is None:
        return None
    data = cast("Mapping[str, Any]", event.get("data", {}))
    return LinkUse(
        entry_id,
        parse_time(str(event["at"])),
        kind,
        str(data.get("name", "")),
        int(data.get("size", 0)),
        str(data.get("because", "")),
    )
