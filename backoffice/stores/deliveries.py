"""Files that guests deliver: what a commit checks and counts of the request by which one comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from backoffice.domain.audit import AuditEvent
from backoffice.domain.deliveries import request_of
from backoffice.domain.files import File
from backoffice.domain.limits import (
    MAX_DELIVERIES,
    MAX_GUEST_STARTS,
    MAX_GUEST_UPLOADS,
    MAX_LINK_DELIVERIES,
    MAX_NETWORK_UPLOADS,
    MAX_REQUEST_UPLOADS,
    MAX_WAITING,
)
from backoffice.domain.uploads import Upload
from backoffice.errors import Conflict, Gone, RequestFull, TooMany, VersionMismatch
from backoffice.stores.client import Db
from backoffice.stores.file_lists import FileLists
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.upload_indexes import guest_site

LINKS: Final = "links"
"""The noun in keys."""
Add = Callable[[Commit], None]
"""Adds something to a commit."""


class RequestGone(Gone):
    """The request is there no more."""

    code = "request_gone"


def check_begun(commit: Commit, keys: Keys, upload: Upload, event: AuditEvent) -> None:
    """Let the commit check, where a guest begins the upload, that few are open by the same request, and fewer of the
    same guest and from the same place, and count it for the owner, whose budget is the one that all guests share. It
    then raises TooMany."""
    request = request_of(upload.begun_by)
    if not request:
        return
    for facet, value, most in (
        ("request", request, MAX_REQUEST_UPLOADS),
        ("guest", upload.begun_by, MAX_GUEST_UPLOADS),
        ("guest_site", guest_site(upload), MAX_NETWORK_UPLOADS),
    ):
        told = f"At most {most} uploads can be open at a time here."
        error = TooMany(told, limit=most, retry_after=60)
        commit.check("fewer", keys.index("uploads", facet, value), most, error=error)
    commit.charge("uploads of guests", _owners(event, upload.owner), MAX_GUEST_STARTS)


def counted(db: Db, keys: Keys, file: File, event: AuditEvent, add: Add) -> Add:
    """`add`, and for a file that a guest delivers what its request checks and counts: however many come at the same
    moment, no more than its number and its bytes do. For any other file `add` alone.

    What the request takes is read here; the commit raises VersionMismatch where it is not that any more, RequestFull,
    TooMany (guests of this owner have delivered too many today). Raises RequestGone.
    """
    request = file.request
    if not request:
        return add
    record = keys.record(LINKS, request)
    row = db.call("HMGET", record, "version", "max_files", "max_bytes")
    if row[0] is None:
        raise RequestGone
    version, max_files, max_bytes = (int(one or 0) for one in row)

    def add_counted(commit: Commit) -> None:
        commit.check("equal", record, "version", version, error=VersionMismatch())
        if max_files:
            commit.check("below", record, "delivered", max_files, error=RequestFull(limit=max_files))
        if max_bytes:
            full = RequestFull("This is more than there is room for in this request.", limit=max_bytes)
            commit.check("below", record, "delivered_bytes", max_bytes - file.size + 1, error=full)
        _add_delivered(commit, record, 1, file.size)
        commit.write("HSET", record, "last_used_at", event.at)
        commit.charge("deliveries", _owners(event, request), MAX_LINK_DELIVERIES)
        commit.charge("deliveries", _owners(event, file.owner), MAX_DELIVERIES)
        add(commit)

    return add_counted


def insert_waiting(files: FileLists, file: File, add: Add, event: AuditEvent) -> File:
    """Insert a file that is in nobody's way: it gets a name and a place when it is accepted. Raises what `add` checks,
    and Conflict where too many wait."""
    commit = Commit(files.collection.keys, event)
    add(commit)
    commit.charge("acts", event, files.bounds.acts)
    error = Conflict("Too many deliveries wait to be accepted; nothing more can be sent until then.", limit=MAX_WAITING)
    commit.check("fewer", files.collection.keys.index("files", "waiting", file.owner), MAX_WAITING, error=error)
    files.collection.insert(commit, file)
    commit.run(files.collection.db)
    return file


def give_back(commit: Commit, keys: Keys, file: File) -> None:
    """Let the commit take a delivered file that goes off what its request counts. It then raises RequestGone."""
    record = keys.record(LINKS, file.request)
    commit.check("present", record, error=RequestGone())
    _add_delivered(commit, record, -1, -file.size)


def _owners(event: AuditEvent, owner: str) -> AuditEvent:
    """As if the owner, or the link itself, had done it: what is charged for it is charged to them."""
    return replace(event, actor=replace(event.actor, id=owner))


def _add_delivered(commit: Commit, record: bytes, files: int, size: int) -> None:
    commit.write("HINCRBY", record, "delivered", files)
    commit.write("HINCRBY", record, "delivered_bytes", size)
