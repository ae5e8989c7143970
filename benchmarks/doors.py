"""The ways a file goes in and out over HTTP, as a good client uses them."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.http import Connection
from benchmarks.site import Site
from benchmarks.timing import spread

CONNECTIONS = 4
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """What is uploaded: `total` bytes, made of windows into `pool`, a different one for each chunk."""

    pool: memoryview
    total: int

    def chunk(self, index: int, size: int) -> memoryview:
        start = index * 4099 % (len(self.pool) - size + 1)
        return self.pool[start : start + min(size, self.total - index * size)]

    def count(self, size: int) -> int:
        return -(-self.total // size)

    def digests(self, size: int) -> list[str]:
        """SHA-256 of every chunk, worked out before the clock runs."""
        return [hashlib.sha256(self.chunk(index, size)).hexdigest() for index in range(self.count(size))]


Send = Callable[[Connection, dict[str, str], memoryview], bytes]
"""Sends one chunk with its fields in one of the three forms; the answer's body."""


def raw(connection: Connection, fields: dict[str, str], data: memoryview) -> bytes:
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    return connection.ask("POST", f"/upload_chunk?{query}", (data,), len(data), Content_Type=OCTETS).body


def form(connection: Connection, fields: dict[str, str], data: memoryview) -> bytes:
    edge = "edge-of-the-form"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{edge}\r\nContent-Disposition: form-data; name="chunk_data"; filename="c"\r\nContent-Type: {OCTETS}\r\n\r\n'
    )
    head, tail = "".join(parts).encode(), f"\r\n--{edge}--\r\n".encode()
    length = len(head) + len(data) + len(tail)
    kind = f"multipart/form-data; boundary={edge}"
    return connection.ask("POST", "/upload_chunk", (head, data, tail), length, Content_Type=kind).body


def in_json(connection: Connection, fields: dict[str, str], data: memoryview) -> bytes:
    numbers = {name: int(value) if value.isdigit() else value for name, value in fields.items() if name != "file_id"}
    texts = {"file_id": fields["file_id"]} if "file_id" in fields else {}
    body = json.dumps(numbers | texts | {"chunk_data": base64.b64encode(data).decode()}).encode()
    return connection.ask("POST", "/upload_chunk", (body,), len(body), Content_Type="application/json").body


def upload_chunks(
    site: Site,
    content: Content,
    size: int,
    digests: list[str] | None = None,
    send: Send = raw,
    connections: int = CONNECTIONS,
) -> str:
    """The file's id. Each chunk is a request of its own; the first one opens the upload."""
    total = content.count(size)
    start = {"total_chunks": str(total), "total_size": str(content.total)}

    def fields(index: int, file_id: str = "") -> dict[str, str]:
        found = {"chunk_index": str(index), "total_chunks": str(total)}
        if digests is not None:
            found["checksum"] = f"sha256:{digests[index]}"
        return found | ({"file_id": file_id} if file_id else start)

    hands = [Connection(site.host, site.port, site.headers) for _ in range(connections)]
    first = json.loads(send(hands[0], fields(0), content.chunk(0, size)))
    file_id: str = first["file_id"]

    def one(hand: Connection, index: int) -> None:
        send(hand, fields(index + 1, file_id), content.chunk(index + 1, size))

    spread(one, hands, total - 1)
    whole = json.dumps({"file_id": file_id, "name": f"bench-{file_id}.bin", "total_size": content.total}).encode()
    hands[0].ask("POST", "/upload_complete", (whole,), len(whole), Content_Type="application/json")
    for hand in hands:
        hand.__exit__(None, None, None)
    return file_id


def upload_whole(site: Site, content: Content, piece: int) -> tuple[str, int]:
    """One long body. The file's id, and into how many chunks it was cut."""
    with Connection(site.host, site.port, site.headers) as connection:
        pieces = (content.chunk(index, piece) for index in range(content.count(piece)))
        name = f"bench-{threading.get_ident()}.bin"
        answer = json.loads(connection.ask("PUT", f"/files/{name}", pieces, content.total, Content_Type=OCTETS).body)
    return answer["id"], answer["total_chunks"]


def download(site: Site, file_id: str, connections: int = 1, times: int = 1) -> int:
    """Fetch the file `times` times over that many connections at once; bytes received."""
    received = list[int]()

    def one(hand: Connection, _: int) -> None:
        received.append(hand.ask("GET", f"/files/{file_id}").size)

    hands = [Connection(site.host, site.port, site.headers) for _ in range(connections)]
    spread(one, hands, times)
    for hand in hands:
        hand.__exit__(None, None, None)
    return sum(received)
