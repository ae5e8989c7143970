"""A list of the log as a file, entry by entry: memory does not grow with their number."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flask import Response

from backoffice.domain.audit import AuditEntry
from backoffice.domain.log_archive import line_of
from backoffice.domain.times import rfc3339
from backoffice.web.admin.cells import csv_cell
from backoffice.web.sentences import plain_sentence

COLUMNS: Final = (
    "id",
    "at",
    "sentence",
    "actor",
    "actor_id",
    "action",
    "outcome",
    "object_type",
    "object",
    "object_id",
    "ip",
    "via",
    "agent",
    "credential",
    "request_id",
    "changes",
    "data",
)


class _Echo:
    """What a CSV writer writes to: it gives the line back."""

    def write(self, line: str) -> str:
        return line


def _csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield str(writer.writerow(COLUMNS))
    for entry in entries:
        yield str(writer.writerow([csv_cell(value) for value in _cells(entry)]))


def _cells(entry: AuditEntry) -> list[Any]:
    event = entry.event
    who, what = event.get("actor", {}), event.get("object", {})
    return [
        entry.id,
        event.get("at", ""),
        plain_sentence(event),
        *(who.get(name, "") for name in ("name", "id")),
        event.get("action", ""),
        event.get("outcome", ""),
        *(what.get(name, "") for name in ("type", "name", "id")),
        *(who.get(name, "") for name in ("ip", "via", "agent", "credential")),
        event.get("request_id", ""),
        *(json.dumps(event[name]) if name in event else "" for name in ("changes", "data")),
    ]


def _lines(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """A line of JSON each: `id`, and `event` exactly as it is stored."""
    return map(line_of, entries)


Form = Callable[[Iterable[AuditEntry]], Iterator[str] | Iterator[bytes]]
FORMS: Final[dict[str, tuple[str, Form]]] = {"csv": ("text/csv", _csv), "jsonl": ("application/jsonl", _lines)}
"""By the suffix of the file: its type, and what writes it."""


def export_answer(entries: Iterable[AuditEntry], form: str, now: int) -> Response:
    """The answer that sends them."""
    mimetype, write = FORMS[form]
    stamp = rfc3339(now)[:19].replace("T", "_").replace(":", "-")
    answer = Response(write(entries), mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="activity-{stamp}.{form}"'
    return answer
