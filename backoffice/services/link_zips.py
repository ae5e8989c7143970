"""All that lies in a shared folder as one archive: made as any other (`zips.py`), but for who may have it.

Whoever opened the link may have what lies in the folder, so nobody's rights are asked; instead, whether a file still
lies there is asked of each when its turn comes. In the log is the download of the whole, and none of each file.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Self

from backoffice.domain.access import Actor
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Page, Query
from backoffice.domain.uploads import ChunkMap
from backoffice.errors import NotFound
from backoffice.services.file_reading import OpenedFile
from backoffice.services.files import Files
from backoffice.services.folder_within import Within
from backoffice.services.folders import Folders
from backoffice.services.zips import OpenedZip, Zips


@dataclass(frozen=True, slots=True)
class FilesWithin(Files):
    """Those that lie in one folder. Nothing else is asked of who reads them."""

    within: Within = field(kw_only=True)
    _reading: list[str] = field(default_factory=list, kw_only=True)
    """The file whose bytes are sent."""

    def page_in(self, actor: Actor, folder: str, query: Query, owner: str = "") -> Page[File]:  # noqa: ARG002
        return self.files.page_in(self.within.owner, folder, query)

    def open(self, actor: Actor, file_id: str, *, whole: bool = False) -> OpenedFile:  # noqa: ARG002
        """Raises NotFound where it does not lie there any more."""
        file, packed_map = self._lent(file_id)
        self._reading[:] = [file_id]
        return self._reader.go_on(actor, file, packed_map)

    def read_unsent(self, actor: Actor, file_id: str, content: str) -> Generator[memoryview, None, None]:
        file, packed_map = self._lent(file_id)
        if file.content_id != content:
            raise NotFound
        self._reading[:] = [file_id]
        return self._reader.parts(actor, file, ChunkMap.unpack(packed_map, file.total_chunks), 0, file.size)

    def still(self) -> None:
        """Raises NotFound where the file whose bytes are sent does not lie there any more."""
        for one in self._reading:
            self._lent(one)

    def _lent(self, file_id: str) -> tuple[File, bytes]:
        file, packed_map = self.files.get_with_map(file_id) if is_id(file_id) else (None, b"")
        if file is None or not self.within.holds(file):
            raise NotFound("This file is not there any more.")
        return file, packed_map


@dataclass(frozen=True, kw_only=True)
class FoldersWithin(Folders):
    """One folder, and those that lie in it."""

    root: Folder

    def get(self, actor: Actor, record_id: str, /) -> Folder:  # noqa: ARG002
        if record_id != self.root.id:
            raise NotFound
        return self.root

    def tree(self, actor: Actor, owner: str, folder: str) -> Iterator[str]:  # noqa: ARG002
        return self._tree(self.root.owner, folder)


@dataclass(frozen=True, slots=True)
class LinkZips(Zips):
    """Of one folder."""

    files: FilesWithin
    folders: FoldersWithin

    @classmethod
    def of(cls, zips: Zips, root: Folder, within: Within) -> Self:
        """`root` as it is now, which `within` is about."""
        files = FilesWithin(**_values(zips.files), within=within)
        return cls(files, FoldersWithin(**_values(zips.folders), root=root), zips.checksums)

    def open_all(self, actor: Actor) -> OpenedZip:
        """All that lies in the folder, called as it is. Raises Invalid: too much; NotFound: there is nothing."""
        return self.open_folder(actor, self.folders.root.id, self.folders.root.owner)

    def _authorize(self, actor: Actor, files: Iterable[File], missing: list[str]) -> None:
        """Each file is asked for when its turn comes."""


def _values(service: Files | Folders) -> dict[str, Any]:
    """What a service is made of."""
    return {one.name: getattr(service, one.name) for one in fields(service)}
