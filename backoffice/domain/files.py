"""Files: the record, its states, and the rules for names, types and tags."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from backoffice.domain import mime_types
from backoffice.domain.deliveries import Delivery, request_of
from backoffice.domain.ids import is_id
from backoffice.domain.invisible import (
    has_invisible,
    has_no_character,
    is_blank,
    is_readable,
    plain_spaces,
    without_invisible,
)
from backoffice.domain.limits import MAX_NAME_BYTES, MAX_TAG, MAX_TAGS
from backoffice.domain.text import caseless, fold
from backoffice.errors import Invalid

LONGEST_NAME = 4 * MAX_NAME_BYTES
"""Bytes before composing, which makes a name shorter at most by so much, and which takes the square of them."""
MAX_SUFFIX = 8
OCTETS = mime_types.OCTETS


LARGE = 64
"""A piece of this part of a file, or more, is large."""


TOP = "/"
"""`File.folder` of a file that lies in no folder, of somebody who has folders."""


class FileState(StrEnum):
    """`waiting`: a guest has delivered it, and its owner has yet to accept it; until then it is no file by any door
    but those of the request by which it came."""

    READY = "ready"
    WAITING = "waiting"
    TRASHED = "trashed"
    GONE = "gone"
    VERSION = "version"
    """What a file held before: a record of its own that is in no list of files (`domain/file_versions.py`)."""


class OnConflict(StrEnum):
    """What to do when the owner has a file of that name: keep both, refuse, or give that file the new content."""

    RENAME = "rename"
    FAIL = "fail"
    REPLACE = "replace"


class Piece(StrEnum):
    """How much of a file is read at once. One kind does not stand for another in the log: who took a byte has not taken
    the file."""

    WHOLE = "whole"
    LARGE = "large"
    SMALL = "small"

    @classmethod
    def of(cls, size: int, start: int, stop: int) -> Piece:
        """Of bytes [start, stop) of so many."""
        if (start, stop) == (0, size):
            return cls.WHOLE
        return cls.LARGE if (stop - start) * LARGE >= size else cls.SMALL


@dataclass(frozen=True, slots=True)
class File:
    """A stored file, or an earlier version of one. `id` is the identifier of the upload that made it; times in ms;
    `digest` is the SHA-256, empty until known; `changed_at` 0 while nothing was changed; `restored_at`: when it came
    out of the trash, or into other hands, last: share links of the time before stay shut; `folder`: where it lies, by
    identifier, or TOP; "" is the top, too, of somebody who has no folders, or who had none when it came; `with_folder`
    1: it went into the trash with that folder, and comes back with it; `alone` 1: it is there by itself, and in the
    list of those.

    content       the identifier under which its chunks and their map lie; "" = its own
    number        of that content: 1 as the file came, and one more for each that took its place
    content_at    when that content came, in a later second than the one before; 0 = with the file
    content_by    who brought it, by identifier; "" = the owner
    version_of    of an earlier version: the file
    delivered_by  the credential of who sent it, where that was not the owner
    sent_name     of what a guest delivered: how they called it; `sent_by`: what they call themselves
    """

    id: str
    name: str
    size: int
    mime_type: str
    owner: str
    created_at: int
    total_chunks: int
    changed_at: int = 0
    digest: bytes = b""
    tags: tuple[str, ...] = ()
    state: FileState = FileState.READY
    version: int = 1
    purge_at: int = 0
    restored_at: int = 0
    folder: str = ""
    with_folder: int = 0
    alone: int = 0
    content: str = ""
    number: int = 1
    content_at: int = 0
    content_by: str = ""
    version_of: str = ""

    @property
    def content_id(self) -> str:
        """The identifier under which its chunks and their map lie: what is there never changes."""
        return self.content or self.id

    @property
    def stored_at(self) -> int:
        """When its bytes came."""
        return self.content_at or self.created_at

    @property
    def stored_by(self) -> str:
        """Who brought them, by identifier."""
        return self.content_by or self.owner

    delivered_by: str = ""
    sent_name: str = ""
    sent_by: str = ""

    @property
    def folder_id(self) -> str:
        """The folder that it lies in, "" at the top."""
        return "" if self.folder == TOP else self.folder

    def restored(self, at: int) -> File:
        """As it comes out of the trash at that time (ms)."""
        ready = replace(self, state=FileState.READY, changed_at=at, restored_at=at)
        return replace(ready, purge_at=0, with_folder=0, alone=0)

    @property
    def request(self) -> str:
        """The request by whose guest it came, "" = none."""
        return request_of(self.delivered_by)

    @property
    def sha256(self) -> str:
        """The digest as people read it: hexadecimal, "" until known."""
        return self.digest.hex()

    @property
    def updated_at(self) -> int:
        """When the record was changed last, or made."""
        return self.changed_at or self.created_at

    @property
    def etag(self) -> str:
        """Strong entity tag: another one for each content (RFC 9110, section 8.8.3)."""
        return f'"{self.content_id}"'


@dataclass(frozen=True, slots=True)
class Target:
    """The file that gets new content, by identifier; `content`: what it has to hold still, "" = whatever it holds;
    `mime_type`: the type that it keeps where none is said, "" = then the name decides."""

    file: str
    content: str = ""
    mime_type: str = ""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """What a client says of a file that it stores; what it is made of is clean. Raises Invalid.

    mime_type  where nothing is said, or only what tools say of any bytes, `into` or the name decides
    digest     SHA-256 of the whole, 32 bytes, compared with what arrived; empty: not given
    folder     the identifier of one of the owner's folders; "" = the top
    delivery   of what a guest sends by a request for files
    into       the file whose content it becomes, whatever it is called; None: a file by its name
    """

    name: str
    mime_type: str = ""
    digest: bytes = b""
    tags: Iterable[str] = ()
    on_conflict: OnConflict = OnConflict.RENAME
    folder: str = ""
    delivery: Delivery | None = None
    into: Target | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", clean_name(self.name))
        kept = self.into.mime_type if self.into is not None else ""
        object.__setattr__(self, "mime_type", mime_types.mime_type_of(self.mime_type, self.name, kept))
        object.__setattr__(self, "tags", clean_tags(self.tags))
        if self.folder and not is_id(self.folder):
            raise Invalid("There is no such folder.", field="folder")


def clean_name(name: str) -> str:
    """The name in NFC with plain spaces, or `Invalid` saying what is wrong with it. Nothing is silently taken out of
    it. For names that come in: one that is stored already may be older than a rule."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise Invalid("The name is not valid Unicode.", field="name") from None
    if size <= LONGEST_NAME:
        name = plain_spaces(unicodedata.normalize("NFC", name))
    if not name:
        raise Invalid("A file needs a name.", field="name")
    if size > LONGEST_NAME or len(name.encode()) > MAX_NAME_BYTES:
        raise Invalid(f"The name is longer than {MAX_NAME_BYTES} bytes.", field="name")
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise Invalid("The name contains a control character.", field="name")
    if "/" in name or "\\" in name:
        raise Invalid("The name contains a slash.", field="name")
    if has_no_character(name):
        raise Invalid("The name contains a character that is unassigned or for private use.", field="name")
    if has_invisible(name):
        raise Invalid("The name contains an invisible character that changes how it is shown.", field="name")
    if is_blank(name[0]) or is_blank(name[-1]) or name.endswith(".") or name in {".", ".."}:
        raise Invalid("The name begins or ends with a space, or ends with a dot.", field="name")
    return name


def is_name(text: str) -> bool:
    """Whether a file or folder can be called so, as it stands."""
    try:
        return clean_name(text) == text
    except Invalid:
        return False


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without case, sorted, of those that count as the same one; `Invalid` when there are too many or one is too
    long or empty."""
    found = sorted({fold(tag): caseless(tag) for tag in sorted(tag.strip() for tag in tags)}.values())
    if len(found) > MAX_TAGS:
        raise Invalid(f"At most {MAX_TAGS} tags.", field="tags")
    for tag in found:
        if not 0 < len(tag) <= MAX_TAG or not is_readable(tag):
            raise Invalid(f"A tag has 1 to {MAX_TAG} printable characters.", field="tags")
    return tuple(found)


def numbered(name: str, number: int) -> str:
    """`report.pdf`, 2 -> `report (2).pdf`, cut to the longest name allowed."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > MAX_SUFFIX:
        stem, dot, suffix = name, "", ""
    tail = f" ({number}){dot}{suffix}"
    room = MAX_NAME_BYTES - len(tail.encode())
    # Where it is cut a joiner can have lost what it joined.
    return without_invisible(stem.encode()[:room].decode(errors="ignore")).rstrip() + tail
