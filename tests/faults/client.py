"""A client over HTTP that is told the truth: also that there was no answer."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

NONE = 0
"""The status of an answer that did not come."""
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def in_doubt(self) -> bool:
        """Whether the act may have been done all the same."""
        return self.status == NONE or self.status >= 500


@dataclass
class Client:
    """Who has this token. `slowest`: seconds of the answer that took longest; `wrong`: answers that must not be."""

    url: str
    token: str
    trust: ssl.SSLContext | None = None
    """For an address of https."""
    slowest: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    created: list[float] = field(default_factory=list)
    """When there was a 201, by the monotonic clock."""

    def ask(
        self, method: str, path: str, body: bytes | object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request over a connection of its own. A body that is no bytes is sent as JSON."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        began = time.monotonic()
        connection = self._connection()
        try:
            connection.request(method, quote(path, safe="/?=&%~"), body, sent)
            got = connection.getresponse()
            answer = Answer(got.status, got.read(), dict(got.headers), time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            answer = Answer(NONE, seconds=time.monotonic() - began)
        finally:
            connection.close()
        self._note(method, path, answer)
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        netloc = urlsplit(self.url).netloc
        if self.trust is not None:
            return http.client.HTTPSConnection(netloc, timeout=PATIENCE, context=self.trust)
        return http.client.HTTPConnection(netloc, timeout=PATIENCE)

    def _note(self, method: str, path: str, answer: Answer) -> None:
        self.slowest = max(self.slowest, answer.seconds)
        if answer.status == 201:
            self.created.append(time.monotonic())
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status == 500 and b'"integrity_error"' not in answer.body:
            self.wrong.append(f"{method} {path}: 500 {answer.body[:200]!r}")

    def everything(self, path: str) -> list[Any]:
        """All items of a list, page by page. Raises AssertionError where it is not there."""
        found: list[Any] = []
        cursor = ""
        while True:
            joint = "&" if "?" in path else "?"
            where = f"{path}{joint}limit=500" + (f"&cursor={cursor}" if cursor else "")
            end = time.monotonic() + PATIENCE
            while (answer := self.ask("GET", where)).status in {429, 503} and time.monotonic() < end:
                time.sleep(0.5)  # what others asked while something was away may be under way still
            assert answer.status == 200, f"GET {path}: {answer.status} {answer.body[:200]!r}"
            found += answer.json["items"]
            cursor = answer.json["next_cursor"]
            if not cursor:
                return found
