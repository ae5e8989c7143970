"""Versions of records in HTTP: entity tags, and `If-Match` for whoever must not overwrite what others changed.

RFC 9110, sections 8.8.3 and 13.1.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from flask import Response, request
from pydantic import BaseModel

from backoffice.errors import VersionMismatch
from backoffice.web.api.record_json import record_json
from backoffice.web.api.responses import send_json

ETAG: Final = {"ETag": "Entity tag of the metadata, for `If-Match`"}
IF_MATCH: Final = {"If-Match": "ETag of the metadata: refuse with 412 when it was changed since"}


class Versioned(Protocol):
    """A record whose version rises with every change."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...


def record_etag(record: Versioned) -> str:
    """Entity tag of a record: another one after every change."""
    return f'"{record.id}.{record.version}"'


def send_record(
    model: type[BaseModel], record: Versioned, status: int = 200, context: Mapping[str, Any] | None = None
) -> Response:
    """The record as a `model`, with its entity tag."""
    return send_json(record_json(model, record, context), status, {"ETag": record_etag(record)})


def demands_version() -> bool:
    """Whether the request has an `If-Match` that not every version satisfies."""
    return bool(request.headers.get("If-Match")) and not request.if_match.star_tag


def demanded_version(record: Versioned, *also: str) -> int | None:
    """The version that the change has to find, for the service to compare once more when it writes; None: any.

    `also` are entity tags that this version has, too: what they name holds until it is written. Raises VersionMismatch
    when `If-Match` names none of these.
    """
    if not demands_version():
        return None
    if any(tag.strip('"') in request.if_match for tag in (record_etag(record), *also)):
        return record.version
    raise VersionMismatch(version=record.version)
