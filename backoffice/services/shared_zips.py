"""The files of an archive of what is shared: each is reached through the share when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Self

from backoffice.domain.access import Actor
from backoffice.services.file_reading import OpenedFile
from backoffice.services.files import Files


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesByShare(Files):
    """Files of which each is opened through a share, whatever else their owner has."""

    by_share: Callable[[str, bool], OpenedFile]
    unsent_by_share: Callable[[str, str], Generator[memoryview, None, None]]

    @classmethod
    def over(
        cls,
        files: Files,
        by_share: Callable[[str, bool], OpenedFile],
        unsent_by_share: Callable[[str, str], Generator[memoryview, None, None]],
    ) -> Self:
        """Over what `files` has; `by_share` opens one by its identifier, the whole of it or not, `unsent_by_share`
        reads one that still holds that content."""
        return cls(
            files.files,
            files.uploads,
            files.chunks,
            files.users,
            files.audit,
            files.quota,
            files.trash_seconds,
            files.now,
            by_share=by_share,
            unsent_by_share=unsent_by_share,
        )

    def open(self, actor: Actor, file_id: str, *, whole: bool = False) -> OpenedFile:  # noqa: ARG002
        return self.by_share(file_id, whole)

    def read_unsent(
        self,
        actor: Actor,  # noqa: ARG002
        file_id: str,
        content: str,
    ) -> Generator[memoryview, None, None]:
        return self.unsent_by_share(file_id, content)
