"""What share links lead to: a file or a folder, whichever their kind says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from backoffice.domain.files import File, FileState
from backoffice.domain.folders import Folder
from backoffice.domain.links import Link
from backoffice.services.file_ports import FileStore
from backoffice.services.folder_ports import FolderStore

LinkObject = File | Folder


@dataclass(frozen=True, slots=True)
class LinkObjects:
    """Read as they are now; of whom is asked, and may have it, is decided elsewhere."""

    files: FileStore
    folders: FolderStore

    def get_many(self, links: Sequence[Link]) -> list[LinkObject | None]:
        """Of each link, None where there is none. A round trip for files, and one for folders."""
        files, folders = ([one.object_id for one in links if one.object_type == what] for what in ("file", "folder"))
        found: dict[tuple[str, str], LinkObject] = {}
        found |= {("file", one.id): one for one in self.files.get_many(files) if one} if files else {}
        found |= {("folder", one.id): one for one in self.folders.get_many(folders) if one} if folders else {}
        return [found.get((one.object_type, one.object_id)) for one in links]

    def stays(self, objects: Iterable[LinkObject | None]) -> Mapping[str, int | None]:
        """Since when each is where it is, not in the trash nor in a folder that is; None: it has yet to follow that."""
        objects = tuple(objects)
        files = [one for one in objects if isinstance(one, File)]
        folders = [one for one in objects if isinstance(one, Folder)]
        found = self.files.stays(files) if files else {}
        return found | (self.folders.stays(folders) if folders else {})


def is_there(one: LinkObject) -> bool:
    """Whether it is not in the trash itself, nor gone."""
    return one.live if isinstance(one, Folder) else one.state is FileState.READY
