"""Requests by which files come in one long body or together: more kinds for `kinds_of_request`."""

from __future__ import annotations

import json

from tests.support.kinds_of_request import Ask, Prepare, World
from tests.support.tus import OCTETS


def begin_in_order(world: World) -> Ask:
    return lambda: world.ann.call("POST", "/uploads", json={"total_size": 16_384, "name": "a.bin"})


def in_order(data: bytes) -> Prepare:
    """Bytes of an upload of 16 KiB that was just begun."""

    def prepare(world: World) -> Ask:
        path = f"/uploads/{begin_in_order(world)().json['file_id']}?offset=0"
        return lambda: world.ann.call("PATCH", path, data=data, content_type=OCTETS)

    return prepare


def batch_body(world: World) -> tuple[bytes, str]:
    """Three small files in a form, and its type."""
    names = [world.name() for _ in range(3)]
    said = json.dumps({"files": [{"name": name} for name in names]})
    edge = "edge"
    parts = [f'Content-Disposition: form-data; name="files"\r\n\r\n{said}']
    parts += [f'Content-Disposition: form-data; name="content"; filename="f"\r\n\r\n{name}' for name in names]
    body = "".join(f"--{edge}\r\n{part}\r\n" for part in parts) + f"--{edge}--\r\n"
    kind = f"multipart/form-data; boundary={edge}"
    return body.encode(), kind


def batch(world: World) -> Ask:
    body, kind = batch_body(world)
    return lambda: world.ann.call("POST", "/files/batch", data=body, content_type=kind)
