"""A file of several uploads, its parts (tus 1.0.0, "Concatenation"), which may come side by side.

The parts are streams that become no file by themselves; the whole is an upload without bytes that names them. It is
recorded first, and each part with it, in one commit: from then on a part belongs to one whole. When all have their
bytes, the chunks are moved to the whole, which copies none where both lie on one server or in a directory, and the
commit of the file ends the parts with it. Chunks differ in size within a file then, and readers go by the map.

One does so at a time, under the lease that completing takes. Moving can be repeated: whoever comes after a process that
died goes on where it was, at the next request for the whole or for a part of it. Meanwhile a part takes no bytes, for
it has all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.files import File, FileSpec
from backoffice.domain.ids import id_from, new_id
from backoffice.domain.paging import Query
from backoffice.domain.upload_metadata import place_of
from backoffice.domain.uploads import FINAL, PARTIAL, TAILS, TUS, UNKNOWN, Chunk, ChunkMap, Upload, UploadState
from backoffice.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable, VersionMismatch
from backoffice.services.authorization import authorize, is_authorized
from backoffice.services.uploads.chunks import ChunkWriter
from backoffice.services.uploads.completion import LEASE_SECONDS
from backoffice.services.uploads.service import Uploads

FIELD = "Upload-Concat"


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Over the one service of uploads."""

    uploads: Uploads

    def begin(self, actor: Actor, ids: Sequence[str], spec: FileSpec, metadata: str) -> Upload:
        """A whole of these parts, which may still be on their way; asked for again, the same.

        Raises Invalid (none, twice the same, or not a part; no such folder), NotFound (not there, or not yours),
        Conflict (belongs to another), TooLarge, and what `Uploads.create_stream` raises.
        """
        if not ids or len(set(ids)) != len(ids):
            raise Invalid(f"{FIELD} names each part once.", field=FIELD)
        if len(ids) > self.uploads.limits.max_open:
            raise Invalid(f"A file has at most {self.uploads.limits.max_open} parts.", field=FIELD)
        parts = [self._part(actor, one) for one in ids]
        self.length_of(parts)
        wholes = [self._whole_of(part) for part in parts]
        if wholes[0] is not None and wholes[0].parts == tuple(ids):
            return wholes[0]
        if any(wholes):
            raise Conflict("A part belongs to another upload.")
        self._check_place(actor, spec)
        try:
            return self.uploads.create_stream(
                actor,
                name=spec.name,
                protocol=TUS,
                metadata=metadata,
                concat=FINAL,
                parts=parts,
                place=place_of(metadata),
                upload_id=self._free_id(actor, ids),
            )
        except VersionMismatch:
            raise Conflict("A part was changed meanwhile.") from None

    @staticmethod
    def id_of(actor: Actor, ids: Sequence[str]) -> str:
        """The identifier of what is made of these parts, in this order: by it who asks again is answered when the parts
        are gone."""
        return id_from(FINAL, actor.id, *ids)

    def _free_id(self, actor: Actor, ids: Sequence[str]) -> str:
        """That, unless one that was given up has it still, with chunks that are about to be freed: "" then."""
        wanted = self.id_of(actor, ids)
        there = self.uploads.uploads.get(wanted) or self.uploads.files.of_upload(wanted)[0]
        return wanted if there is None else ""

    def _whole_of(self, part: Upload) -> Upload | None:
        """None for a part that is free: it belongs to none, or to one that was given up."""
        whole = self.uploads.uploads.get(part.joins) if part.joins else None
        return None if whole is None or whole.state is UploadState.ABORTED else whole

    def _part(self, actor: Actor, upload_id: str) -> Upload:
        found = self.uploads.uploads.get(upload_id)
        if found is None or found.state is UploadState.ABORTED or self.uploads.is_over(found):
            raise NotFound("A part is not there.")
        if found.owner != actor.id or not is_authorized(self.uploads.audit, actor, Acts.UPLOAD_SEND, found.owner):
            raise NotFound("A part is not there.")
        if found.concat != PARTIAL:
            raise Invalid(f"{FIELD} names an upload that is no part.", field=FIELD)
        return found

    def parts_of(self, whole: Upload) -> list[Upload] | None:
        """In order; None where one was given up."""
        found = [self.uploads.uploads.get(one) for one in whole.parts]
        there = [one for one in found if one is not None and one.state is not UploadState.ABORTED]
        return there if len(there) == len(found) and not any(map(self.uploads.is_over, there)) else None

    def length_of(self, parts: Sequence[Upload]) -> int:
        """Of all together, UNKNOWN as long as one is not known. Raises TooLarge."""
        limits = self.uploads.limits
        size = sum(max(one.size, one.bytes) for one in parts)
        if size > limits.max_file_size or sum(one.received for one in parts) > limits.max_chunks:
            raise TooLarge(f"A file has at most {limits.max_file_size} bytes.", limit=limits.max_file_size)
        return UNKNOWN if any(one.size == UNKNOWN for one in parts) else size

    def _check_place(self, actor: Actor, spec: FileSpec) -> None:
        """Raises Invalid where there is no such folder. The commit asks again; this is before anything is moved."""
        if spec.folder:
            self.uploads.files.page_in(actor.id, spec.folder, Query(limit=1))

    def join(self, actor: Actor, whole: Upload, parts: Sequence[Upload], spec: FileSpec) -> File:
        """The file. `parts` have all their bytes. Raises Completing, and what `Completion.run` raises."""
        uploads, completion, token = self.uploads, self.uploads.completion, new_id()
        authorize(uploads.audit, actor, Acts.FILE_CREATE)
        self._check_place(actor, spec)
        writer = ChunkWriter(uploads.uploads, uploads.chunks, uploads.limits, uploads.now, actor.ground)
        leased, _ = completion.lease(whole.id, actor.id, token)
        with completion.reopen_on_error(whole.id, token):
            chunks: list[Chunk | None] = []
            # Before the first one is there: whoever gives the whole up frees all of them.
            uploads.uploads.extend(leased, token, LEASE_SECONDS, sum(part.received for part in parts))
            for part in parts:
                self._move(writer, part, leased, len(chunks))
                chunks += uploads.uploads.chunk_map(part.id, part.received).chunks
                uploads.uploads.extend(leased, token, LEASE_SECONDS)
            joined = ChunkMap(tuple(chunks))
            if None in chunks:
                raise Unavailable
            leased = replace(leased, total_chunks=len(chunks), received=len(chunks), bytes=joined.size)
            file = completion.finish(actor, leased, token, joined, spec, joined.size, parts=parts)
        for part in parts:
            if part.tail:
                uploads.chunks.release(part.id, TAILS + part.tail)
        completion.durability.barrier()
        return file

    def _move(self, writer: ChunkWriter, part: Upload, whole: Upload, first: int) -> None:
        """Give the chunks of a part their places. Its tail is copied, at most a chunk, and goes after the commit."""
        if part.whole_chunks:
            writer.take_in(whole, part.id, part.whole_chunks, first)
        if not part.tail:
            return
        tail = self.uploads.chunks.get(part.id, TAILS + part.tail)
        if tail is None:
            raise Unavailable
        writer.put(whole, first + part.whole_chunks, tail)
