"""What is done to a file that holds something and held something else, while somebody dies (`crashes.py`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.paging import Query
from backoffice.errors import NotFound, VersionMismatch
from tests.support.journal import Journal
from tests.support.uploads import ALICE, World, reader

OLDER, OLD = b"p" * 1500, b"o" * 900
"""What the file held first, in two chunks, and what it holds."""
NEW: Final = b"n" * 2300
SMALL: Final = NEW[:800]


def prepare_file(world: World, journal: Journal) -> None:
    file = world.service.upload_stream(ALICE, FileSpec("a.txt"), reader(OLDER))
    file = world.service.replace_content(ALICE, file.id, reader(OLD))
    journal.note("file", file.id, file.content_id)


def replaced_by_chunks(world: World, journal: Journal) -> None:
    """A resumable upload becomes what the file holds; its completion is repeated where it was not acknowledged."""
    started = journal.of("upload")
    parts = [NEW[:1000], NEW[1000:2000], NEW[2000:]]
    upload_id = started[0][0] if started else world.begin(ALICE, parts).id
    if not started:
        journal.note("upload", upload_id)
    if world.files.of_upload(upload_id) == (None, None):
        missing = world.service.state(ALICE, upload_id).missing
        for index in (one for first, last in missing for one in range(first, last + 1)):
            world.put(ALICE, upload_id, index, parts)
    spec = FileSpec("a.txt", on_conflict=OnConflict.REPLACE)
    _told(journal, world.service.complete(ALICE, upload_id, spec, total_size=len(NEW)).id)


def _replaced(content: bytes) -> Callable[[World, Journal], None]:
    """A body becomes what the file holds, unless that is something else by now: it was sent before."""

    def play(world: World, journal: Journal) -> None:
        file_id, held = journal.of("file")[0]
        with suppress(VersionMismatch):
            world.service.replace_content(ALICE, file_id, reader(content), content=held)
        _told(journal, file_id)

    return play


def reverted(world: World, journal: Journal) -> None:
    file_id, held = journal.of("file")[0]
    if world.library.get(ALICE, file_id).content_id == held:
        world.library.restore_content(ALICE, file_id, file_id)
    _told(journal, file_id)


def pruned(world: World, journal: Journal) -> None:
    file_id, _ = journal.of("file")[0]
    for one in world.library.history(ALICE, file_id).earlier:
        world.library.delete_version(ALICE, file_id, one.id)
    _told(journal, file_id)


def purged_with_versions(world: World, journal: Journal) -> None:
    with suppress(NotFound):
        world.library.purge(ALICE, journal.of("file")[0][0])


def _told(journal: Journal, file_id: str) -> None:
    assert file_id == journal.of("file")[0][0], "the file keeps its identifier"
    journal.note("done", file_id)


VERSIONED: Final[dict[str, tuple[Callable[[World, Journal], None], list[tuple[int, bytes]]]]] = {
    "replaced_by_chunks": (replaced_by_chunks, [(3, NEW), (2, OLD)]),
    "replaced_by_body": (_replaced(NEW), [(3, NEW), (2, OLD)]),
    "replaced_by_small_body": (_replaced(SMALL), [(3, SMALL), (2, OLD)]),
    "reverted": (reverted, [(3, OLDER), (2, OLD)]),
    "pruned": (pruned, [(2, OLD)]),
    "purged_with_versions": (purged_with_versions, []),
}
"""What is done; and what the file holds and held in the end, with the numbers. One earlier version is kept."""


def expect_whole(world: World, scenario: str, journal: Journal, *, end: bool) -> None:
    """Whatever the file holds or held is there, to the last byte: as it was, or as it is to be."""
    file_id, _ = journal.of("file")[0]
    before, after = [(2, OLD), (1, OLDER)], VERSIONED[scenario][1]
    if not after and (end or world.files.get(file_id) is None or _is_gone(world, file_id)):
        with pytest.raises(NotFound):
            world.library.history(ALICE, file_id)
        return
    history = world.library.history(ALICE, file_id)
    found = [(history.file.number, world.read(ALICE, file_id))]
    for one in history.earlier:
        opened = world.library.open_version(ALICE, file_id, one.id)
        found.append((one.number, b"".join(map(bytes, opened.read()))))
    assert found == after or (found == before and not end)


def expect_content(world: World, journal: Journal, content: bytes) -> None:
    for [file_id] in journal.of("done"):
        assert world.read(ALICE, file_id) == content
    for file in world.library.page(ALICE, Query()).items:
        assert world.read(ALICE, file.id) == content, "half a file is visible"


def _is_gone(world: World, file_id: str) -> bool:
    try:
        world.library.get(ALICE, file_id)
    except NotFound:
        return True
    return False
