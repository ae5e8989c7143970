"""Share links: an address that opens one thing to whoever has it, for a while and within bounds."""

from __future__ import annotations

import hmac
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from backoffice.domain.actions import Actions
from backoffice.domain.deliveries import RequestTerms
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.ids import ID_LENGTH, secret_hash
from backoffice.domain.limits import MAX_LINK_DOWNLOADS
from backoffice.domain.link_rules import LinkRule
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permissions
from backoffice.errors import Invalid

LINKS = Noun(
    "link",
    read=Permissions.LINKS_READ,
    write=Permissions.LINKS_WRITE,
    create=Actions.LINK_CREATE,
    update=Actions.LINK_UPDATE,
    delete=Actions.LINK_REVOKE,
    recorded=("file", "folder", "expires_at", "max_downloads", "has_password", "takes"),
)
_TOKEN: Final = re.compile(rf"([0-9A-Za-z]{{{ID_LENGTH}}})([0-9A-Za-z_-]{{43}})")


class LinkKind(StrEnum):
    """What a link opens: a file, a folder with what lies in it, or a folder that strangers put files into."""

    FILE = "file"
    FOLDER = "folder"
    REQUEST = "request"


class LinkState(StrEnum):
    """What a link is worth. `blocked`: something about its owner or its object bars it; who opens it closes it for good
    (`closed`). `unprotected`: it has no password, and its owner's links need one; with a password it is open. A revoked
    link is no record any more."""

    OPEN = "open"
    EXPIRED = "expired"
    USED_UP = "used_up"
    UNPROTECTED = "unprotected"
    BLOCKED = "blocked"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Link:
    """`secret` is the hash of the secret part of the address, `password` an Argon2id hash in PHC form, "" = none.
    It leads to the `file` of this id, where its kind is FILE, else to the `folder`; the other one is "". `name` is what
    that was called then: the link follows it, whatever it is called later. `max_downloads` 0 = any number. Times in ms;
    `closed_at` 0 while nothing has closed it, else `closed_because` says what did. `reopened_at`: when an operator
    opened it again, so that what barred it before counts no more. Of the kind REQUEST `name` is a title of its own,
    what it takes is in `terms`, and `delivered` and `delivered_bytes` count what came and was not taken back."""

    id: str
    owner: str
    name: str
    secret: str
    created_at: int
    updated_at: int
    expires_at: int
    kind: LinkKind = LinkKind.FILE
    file: str = ""
    folder: str = ""
    password: str = ""
    max_downloads: int = 0
    downloads: int = 0
    last_used_at: int = 0
    closed_at: int = 0
    closed_because: str = ""
    reopened_at: int = 0
    message: str = ""
    max_files: int = 0
    max_bytes: int = 0
    max_file_size: int = 0
    types: tuple[str, ...] = ()
    review: int = 0
    delivered: int = 0
    delivered_bytes: int = 0
    version: int = 1

    def matches(self, secret: str) -> bool:
        """Whether `secret` is this link's, in constant time."""
        return bool(self.secret) and hmac.compare_digest(self.secret, secret_hash(secret))

    @property
    def object_type(self) -> Literal["file", "folder"]:
        """What it leads to."""
        return "file" if self.kind is LinkKind.FILE else "folder"

    @property
    def object_id(self) -> str:
        """The identifier of that."""
        return self.file if self.kind is LinkKind.FILE else self.folder

    @property
    def has_password(self) -> bool:
        return bool(self.password)

    @property
    def since(self) -> int:
        """What barred it at this time or later has closed it (ms)."""
        return max(self.created_at, self.reopened_at)

    @property
    def free(self) -> bool:
        """Whether nothing is asked of who opens it, nor counted against a number."""
        return not self.password and not self.max_downloads

    @property
    def used_up(self) -> bool:
        if self.kind is LinkKind.REQUEST:
            return 0 < self.max_files <= self.delivered or 0 < self.max_bytes <= self.delivered_bytes
        return 0 < self.max_downloads <= self.downloads

    @property
    def terms(self) -> RequestTerms:
        """What a request takes."""
        return RequestTerms(self.max_files, self.max_bytes, self.max_file_size, self.types, self.review)

    @property
    def takes(self) -> dict[str, Any] | None:
        """The same for the log; None of another kind."""
        return asdict(self.terms) if self.kind is LinkKind.REQUEST else None

    def standing(self, now: int, rule: LinkRule, bar: str = "") -> Standing:
        """At `now` (ms), under this rule. `bar`: what its owner or object has against it, "" = nothing."""
        ends_at = rule.end(self.expires_at, self.since)
        if self.closed_at:
            return Standing(LinkState.CLOSED, ends_at, self.closed_because)
        if bar:
            return Standing(LinkState.BLOCKED, ends_at, bar)
        if ends_at <= now:
            return Standing(LinkState.EXPIRED, ends_at, rule.too_old if now < self.expires_at else "")
        if rule.password and not self.has_password:
            return Standing(LinkState.UNPROTECTED, ends_at, rule.password_needed)
        return Standing(LinkState.USED_UP if self.used_up else LinkState.OPEN, ends_at)

    def __repr__(self) -> str:
        """Without the hashes."""
        return f"Link(id={self.id!r}, owner={self.owner!r}, {self.object_type}={self.object_id!r})"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a link stands. `ends_at` (ms): its own end, or that of the rule where this is earlier; `because`: what keeps
    it from being open, besides its own end and number."""

    state: LinkState
    ends_at: int
    because: str = ""

    @property
    def cut(self) -> bool:
        """Whether a rule has ended it before its own end."""
        return self.state is LinkState.EXPIRED and bool(self.because)


@dataclass(frozen=True, slots=True)
class HeldLink:
    """A link as lists show it. `name`: of its object now, or as it was when that is gone, of a request its title;
    `username`: of the owner, or the id of who is deleted."""

    link: Link
    name: str
    username: str
    standing: Standing

    @property
    def id(self) -> str:
        return self.link.id

    @property
    def version(self) -> int:
        return self.link.version

    @property
    def owner(self) -> str:
        return self.link.owner

    @property
    def kind(self) -> LinkKind:
        return self.link.kind

    @property
    def file(self) -> str:
        return self.link.file

    @property
    def folder(self) -> str:
        return self.link.folder

    @property
    def has_password(self) -> bool:
        return self.link.has_password

    @property
    def max_downloads(self) -> int:
        return self.link.max_downloads

    @property
    def downloads(self) -> int:
        return self.link.downloads

    @property
    def created_at(self) -> int:
        return self.link.created_at

    @property
    def state(self) -> LinkState:
        return self.standing.state

    @property
    def because(self) -> str:
        return self.standing.because

    @property
    def expires_at(self) -> int:
        """Also by the rule of its owner's roles and of the site."""
        return self.standing.ends_at

    @property
    def last_used_at(self) -> int:
        return self.link.last_used_at

    @property
    def closed_at(self) -> int:
        return self.link.closed_at

    @property
    def closed_because(self) -> str:
        return self.link.closed_because


@dataclass(frozen=True, slots=True)
class Shared:
    """What somebody who opened a link may know: the link, what it leads to and who shares it. `content`: which content
    a download was counted of (`File.content_id`), "" = of none, or of an archive."""

    link: Link
    object: File | Folder
    sharer: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """What lies in a shared folder, or in one within it: the rows from number `first` on (0: the first one) of
    `total`, folders before files. `way`: the folders from the shared one down to this."""

    way: tuple[Folder, ...]
    folders: tuple[Folder, ...]
    files: tuple[File, ...]
    first: int
    total: int

    @property
    def last(self) -> int:
        """The number after that of the last row."""
        return self.first + len(self.folders) + len(self.files)


def link_token(link_id: str, secret: str) -> str:
    """What stands behind `/s/` in the address."""
    return link_id + secret


def split_link_token(token: str) -> tuple[str, str] | None:
    """Identifier and secret; None when it has another form."""
    found = _TOKEN.fullmatch(token)
    return (found[1], found[2]) if found else None


def clean_max_downloads(number: int) -> int:
    """0 = any number. Raises Invalid."""
    if not 0 <= number <= MAX_LINK_DOWNLOADS:
        raise Invalid(f"A link is for at most {MAX_LINK_DOWNLOADS} downloads; 0 is any number.", field="max_downloads")
    return number
