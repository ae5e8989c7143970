"""A file whose bytes are written now. One that fits in a chunk is held in memory until it is whole, and is stored in
one commit; a longer one becomes a stream."""

from __future__ import annotations

from collections.abc import Callable

from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.streaming import StreamingUpload

_PROBE = 64 * 1024
"""Bytes that are looked for after a whole chunk, to see whether the body goes on."""


class NewFile:
    """Takes bytes by `write` or `read_from`. Memory: one chunk, or what `StreamingUpload` takes."""

    def __init__(self, limits: UploadLimits, announced: int | None, open_stream: Callable[[], StreamingUpload]) -> None:
        """`announced`: how many bytes come, if that is known. `open_stream` is called at most once."""
        self._limits, self._announced, self._open = limits, announced, open_stream
        self._stream: StreamingUpload | None = None
        self._buffer = bytearray()
        self._filled = 0
        if announced is not None and announced > limits.chunk_size:
            self._stream = open_stream()
        else:
            self._buffer = bytearray(limits.chunk_size if announced is None else announced)

    @property
    def stream(self) -> StreamingUpload | None:
        """The stream that it has become, None while it fits in a chunk."""
        return self._stream

    def as_stream(self) -> StreamingUpload:
        """Become a stream, with what was taken so far."""
        if self._stream is None:
            self._stream = self._open()
            with self.content() as content:
                self._stream.write(content)
            self._buffer = bytearray()
        return self._stream

    def content(self) -> memoryview:
        """All that was taken, unless it has become a stream."""
        return memoryview(self._buffer)[: self._filled]

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take a piece of any size; how many bytes it has. Raises what `StreamingUpload.write` raises."""
        with memoryview(data) as piece:
            if self._stream is None and self._fits(len(piece)):
                self._buffer[self._filled : self._filled + len(piece)] = piece
                self._filled += len(piece)
                return len(piece)
            return self.as_stream().write(piece)

    def read_from(self, read_into: ReadInto) -> None:
        """Take all that the source has. What it raises comes out, and what `write` raises."""
        while self._stream is None and self._filled < len(self._buffer):
            with self.content() as content, memoryview(self._buffer)[len(content) :] as room:
                received = read_into(room)
            if not received:
                return
            self._fits(received)
            self._filled += received
        if self._stream is None:
            with memoryview(bytearray(_PROBE)) as probe:
                received = read_into(probe)
                if not received:
                    return
                self.write(probe[:received])
        if self._stream is not None:
            self._stream.read_from(read_into)

    def _fits(self, more: int) -> bool:
        """Whether the buffer takes so many bytes more. Raises TooLarge, and Invalid: more than announced."""
        self._limits.check_length(self._filled + more, self._announced)
        return self._filled + more <= len(self._buffer)
