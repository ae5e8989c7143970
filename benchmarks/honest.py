"""People who only want their small file, or to send one over a slow link, while others are at the site."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.site import Site

FILE: Final = 10_000
EVERY: Final = 0.05
"""Seconds from one request to the next, whether it is answered or not: who waits for the answer first asks seldom just
when it is slow, and finds the site quicker than others do."""
PATIENCE: Final = 10.0
"""An honest client gives up then; that counts as so long a wait."""
PLACE: Final = "127.0.0.2"
PLACE_OF_UPLOADERS: Final = "127.0.0.3"
LINK: Final = 50_000
"""Bytes a second of an upload."""
PIECE_SECONDS: Final = 0.1
UPLOAD: Final = 5 * LINK
UPLOAD_PATIENCE: Final = 60.0

_EDGE: Final = "edge-of-the-form"


@dataclass(slots=True)
class Waited:
    """What became of the small requests. `ms` of each until its answer was there, PATIENCE where none came or another
    than was asked for."""

    ms: list[float] = field(default_factory=list)
    refused: int = 0

    def share(self, percent: int) -> float:
        """So many of them were not longer."""
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@dataclass(slots=True)
class Uploaded:
    """How many uploads there were, and what the site said to those that did not succeed."""

    begun: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Honest:
    """`path`: of the small file. `uploaders`: tokens of people."""

    site: Site
    path: str
    uploaders: tuple[str, ...] = ()

    def go_on(self, seconds: float) -> tuple[Waited, Uploaded]:
        """Small requests at a steady rate, from connections of their own, and each of the uploaders sends one file
        after the other by each of the doors."""
        return asyncio.run(self._go_on(seconds))

    def ask(self) -> float:
        """ms of one request."""
        waited = Waited()
        asyncio.run(self._ask(waited))
        return waited.ms[0]

    async def _go_on(self, seconds: float) -> tuple[Waited, Uploaded]:
        waited, uploaded = Waited(), Uploaded()
        began = time.monotonic()
        until = began + seconds
        async with asyncio.TaskGroup() as tasks:
            for token, door in itertools.product(self.uploaders, DOORS):
                tasks.create_task(self._upload(uploaded, token, door, until))
            for number in range(round(seconds / EVERY)):
                await asyncio.sleep(began + number * EVERY - time.monotonic())
                tasks.create_task(self._ask(waited))
        return waited, uploaded

    async def _ask(self, waited: Waited) -> None:
        began, patience = time.monotonic(), PATIENCE
        try:
            async with asyncio.timeout(PATIENCE):
                status, size = await self._small()
            if status != 200 or size != FILE:
                waited.refused += 1
            else:
                patience = time.monotonic() - began
        except TimeoutError:
            pass
        except (OSError, EOFError):
            waited.refused += 1
        waited.ms.append(patience * 1000)

    async def _small(self) -> tuple[int, int]:
        lines = _lines(self.site, f"GET {self.path}", self.site.token)
        reader, writer = await asyncio.open_connection(self.site.host, self.site.port, local_addr=(PLACE, 0))
        try:
            writer.write(lines.encode() + b"\r\n")
            status, body = await _answer(reader)
        finally:
            writer.transport.abort()
        return status, len(body)

    async def _upload(self, uploaded: Uploaded, token: str, door: Door, until: float) -> None:
        while time.monotonic() < until:
            uploaded.begun += 1
            try:
                async with asyncio.timeout(UPLOAD_PATIENCE):
                    status, body = await self._send(*door(self.site, token, uploaded.begun))
                if status >= 300:
                    uploaded.failed.append(f"{status} {body[:200].decode(errors='replace')}")
            except (OSError, EOFError) as error:
                uploaded.failed.append(repr(error))

    async def _send(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(
            self.site.host, self.site.port, local_addr=(PLACE_OF_UPLOADERS, 0)
        )
        try:
            writer.write(head)
            piece = round(LINK * PIECE_SECONDS)
            for start in range(0, len(body), piece):
                writer.write(body[start : start + piece])
                await writer.drain()
                await asyncio.sleep(PIECE_SECONDS)
            return await _answer(reader)
        finally:
            writer.transport.abort()


def _lines(site: Site, request: str, token: str) -> str:
    return f"{request} HTTP/1.1\r\nHost: {site.host}:{site.port}\r\nAuthorization: Bearer {token}\r\n"


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    return int(head[0].split()[1]), await reader.readexactly(int(headers.get("content-length", "0")))


Door = Callable[[Site, str, int], tuple[bytes, bytes]]
"""Head and body of an upload: of whom, the how many-th."""


def _whole(site: Site, token: str, number: int) -> tuple[bytes, bytes]:
    lines = _lines(site, f"PUT /files/honest-{number}.bin", token)
    return f"{lines}Content-Length: {UPLOAD}\r\n\r\n".encode(), bytes(UPLOAD)


def _chunk(site: Site, token: str, _: int) -> tuple[bytes, bytes]:
    lines = _lines(site, f"POST /upload_chunk?chunk_index=0&total_chunks=1&total_size={UPLOAD}", token)
    return f"{lines}Content-Type: application/octet-stream\r\nContent-Length: {UPLOAD}\r\n\r\n".encode(), bytes(UPLOAD)


def _form(site: Site, token: str, _: int) -> tuple[bytes, bytes]:
    fields = {"chunk_index": "0", "total_chunks": "1", "total_size": str(UPLOAD)}
    parts = [
        f'--{_EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(f'--{_EDGE}\r\nContent-Disposition: form-data; name="chunk_data"; filename="c"\r\n\r\n')
    body = "".join(parts).encode() + bytes(UPLOAD) + f"\r\n--{_EDGE}--\r\n".encode()
    lines = _lines(site, "POST /upload_chunk", token)
    kind = f"multipart/form-data; boundary={_EDGE}"
    return f"{lines}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode(), body


DOORS: Final = (_whole, _chunk, _form)
