"""Users: the record, and the rules for e-mail addresses and passwords; those for names are in `usernames.py`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from backoffice.domain.actions import Actions
from backoffice.domain.invisible import is_readable
from backoffice.domain.limits import MAX_EMAIL, MAX_PASSWORD, MIN_PASSWORD
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permissions
from backoffice.errors import Invalid, WeakPassword

_EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\".]+(?:\.[^\s@<>\".]+)+")


USERS = Noun(
    "user",
    read=Permissions.USERS_READ,
    write=Permissions.USERS_WRITE,
    create=Actions.USER_CREATE,
    update=Actions.USER_UPDATE,
    delete=Actions.USER_DELETE,
    recorded=("username", "email", "roles", "status", "quota_bytes", "expires_at", "inactive_days"),
    title="username",
)


class UserStatus(StrEnum):
    """`invited`: has no password yet and gets in by a one-time link."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program's account. Times in ms; `epoch` rises to end all sessions and tokens; `quota_bytes`
    None = the default. `password` is an Argon2id hash in PHC form, "" = none; `invite` the hash of a one-time link.

    `expires_at` 0 = never; `inactive_days`: how many without signing in end the account, 0 = any number, None = what
    the roles or the site say; both in `lifecycle.py`. `enabled_at`: since when these days count anew.
    `inactive_at`: when they end the account, 0 = never; for lists, while whoever lets somebody in works it out anew.
    `quota_near`: 1 where more than nine tenths of the quota are taken; the store notes it (`_quota.lua`).
    `sharing_since`: when a change last took away, or gave back, that they may share: links from before stay shut;
    `requesting_since`: the same of requests for files."""

    id: str
    username: str
    created_at: int
    updated_at: int
    email: str = ""
    password: str = ""
    status: UserStatus = UserStatus.INVITED
    roles: tuple[str, ...] = ()
    quota_bytes: int | None = None
    epoch: int = 1
    last_login_at: int = 0
    invite: str = ""
    invite_expires_at: int = 0
    expires_at: int = 0
    inactive_days: int | None = None
    enabled_at: int = 0
    inactive_at: int = 0
    quota_near: int = 0
    sharing_since: int = 0
    requesting_since: int = 0
    version: int = 1

    @property
    def active(self) -> bool:
        return self.status is UserStatus.ACTIVE

    def has_open_link(self, now: int) -> bool:
        """Whether a one-time link leads to this account at `now` (ms)."""
        return bool(self.invite) and self.invite_expires_at > now and self.status is not UserStatus.DISABLED

    def __repr__(self) -> str:
        """Without the hashes, so that no log can carry them."""
        return f"User(id={self.id!r}, username={self.username!r}, status={self.status.value!r})"


def clean_email(email: str) -> str:
    """The address, or `Invalid`; "" stays "". (Form only: whether it is read is another question.)"""
    email = email.strip()
    if len(email) <= 4 * MAX_EMAIL:  # composing takes the square of the marks, and four make one at most
        email = unicodedata.normalize("NFC", email)
    if email and (len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email) or not is_readable(email)):
        raise Invalid("This is not an e-mail address.", field="email")
    return email


def check_length(password: str) -> None:
    """Raises `WeakPassword` unless it has 8 to 128 code points (ASVS 5.0, 6.2.1, 6.2.9)."""
    if len(password) < MIN_PASSWORD:
        raise WeakPassword(f"A password has at least {MIN_PASSWORD} characters.", field="password")
    if len(password) > MAX_PASSWORD:
        raise WeakPassword(f"A password has at most {MAX_PASSWORD} characters.", field="password")
