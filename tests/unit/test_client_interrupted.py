"""Which unfinished upload the command goes on with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from backoffice.client.http import Client
from backoffice.client.interrupted import Interrupted
from backoffice.client.local_file import LocalFile
from backoffice.client.progress import Progress

THEIRS = {"file_id": "x", "name": "a.txt", "total_size": 140, "state": "open", "total_chunks": 2, "by_another": True}


class Listing:
    """A site with this unfinished upload; nothing else may be asked for."""

    def list_items(self, path: str, _query: Any) -> list[dict[str, Any]]:
        assert path == "/uploads", path
        return [THEIRS]


def test_what_somebody_else_sends_is_not_finished() -> None:
    """Into a folder that is shared, or by a request: it goes where that one sends it."""
    file = cast("LocalFile", SimpleNamespace(name="a.txt", size=140))
    assert Interrupted(cast("Client", Listing())).find(file, cast("Progress", None)) is None
