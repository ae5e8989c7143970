"""A tus client of a few lines, for tests of one request at a time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from tests.support.api_site import Person

TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"
Ask = Callable[..., TestResponse]
"""`ask(method, path, headers=…, data=…)`."""


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


@dataclass
class Tus:
    """Of somebody: with a token, a cookie, or nothing but addresses."""

    ask: Ask

    @classmethod
    def of(cls, person: Person) -> Tus:
        return cls(person.call)

    @classmethod
    def nobody(cls, person: Person) -> Tus:
        """Who has no more than the address."""
        return cls(person.site.anybody)

    def post(self, size: int | None = None, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        length = {} if size is None else {"Upload-Length": str(size)}
        return self.ask("POST", "/tus/", headers={**TUS, **length, **(headers or {})}, **more)

    def begin(self, size: int | None = None, name: str = "a.bin", **headers: str) -> str:
        """The path of a new upload."""
        said = {"Upload-Metadata": metadata(filename=name), **headers}
        answer = self.post(size, said if size is not None else {**said, "Upload-Defer-Length": "1"})
        assert answer.status_code == 201, answer.text
        return urlsplit(answer.headers["Location"]).path

    def head(self, path: str, **headers: str) -> TestResponse:
        return self.ask("HEAD", path, headers={**TUS, **headers})

    def offset(self, path: str) -> int:
        answer = self.head(path)
        assert answer.status_code == 200, answer.status
        return int(answer.headers["Upload-Offset"])

    def patch(self, path: str, offset: object, data: Any = b"", **more: Any) -> TestResponse:
        headers = {**TUS, "Upload-Offset": str(offset), **more.pop("headers", {})}
        return self.ask("PATCH", path, headers=headers, data=data, content_type=OCTETS, **more)

    def delete(self, path: str) -> TestResponse:
        return self.ask("DELETE", path, headers=TUS)


def id_of(path: str) -> str:
    """The identifier in the path of an upload."""
    return path.rpartition("/")[2].partition("~")[0]
