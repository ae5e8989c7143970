"""The two ways in that a user's record can hold: a password, and a one-time link to choose one."""

from __future__ import annotations

from dataclasses import replace

from backoffice.domain.ids import new_secret, secret_hash
from backoffice.domain.users import User, UserStatus
from backoffice.services.sign_in.passwords import Passwords


def with_password(user: User, password: str, passwords: Passwords) -> User:
    """The user with another password: active if it is the first one, without a link, and with an epoch that ends all
    sessions and tokens. Raises WeakPassword."""
    clean = passwords.check(password, user.username, user.email)
    return replace(
        user,
        password=passwords.hash(clean),
        status=UserStatus.ACTIVE if user.status is UserStatus.INVITED else user.status,
        epoch=user.epoch + 1,
        invite="",
        invite_expires_at=0,
    )


def with_link(user: User, expires_at: int) -> tuple[User, str]:
    """The user with a new link, which makes an older one void, and the link's secret. `expires_at` in ms."""
    secret = new_secret()
    return replace(user, invite=secret_hash(secret), invite_expires_at=expires_at), secret
