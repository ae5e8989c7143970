"""What can go wrong between a client and a site, as sentences for whoever typed the command."""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus
from typing import Any, Final

import click

PASSES: Final = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""


class ClientError(click.ClickException):
    """The transfer cannot go on; the message says why. `passes`: the same may succeed later."""

    passes = False
    retry_after: float | None = None


class Unreachable(ClientError):
    """No answer came. What was asked for may have happened all the same."""

    passes = True


class Refused(ClientError):
    """The site answered with an error. `code` as in docs/api.md ("" when it was not the site's own answer)."""

    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        problem = _problem(headers, body)
        self.status = status
        self.code = str(problem.get("code", ""))
        self.details = problem
        self.passes = status in PASSES or self.code == "body_cut"
        after = headers.get("Retry-After", "")
        self.retry_after = float(after) if after.isascii() and after.isdigit() else None
        super().__init__(_sentence(status, headers, problem))


def _problem(headers: http.client.HTTPMessage, body: bytes) -> dict[str, Any]:
    if headers.get_content_type() == "application/problem+json":
        try:
            value = json.loads(body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}
    return {}


def _sentence(status: int, headers: http.client.HTTPMessage, problem: dict[str, Any]) -> str:
    detail = one_line(problem.get("detail") or problem.get("title") or "")
    if status == HTTPStatus.UNAUTHORIZED:
        return "The token is not accepted: it is wrong, expired or revoked. `manage.py token create --user NAME` makes one."
    if 300 <= status < 400:
        return f"The site is elsewhere: {one_line(headers.get('Location', '?'))}. Give that address with --url."
    if not detail:
        return f"The answer was {status} {headers.get('Server', '')}".rstrip() + "; is this the address of the site?"
    request = f", request {one_line(problem.get('request_id', ''))}" if status >= 500 else ""
    return f"{detail} ({one_line(problem.get('code', status))}{request})"


def one_line(text: object) -> str:
    """What comes from outside must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in str(text))[:500].strip()
