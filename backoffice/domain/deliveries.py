"""Files that guests deliver by an upload-only link (a file request): what one may be, and what it is until its owner
has accepted it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.invisible import is_readable, plain_spaces
from backoffice.domain.limits import MAX_GUEST_NAME, MAX_REQUEST_FILES, MAX_REQUEST_MESSAGE, MAX_REQUEST_TYPES
from backoffice.domain.text import clean_line
from backoffice.errors import Invalid, TooLarge, UnsupportedBody

GUEST: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{10}")
"""Who has delivered by a link, drawn by chance: Crockford's digits, which are read out without doubt."""
_CREDENTIAL: Final = "link:"
_SUFFIX: Final = re.compile(r"\.[0-9a-z]{1,12}(?:\.[0-9a-z]{1,12})?")
_MIME_TYPE: Final = re.compile(r"[0-9a-z][0-9a-z.+-]{0,60}/(?:\*|[0-9a-z][0-9a-z.+-]{0,60})")


@dataclass(frozen=True, slots=True)
class RequestTerms:
    """What a request takes. 0 = no bound of its own. `max_bytes` of all files together, `max_file_size` of one; `types`
    are endings of names (`.pdf`) or types (`image/*`), none: any. `review` 1: what comes waits until its owner accepts
    it."""

    max_files: int = 0
    max_bytes: int = 0
    max_file_size: int = 0
    types: tuple[str, ...] = ()
    review: int = 1

    def check(self, name: str, mime_type: str, size: int | None) -> None:
        """Whether a file may be of this name, type and size (bytes, None: not known yet). Raises UnsupportedBody,
        TooLarge."""
        if self.types and not any(_fits(one, name, mime_type) for one in self.types):
            raise UnsupportedBody(f"Only these are taken here: {', '.join(self.types)}.", types=list(self.types))
        for limit, what in ((self.max_file_size, "A file has"), (self.max_bytes, "All files together have")):
            if limit and size is not None and size > limit:
                raise TooLarge(f"{what} at most {limit} bytes here.", limit=limit)

    @property
    def largest(self) -> int:
        """Bytes that one file may have, 0 = no bound of its own."""
        bounds = [one for one in (self.max_file_size, self.max_bytes) if one]
        return min(bounds, default=0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is special of a file that a guest sends. `review`: it waits until its owner accepts it; `sent_by`: what the
    guest calls themselves."""

    review: bool
    sent_by: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivered file as its guest may know it: as it was when it came, whatever its owner has done with it since.
    `size` and `sha256` are None and "" where the owner has put other bytes in its place."""

    id: str
    name: str
    size: int | None
    sha256: str
    created_at: int
    waiting: bool


def guest_credential(link_id: str, guest: str) -> str:
    """How a guest of a link stands in the log, in uploads and in files."""
    return f"{_CREDENTIAL}{link_id}.{guest}"


def request_of(credential: str) -> str:
    """The link by whose guest something came, "" where it came otherwise."""
    return credential.removeprefix(_CREDENTIAL).partition(".")[0] if credential.startswith(_CREDENTIAL) else ""


def clean_terms(terms: RequestTerms) -> RequestTerms:
    """Raises Invalid."""
    for field in ("max_files", "max_bytes", "max_file_size"):
        if getattr(terms, field) < 0:
            raise Invalid("This is a number from 0 on; 0 is no bound.", field=field)
    if not 0 < terms.max_files <= MAX_REQUEST_FILES:
        raise Invalid(f"A request takes 1 to {MAX_REQUEST_FILES} files.", field="max_files", limit=MAX_REQUEST_FILES)
    if terms.max_bytes > 2**53 or terms.max_file_size > 2**53:
        raise Invalid("This is more than can be counted.", field="max_bytes")
    if terms.review not in (0, 1):
        raise Invalid("That deliveries wait is 1, or 0.", field="review")
    return replace(terms, types=clean_types(terms.types))


def clean_types(types: Iterable[str]) -> tuple[str, ...]:
    """Endings (`pdf`, `.pdf`) and types (`image/*`) in small letters, each once. Raises Invalid."""
    found = dict[str, None]()
    for given in types:
        one = given.strip().lower()
        if not one:
            continue
        one = one if "/" in one or one.startswith(".") else f".{one.removeprefix('*.')}"
        if not (_SUFFIX.fullmatch(one) or _MIME_TYPE.fullmatch(one)):
            raise Invalid(f"“{given[:40]}” is no ending of a name (.pdf) and no type (image/*).", field="types")
        found[one] = None
    if len(found) > MAX_REQUEST_TYPES:
        raise Invalid(f"At most {MAX_REQUEST_TYPES} endings and types.", field="types")
    return tuple(found)


def clean_message(text: str) -> str:
    """What guests read, of several lines. Raises Invalid."""
    lines = text[: 2 * MAX_REQUEST_MESSAGE].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = "\n".join(plain_spaces(line.replace("\t", " ")).rstrip() for line in lines).strip("\n")
    if len(text) > 2 * MAX_REQUEST_MESSAGE or len(found) > MAX_REQUEST_MESSAGE:
        raise Invalid(f"A message has at most {MAX_REQUEST_MESSAGE} characters.", field="message")
    if not all(map(is_readable, found.split("\n"))):
        raise Invalid("The message contains a character that is not shown.", field="message")
    return found


def clean_guest_name(text: str) -> str:
    """What a guest calls themselves, "" = nothing. Raises Invalid."""
    return clean_line(text, field="guest", what="A name", most=MAX_GUEST_NAME)


def _fits(wanted: str, name: str, mime_type: str) -> bool:
    if wanted.startswith("."):
        return name.lower().endswith(wanted)
    return mime_type.startswith(wanted[:-1]) if wanted.endswith("/*") else mime_type == wanted
