"""Whether the bytes are there: of every file for good, of every upload as its map says; and none without a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from backoffice.domain.audit import ObjectRef
from backoffice.domain.files import File, FileState
from backoffice.domain.ids import new_id
from backoffice.domain.maintenance import Invariant
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import UNKNOWN, ChunkMap, ChunkStat, Upload, UploadState
from backoffice.errors import Completing, NotFound
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.chunk_maps import map_questions
from backoffice.stores.client import Command
from backoffice.stores.fsck.homes import Homes
from backoffice.stores.fsck.maps import (
    Place,
    Stats,
    batches_of_chunks,
    lost_and_expiring,
    map_of,
    shown_ranges,
)
from backoffice.stores.fsck.repair import Fault, Repairer, batches, expect_unchanged
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import Commit
from backoffice.stores.scan import has_other_site
from backoffice.stores.uploads import RedisUploads

LIVE = {FileState.READY, FileState.WAITING, FileState.TRASHED, FileState.VERSION}
"""States in which a file has its bytes. One that is gone loses them at any moment."""
STRAY_SECONDS = 24 * 3600
"""What belongs to nothing is given so long, for somebody to find out why."""

LEASE_SECONDS = 60


class Chunks(Protocol):
    """What `fsck` needs of the bytes, wherever they lie: a part of the port `ChunkStore`."""

    def stat_many(self, places: Sequence[Place]) -> list[ChunkStat | None]: ...
    def keep(self, file_id: str, total: int) -> list[int]: ...
    def barrier(self, file_id: str) -> None: ...
    def hold(self, file_id: str, index: int, until: int) -> None: ...
    def release(self, file_id: str, index: int) -> None: ...
    def scan(self) -> Iterator[tuple[str, int, ChunkStat]]: ...


class ChunkCheck:
    """Compares the data plane with the records."""

    def __init__(self, repairer: Repairer, chunks: Chunks, uploads: RedisUploads, files: file_store.RedisFiles) -> None:
        self._repairer, self._chunks, self._uploads, self._files = repairer, chunks, uploads, files
        self._db, self._keys, self._homes = repairer.db, repairer.keys, Homes(repairer)
        self._homeless: list[str] = []

    def _found(self, places: Iterable[Place]) -> Stats:
        """What is there of these chunks."""
        found: Stats = {}
        for batch in batches(iter(places)):
            found |= zip(batch, self._chunks.stat_many(batch), strict=True)
        return found

    # -- files

    def files(self, files: Sequence[File]) -> None:
        """Every chunk is there with the size that the map says, and kept for ever."""
        live = [file for file in files if file.state in LIVE and file.total_chunks]
        self._repairer.count(Invariant.CHUNK, sum(file.total_chunks for file in live))
        for some in batches_of_chunks(live):
            maps = self._db.many([("GET", self._keys.chunk_map(file.content_id)) for file in some])
            stats = self._found((file.content_id, index) for file in some for index in range(file.total_chunks))
            for file, packed in zip(some, maps, strict=True):
                chunks = ChunkMap.unpack(packed or b"", file.total_chunks)
                lost, mortal = lost_and_expiring(file, chunks, stats)
                if mortal:
                    self._repairer.verify_and_repair(partial(self._look_mortal, file.id))
                if lost or chunks.size != file.size:
                    self._repairer.verify_and_repair(partial(self._look_lost, file.id))

    def _file_now(self, file_id: str) -> tuple[File, ChunkMap, list[int], list[int]] | None:
        """A file that has its bytes, its map, and its chunks that are lost or mortal."""
        file = self._files.get(file_id)
        while file is not None:
            content, total = file.content_id, file.total_chunks
            chunks = self._uploads.chunk_map(content, total)
            states = lost_and_expiring(file, chunks, self._found((content, index) for index in range(total)))
            again = self._files.get(file_id)
            # The state changes before the bytes go.
            if again is None or again.state not in LIVE:
                return None
            if again.content_id == content:
                return file, chunks, *states
            file = again
        return None

    def _look_mortal(self, file_id: str) -> Fault | None:
        now = self._file_now(file_id)
        if now is None or not now[3]:
            return None
        file, _, _, mortal = now
        what = f"{file_id}: chunks {shown_ranges(mortal)} of {file.total_chunks} would expire"
        after = partial(self._keep, file)
        return Fault(Invariant.CHUNK, ObjectRef("file", file_id, file.name), what, after=after)

    def _look_lost(self, file_id: str) -> Fault | None:
        now = self._file_now(file_id)
        if now is None:
            return None
        file, chunks, lost, _ = now
        if lost:
            what = f"{file_id}: chunks {shown_ranges(lost)} of {file.total_chunks} are lost or not of their size"
        elif chunks.size != file.size:
            what = f"{file_id}: has {chunks.size} bytes, its record says {file.size}"
        else:
            return None
        return Fault(Invariant.CHUNK, ObjectRef("file", file_id, file.name), what)

    def _keep(self, file: File) -> None:
        self._chunks.keep(file.content_id, file.total_chunks)
        self._chunks.barrier(file.content_id)

    # -- uploads

    def uploads(self, uploads: Sequence[Upload]) -> None:
        """Every chunk that is noted is there; the record counts them rightly."""
        live = [upload for upload in uploads if upload.state is not UploadState.ABORTED]
        self._repairer.count(Invariant.UPLOAD, len(live))
        for some in batches_of_chunks(live):
            maps = self._db.many([command for upload in some for command in map_questions(self._keys, upload.id)])
            for upload, scattered, packed in zip(some, maps[::2], maps[1::2], strict=True):
                chunks = map_of(upload, scattered, packed)
                if self._counts_wrong(upload, chunks):
                    self._repairer.verify_and_repair(partial(self._look_counts, upload.id))
                # Afterwards, for a chunk that is noted as missing comes off the counts.
                if self._vanished(upload, chunks):
                    self._repairer.verify_and_repair(partial(self._look_vanished, upload.id))

    def _counts_wrong(self, upload: Upload, chunks: ChunkMap) -> bool:
        received = sum(chunk is not None for chunk in chunks.chunks)
        return (upload.received, upload.bytes) != (received, chunks.size) or upload.reserved < chunks.size

    def _vanished(self, upload: Upload, chunks: ChunkMap) -> list[int]:
        """Chunks that are noted and not there. Past the end of the upload's life they may be gone."""
        if upload.dies_at <= now_ms() or upload.joins:
            return []  # those of a part may have been moved to the whole
        noted = {
            (upload.id, upload.stored_at(index)): (index, chunk.size)
            for index, chunk in enumerate(chunks.chunks)
            if chunk is not None
        }
        found = self._found(noted)
        return [noted[place][0] for place, stat in found.items() if stat is None or not stat.holds(noted[place][1])]

    def _look_vanished(self, upload_id: str) -> Fault | None:
        upload, _, chunks = self._upload_now(upload_id)
        if upload is None or chunks is None:
            return None
        vanished = self._vanished(upload, chunks)
        # Unless it was given up or completed, or they were noted as missing, or its tail was replaced, in the meantime.
        again, _, still = self._upload_now(upload_id)
        if again is None or (again.fence, again.tail) != (upload.fence, upload.tail):
            return None
        vanished = [index for index in vanished if still is not None and still.chunks[index] is not None]
        if not vanished:
            return None
        what = f"{upload_id}: chunks {shown_ranges(vanished)} are noted and not there"
        after = partial(self._set_back, upload, vanished)
        return Fault(Invariant.UPLOAD, ObjectRef("file", upload_id, upload.name), what, after=after)

    def _set_back(self, upload: Upload, vanished: Sequence[int]) -> None:
        """Note that these are missing. What a stream has after them is freed first, as a completion does it: the bytes
        that come again may be cut otherwise. Under a lease, so that nobody notes any of them meanwhile."""
        token = new_id()
        # Given up, completed, or somebody is about to complete it and will look for itself.
        with suppress(NotFound, Completing):
            if upload.total_chunks != UNKNOWN:
                self._uploads.unmark(upload, vanished)
                return
            leased, _ = self._uploads.lease(upload.id, upload.owner, token, LEASE_SECONDS)
            if leased.fence != upload.fence:
                self._uploads.release(upload.id, token)
                return
            try:
                for index in range(min(vanished), leased.received):
                    self._chunks.release(leased.id, index)
                self._uploads.unmark(leased, vanished)
            finally:
                self._uploads.release(upload.id, token)

    def _look_counts(self, upload_id: str) -> Fault | None:
        upload, row, chunks = self._upload_now(upload_id)
        if upload is None or chunks is None or not self._counts_wrong(upload, chunks):
            return None
        received, size = sum(chunk is not None for chunk in chunks.chunks), chunks.size
        key, quota = self._keys.record(upload_store.NOUN, upload_id), self._keys.quota(upload.owner)
        more = max(0, size - upload.reserved)

        def repair(commit: Commit) -> None:
            expect_unchanged(commit, key, row, self._uploads.collection.codec.stored("version"))
            commit.write("HSET", key, "received", received, "bytes", size, "reserved", upload.reserved + more)
            if more:
                commit.write("HINCRBY", quota, "reserved", more)
                self._repairer.note_quota(commit, upload.owner)

        what = f"{upload_id}: counts {upload.received} chunks, {upload.bytes} bytes; has {received}, {size}"
        return Fault(Invariant.UPLOAD, ObjectRef("file", upload_id, upload.name), what, repair)

    def _upload_now(self, upload_id: str) -> tuple[Upload | None, dict[bytes, bytes], ChunkMap | None]:
        """A live upload, its fields and its map as of one moment."""
        key = self._keys.record(upload_store.NOUN, upload_id)
        questions: list[Command] = [("HGETALL", key), *map_questions(self._keys, upload_id)]
        found, scattered, packed = self._repairer.read_atomically(questions)
        row = pairs(found)
        upload = self._uploads.collection.decode(upload_id, row)
        if upload is None or upload.state is UploadState.ABORTED:
            return None, row, None
        return upload, row, map_of(upload, scattered, packed)

    # -- what belongs to nothing

    def strays(self) -> Iterator[None]:
        """Maps and kept chunks without a record, batch by batch. A chunk that is held goes by itself, and so does one
        that is kept ahead; where another site has records in the same store no chunk is judged, for it may be that
        one's. To be called when the indexes were repaired, for one of them says whose bytes these are."""
        for one in self._homeless:
            self._repairer.verify_and_repair(partial(self._look_map, one))
        for batch in batches(self._chunks.scan()):
            self._repairer.count(Invariant.ORPHAN, len(batch))
            ids: defaultdict[str, list[int]] = defaultdict(list)
            for file_id, index, stat in batch:
                if stat.kept:
                    ids[file_id].append(index)
            # What is about to get its record is asked first: that and the record come in one commit.
            ahead = self._db.many([self._ahead_question(one) for one in ids])
            strays = [
                (file_id, index)
                for (file_id, indexes), noted, home in zip(ids.items(), ahead, self._homes.of(list(ids)), strict=True)
                for index in indexes
                if not noted and not home.has(index)
            ]
            # Asked for each batch, for a site may have begun since.
            if strays and not has_other_site(self._db, self._keys):
                for place in strays:
                    self._repairer.verify_and_repair(partial(self._look_stray, *place))
            yield

    def _ahead_question(self, file_id: str) -> Command:
        """Whether its chunk may be kept before its record comes (`intents.py`)."""
        return ("HEXISTS", self._keys.intents, file_id)

    def _look_stray(self, file_id: str, index: int) -> Fault | None:
        # The record first: it goes after the bytes, so bytes that are there when it is not belong to nothing.
        home, (noted,) = self._homes.now(file_id, self._ahead_question(file_id))
        [stat] = self._chunks.stat_many([(file_id, index)])
        if noted or home.has(index) or stat is None or not stat.kept:
            return None
        after = partial(self._chunks.hold, file_id, index, now_ms() + STRAY_SECONDS * 1000)
        what = f"{file_id}: chunk {index} belongs to no record"
        return Fault(Invariant.ORPHAN, ObjectRef("file", file_id), what, after=after)

    def maps(self, ids: Sequence[str]) -> None:
        """Chunk maps, from a scan: each has a record. Those that seem to have none are looked at once more in the
        end."""
        self._repairer.count(Invariant.ORPHAN, len(ids))
        self._homeless += [one for one, home in zip(ids, self._homes.of(ids), strict=True) if home.missing]

    def _look_map(self, file_id: str) -> Fault | None:
        parts = (self._keys.chunk_map(file_id), self._keys.scattered_chunks(file_id))
        home, (there,) = self._homes.now(file_id, ("EXISTS", *parts))
        if not there or not home.missing:
            return None

        def repair(commit: Commit) -> None:
            self._homes.check_missing(commit, file_id, home)
            for key in parts:
                commit.write("DEL", key)

        return Fault(Invariant.ORPHAN, ObjectRef("file", file_id), f"{file_id}: a chunk map without a record", repair)
