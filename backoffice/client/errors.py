"""What can go wrong between a client and a site, as sentences for whoever typed the command."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from backoffice.domain.invisible import made_readable

RETRYABLE: Final = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""


class ClientError(Exception):
    """The transfer cannot go on; the message says why.

    `retryable`: the same may succeed later. `retry_after`: seconds that the site asks to wait before, if it does.
    """

    retryable = False
    retry_after: float | None = None


class ConnectionFailed(ClientError):
    """No answer came. What was asked for may have happened all the same."""

    retryable = True


class ResponseError(ClientError):
    """The site answered with an error. `code` as in docs/api.md ("" when it was not the site's own answer).

    `details`: the members of its problem+json (RFC 9457).
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        problem = _problem(headers, body)
        self.status = status
        self.code = str(problem.get("code", ""))
        self.details = problem
        self.retryable = status in RETRYABLE or self.code == "body_cut"
        after = headers.get("Retry-After", "")
        self.retry_after = float(after) if after.isascii() and after.isdigit() else None
        super().__init__(_sentence(status, headers, problem))


def not_a_site() -> ClientError:
    """For an answer that no backoffice gives."""
    return ClientError("The answer is not that of a backoffice site; is the address right?")


def printable(text: object) -> str:
    """One line of at most 500 characters: what comes from outside must not steer the terminal."""
    return made_readable(str(text), " ")[:500].strip()


def printable_path(path: str) -> str:
    """A name or path for the terminal, whatever is in it."""
    return printable(os.fsencode(path).decode("utf-8", "replace"))


def _problem(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/problem+json":
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _sentence(status: int, headers: Mapping[str, str], problem: dict[str, Any]) -> str:
    detail = printable(problem.get("detail") or problem.get("title") or "")
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            "The token is not accepted: it is wrong, expired or revoked."
            " `manage.py token create --user NAME` makes one."
        )
    if 300 <= status < 400:
        return f"The site is elsewhere: {printable(headers.get('Location', '?'))}. Give that address with --url."
    if not detail:
        return f"The answer was {status} {headers.get('Server', '')}".rstrip() + "; is this the address of the site?"
    request = f", request {printable(problem.get('request_id', ''))}" if status >= 500 else ""
    return f"{detail} ({printable(problem.get('code', status))}{request})"
