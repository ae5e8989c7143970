"""A list as a file: every record that it shows, in its order, while memory does not grow with their number.

The export is an event of its own, written before the first record is sent (`ViewAccess.exported`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from flask import Response, stream_with_context
from werkzeug.utils import secure_filename

from backoffice.errors import NotFound
from backoffice.web.admin.cells import default_text

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

BATCH: Final = 200
"""Records that are sent in one piece."""


class _Line:
    """Where a CSV writer leaves its line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def csv_lines(view: ServiceView, records: Iterable[Any]) -> Iterator[str]:
    """A head of labels, then the values as text that no spreadsheet takes for formulas."""
    columns, line = view._export_columns, _Line()  # noqa: SLF001 - Flask-Admin's name
    writer = csv.writer(line)
    writer.writerow([label for _, label in columns])
    yield line.text
    for record in records:
        writer.writerow([view.get_export_value(record, name) for name, _ in columns])
        yield line.text


def json_lines(view: ServiceView, records: Iterable[Any]) -> Iterator[str]:
    """An object a line, by the names of the fields: numbers, lists and yes or no as such, times in RFC 3339."""
    names = [name for name, _ in view._export_columns]  # noqa: SLF001
    for record in records:
        values = {name: _plain(view, getattr(record, name, None), name) for name in ("id", *names)}
        yield json.dumps(values, ensure_ascii=False, default=str) + "\n"


def _plain(view: ServiceView, value: Any, name: str) -> Any:
    match value:
        case Enum():
            return value.value
        case None | bool() | Mapping() | float():
            return value
        case frozenset() | set():
            return sorted(map(str, value))
        case list() | tuple():
            return list(value)
        case _:
            return default_text(view, value, name)


FORMATS: Final[Mapping[str, tuple[str, Callable[[ServiceView, Iterable[Any]], Iterator[str]]]]] = {
    "csv": ("text/csv", csv_lines),
    "jsonl": ("application/jsonl", json_lines),
}
"""Name in addresses and suffix -> type of the answer, and what makes its lines."""


def export_answer(view: ServiceView, kind: str) -> Response:
    """The file. Raises NotFound for a format that there is not, Invalid for a filter that does not fit."""
    if kind not in FORMATS:
        raise NotFound
    mime_type, lines_of = FORMATS[kind]
    _, records = view.exported_records()
    name = secure_filename(view.get_export_name(export_type=kind))
    return Response(
        stream_with_context(_batches(lines_of(view, records))),
        headers={"Content-Disposition": f"attachment;filename={name}"},
        mimetype=mime_type,
    )


def _batches(lines: Iterator[str]) -> Iterator[str]:
    """Several lines at a time: a piece of an answer costs more than a line."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) >= BATCH:
            yield "".join(held)
            held.clear()
    yield "".join(held)
