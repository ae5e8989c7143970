"""Sessions: a browser that signed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """`id` is the hash of the cookie's secret (the secret itself is nowhere). Times in ms. Dead when `expires_at` or
    `ends_at` has passed or the user's epoch is another; `auth_at` is when the password was last given."""

    id: str
    user: str
    epoch: int
    created_at: int
    seen_at: int
    auth_at: int
    expires_at: int
    ends_at: int
    ip: str = ""
    agent: str = ""
    version: int = 1
