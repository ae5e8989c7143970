"""RFC 9457: an error as `application/problem+json`, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

CONTENT_TYPE = "application/problem+json"
_FIXED = frozenset({"type", "title", "status", "code", "detail", "request_id"})


def title_of(status: int) -> str:
    """The standard words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_response(
    status: int, code: str, detail: str, request_id: str, details: Mapping[str, Any] | None = None
) -> Response:
    """The answer. `code` is stable, `detail` a sentence for people, `details` further members."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }
    body.update((name, value) for name, value in (details or {}).items() if name not in _FIXED)
    return Response(json.dumps(body, default=str) + "\n", status, content_type=CONTENT_TYPE)
