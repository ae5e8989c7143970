"""Since when something was not in the trash, nor in a folder that is, however deep."""

from __future__ import annotations

from collections.abc import Mapping

from backoffice.domain.folders import FolderState
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.stores.client import Db
from backoffice.stores.file_names import FOLDERS
from backoffice.stores.keys import Keys


def stays(db: Db, keys: Keys, since: Mapping[str, int], folders: Mapping[str, str]) -> dict[str, int | None]:
    """For each thing since when (ms). `since`: of itself; `folders`: the one in which it lies, where it lies in one.
    None: that, or one above it, is in the trash, and the thing has yet to follow. A round trip for each level."""
    found: dict[str, int | None] = dict(since)
    above = {key: folder for key, folder in folders.items() if folder}
    for _ in range(2 * MAX_FOLDER_DEPTH):
        if not above:
            break
        ids = sorted(set(above.values()))
        fields = ("state", "restored_at", "parent")
        rows = db.many([("HMGET", keys.record(FOLDERS, one), *fields) for one in ids])
        read = dict(zip(ids, rows, strict=True))
        for key, folder in tuple(above.items()):
            state, restored, parent = read[folder]
            earlier, there = found[key], state == FolderState.READY.value.encode()
            found[key] = max(earlier or 0, int(restored or 0)) if there else None
            above[key] = (parent or b"").decode() if there else ""
        above = {key: folder for key, folder in above.items() if folder}
    return found
