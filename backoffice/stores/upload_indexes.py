"""What a record of an upload is found by."""

from __future__ import annotations

from backoffice.domain.deliveries import request_of
from backoffice.domain.networks import site
from backoffice.domain.uploads import Upload, UploadState
from backoffice.stores.records.indexes import Facet, Index, Lexical, Sorted, Words


def _live(upload: Upload) -> bool:
    return upload.state is not UploadState.ABORTED


def _by_guest(upload: Upload, value: str) -> list[str]:
    return [value] if request_of(upload.begun_by) and _live(upload) else []


def guest_site(upload: Upload) -> str:
    """By which request a guest begun it, and from where."""
    return f"{request_of(upload.begun_by)} {site(upload.address)}"


INDEXES: tuple[Index[Upload], ...] = (
    Sorted("created", lambda one: one.created_at if _live(one) else None),
    Sorted("expires", lambda one: one.expires_at if _live(one) else None),
    Lexical("name", lambda one: one.name if _live(one) else None),
    Words("words", lambda one: one.name if _live(one) else None),
    Facet("owner", lambda one: [one.owner] if _live(one) else [], lambda one: one.created_at, "created"),
    # Of those that guests of a request send: the link, who of them, and from where by that link.
    Facet("request", lambda one: _by_guest(one, request_of(one.begun_by)), lambda one: one.created_at, "created"),
    Facet("guest", lambda one: _by_guest(one, one.begun_by), lambda one: one.created_at, "created"),
    Facet("guest_site", lambda one: _by_guest(one, guest_site(one)), lambda one: one.created_at, "created"),
    Sorted("gc", lambda one: None if _live(one) else one.gc_at),
)
