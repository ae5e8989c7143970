"""What lies in one folder, however deep: found by walking up from it, by identifiers, never by names.

So a folder `a` has nothing of `ab`, a rename changes nothing, and what was moved out is out from the next question on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.services.folder_ports import FolderStore
from backoffice.services.link_objects import is_there


@dataclass(frozen=True, slots=True)
class Within:
    """Of the folder of the identifier `root`, whose owner is `owner`."""

    store: FolderStore
    root: str
    owner: str
    _ways: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    """The identifiers on the way up that was found last, for each folder."""

    def way(self, folder_id: str) -> tuple[Folder, ...]:
        """The folders from `root` down to this one, both included, as they are now; none where it does not lie in
        `root`, or one of them is in the trash. The first time a round trip for each level, then one where nothing on
        the way has moved."""
        known = self._ways.get(folder_id, ())
        read = tuple(one for one in self.store.get_many(known) if one is not None) if known else ()
        way = self._checked(read)
        if not way or len(read) != len(known):
            way = self._checked(tuple(self._upwards(folder_id)))
        self._ways[folder_id] = tuple(one.id for one in way)
        return tuple(reversed(way))

    def holds(self, file: File | None) -> bool:
        """Whether the file is there, is of the same owner, and lies in the folder, however deep."""
        return file is not None and is_there(file) and file.owner == self.owner and bool(self.way(file.folder_id))

    def _upwards(self, folder_id: str) -> Iterator[Folder]:
        """This folder and those above it, up to `root`; no more than there can be."""
        for _ in range(2 * MAX_FOLDER_DEPTH):
            folder = self.store.get(folder_id) if folder_id else None
            if folder is None:
                return
            yield folder
            if folder.id == self.root:
                return
            folder_id = folder.parent

    def _checked(self, way: tuple[Folder, ...]) -> tuple[Folder, ...]:
        """The way up, the nearest first, if each lies in the next, the last one is `root`, and all are there."""
        leads = bool(way) and way[-1].id == self.root
        joined = all(one.parent == above.id for one, above in pairwise(way))
        there = all(one.live and one.owner == self.owner for one in way)
        return way if leads and joined and there else ()
