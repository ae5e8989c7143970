"""Quotas in commits: room is asked for and taken in the same step."""

from __future__ import annotations

from typing import Final

from backoffice.domain.files import File
from backoffice.domain.users import UserStatus
from backoffice.errors import Invalid, NotSignedIn, QuotaExceeded
from backoffice.stores.file_indexes import is_version
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.users import NOUN as USERS

VERSIONS: Final = "versions"
"""The field that says how many of the used bytes earlier versions take: of no quota, and told to their owner."""


def check_quota(commit: Commit, keys: Keys, owner: str, size: int, quota: int) -> None:
    """Let the commit add `size` bytes to what the owner uses, if they fit in the owner's quota as it is then; `quota`
    is that of owners who have none of their own. It then raises QuotaExceeded, or NotSignedIn: there is no such user
    any more."""
    user = keys.record(USERS, owner)
    commit.check("present", user, error=NotSignedIn())
    commit.check("room", keys.quota(owner), user, size, quota, error=lambda limit: QuotaExceeded(limit=int(limit)))


def take_quota(commit: Commit, keys: Keys, owner: str, field: str, size: int, quota: int) -> None:
    """Let the commit count so many bytes more for the owner, `used` or `reserved`, and note whether the quota is nearly
    used up by that."""
    commit.write("HINCRBY", keys.quota(owner), field, size)
    commit.note_quota(keys.quota(owner), keys.record(USERS, owner), keys.quota_near, owner, quota)


def count_versions(keys: Keys, commit: Commit, old: File | None, new: File | None) -> None:
    """Let the commit that changes a file's record note how many bytes more or less earlier versions take."""
    more: dict[str, int] = {}
    for file, sign in ((old, -1), (new, 1)):
        if file is not None and is_version(file):
            more[file.owner] = more.get(file.owner, 0) + sign * file.size
    for owner, size in more.items():
        if size:
            commit.write("HINCRBY", keys.quota(owner), VERSIONS, size)


def release_keys(keys: Keys, noun: str, record_id: str, owner: str, content: str = "") -> list[bytes]:
    """What `delete_and_release.lua` takes a file or an upload from, with the map of its content and its bytes of the
    owner's quota."""
    return [
        keys.record(noun, record_id),
        keys.chunk_map(content or record_id),
        keys.quota(owner),
        keys.index(noun, "gc"),
        keys.record(USERS, owner),
        keys.quota_near,
        keys.unique(noun, "content"),
    ]


def move_quota(commit: Commit, keys: Keys, giver: str, owner: str, size: int, quota: int) -> None:
    """Let the commit count so many bytes for `owner` instead of `giver`, if they fit in that quota and that user is
    active by then. It then raises QuotaExceeded, or Invalid for such a user."""
    user = keys.record(USERS, owner)
    commit.check("equal", user, "status", UserStatus.ACTIVE.value, error=Invalid(NOBODY, field="owner"))
    commit.check(
        "room",
        keys.quota(owner),
        user,
        size,
        quota,
        error=lambda limit: QuotaExceeded("The new owner's quota does not leave room for this.", limit=int(limit)),
    )
    take_quota(commit, keys, giver, "used", -size, quota)
    take_quota(commit, keys, owner, "used", size, quota)


NOBODY = "There is no such active user."
