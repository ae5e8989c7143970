"""The users and files of a large site, the same for every server that is measured: each is made of its number alone."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from backoffice.domain.files import File
from backoffice.domain.users import User, UserStatus

WORDS: Final = (
    "report",
    "invoice",
    "photo",
    "contract",
    "minutes",
    "budget",
    "plan",
    "draft",
    "survey",
    "summary",
)
RARE: Final = "zeppelin"
"""A word in the names of `FEW` files, and of as many users."""
FEW: Final = 40
TYPES: Final = (
    ("application/pdf", "pdf"),
    ("text/plain", "txt"),
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("text/csv", "csv"),
    ("application/zip", "zip"),
    ("video/mp4", "mp4"),
    ("audio/mpeg", "mp3"),
    ("application/json", "json"),
    ("text/html", "html"),
)
FIRST, LAST = ("ada", "grace", "alan", "mary", "tim", "radia", "edsger", "barbara", "donald", "frances"), WORDS
ROLES: Final = ("user", "user", "user", "user", "user", "user", "auditor", "operator")
BUSY: Final = 7
"""The user who has every fiftieth file."""
HASH: Final = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$bm90aGluZy10aGF0LWFueWJvZHktY2FuLXNpZ24taW4td2l0aA"
"""Of no password at all."""
_START: Final = 1_700_000_000_000
_MINUTE: Final = 60_000


def some_id(kind: str, number: int) -> str:
    """An identifier of 22 characters, always the same."""
    return blake2b(f"{kind} {number}".encode(), digest_size=11).hexdigest()


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many users and files. What was made later has a higher number."""

    users: int
    files: int

    def owner(self, number: int) -> int:
        """The number of the user who has this file."""
        return BUSY if number % 50 == 0 else number * 31 % self.users

    def file(self, number: int) -> File:
        kind, suffix = TYPES[number // 3 % len(TYPES)]
        word, other = WORDS[number % len(WORDS)], WORDS[number // 7 % len(WORDS)]
        if number % max(1, self.files // FEW) == 0:
            other = RARE
        return File(
            id=some_id("file", number),
            name=f"{word} {other} {number}.{suffix}",
            size=number * 7919 % 10_000_000 + 1,
            owner=some_id("user", self.owner(number)),
            mime_type=kind,
            created_at=_START + number * _MINUTE // 10,
            total_chunks=1,
            digest=number.to_bytes(32, "big"),
        )

    def user(self, number: int) -> User:
        first, last = FIRST[number % len(FIRST)], LAST[number // 10 % len(LAST)]
        if number % max(1, self.users // FEW) == 0:
            last = RARE
        made = _START + number * _MINUTE
        return User(
            id=some_id("user", number),
            username=f"{first}.{last}.{number}",
            email=f"{first}{number}@example.org",
            created_at=made,
            updated_at=made,
            password=HASH,
            status=UserStatus.DISABLED if number % 20 == 0 else UserStatus.ACTIVE,
            roles=(ROLES[number % len(ROLES)],),
            last_login_at=made + 30 * _MINUTE,
        )
