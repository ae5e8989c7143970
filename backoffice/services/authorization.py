"""Asking the function that decides, recording every refusal, and the rule that nobody grants what they do not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from backoffice.domain.access import ADMIN, Actor, decide, describe, granted_by, may
from backoffice.domain.actions import Actions
from backoffice.domain.audit import NO_OBJECT, AuditEvent, ObjectRef, Outcome
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotFound, NotSignedIn, ReauthRequired
from backoffice.services.ports import AuditLog

DENIED_SECONDS: Final = 60
"""A refusal that repeats itself is recorded once in so long."""
FRESH_MS: Final = 10 * 60 * 1000
"""How long after giving the password a session may change what guards an account (ASVS 5.0, 7.5.1)."""

_SAFE_ID = re.compile(r"[0-9A-Za-z,-]{1,64}")
_SESSION, _TOKEN = "session:", "token:"


def authorize(
    audit: AuditLog, actor: Actor, permission: Permission, owner: str | None = None, target: ObjectRef = NO_OBJECT
) -> None:
    """Return if `actor` may; `owner` is the id of the object's owner where it has one, `target` what is recorded.

    Raises NotSignedIn; NotFound for a stranger's object, so that nobody learns what there is; else NotAllowed.
    """
    decision = decide(actor, permission, owner)
    if decision.allowed:
        _note(actor, lambda now: authorize(audit, now, permission, owner, target))
        return
    if not actor.signed_in:
        raise NotSignedIn
    record_denial(audit, actor, permission, target, decision.reason)
    if owner is not None and owner != actor.id:
        raise NotFound
    raise NotAllowed(f"You may not do this; it takes the right {permission}: {describe(permission)}.")


def is_authorized(audit: AuditLog, actor: Actor, permission: Permission, owner: str | None = None) -> bool:
    """The same question, for who goes another way where the answer is no; that is no refusal then."""
    allowed = may(actor, permission, owner)
    if allowed:
        authorize(audit, actor, permission, owner)
    return allowed


def _note(actor: Actor, ask: Callable[[Actor], None]) -> None:
    """What was decided now has to hold when the actor acts."""
    if actor.ground is not None:
        actor.ground.note(ask)


def record_denial(audit: AuditLog, actor: Actor, permission: Permission, target: ObjectRef, because: str) -> None:
    """Record a refusal, once a minute for each actor, credential, permission, object and reason: somebody else with a
    stolen token is not hidden by its owner's own refusal. A target whose id was made up by the client is left out: ids
    become parts of keys."""
    if not _SAFE_ID.fullmatch(target.id):
        target = NO_OBJECT
    event = AuditEvent(
        Actions.ACCESS_DENY, actor, target, Outcome.DENIED, data={"permission": str(permission), "because": because}
    )
    once = f"denied {actor.id} {actor.credential} {permission} {target.type} {target.id} {because}"
    audit.record(event, once, DENIED_SECONDS)


def beyond(actor: Actor, granted: frozenset[Permission]) -> frozenset[Permission]:
    """What of `granted` the actor lacks. A permission that this version does not know (a later one has stored it in a
    role) is beyond all but those who hold everything there is."""
    return frozenset() if actor.permissions >= granted_by(ADMIN) else granted - actor.permissions


def authorize_grant(
    audit: AuditLog, actor: Actor, permission: Permission, granted: frozenset[Permission], target: ObjectRef
) -> None:
    """Raises NotAllowed unless `actor` holds all of `granted`; `permission` is what the act itself takes."""
    missing = sorted(beyond(actor, granted))
    if not missing:
        _note(actor, lambda now: authorize_grant(audit, now, permission, granted, target))
    else:
        record_denial(audit, actor, permission, target, f"{actor.name} does not hold {', '.join(missing)}")
        raise NotAllowed(f"This reaches beyond what you hold yourself: {', '.join(missing)}.")


def authorize_over(
    audit: AuditLog, actor: Actor, permission: Permission, user: User, roles: Mapping[str, Role]
) -> None:
    """The one rule of rank: raises NotAllowed where `user` holds something that `actor` lacks.

    It is asked by whatever acts on an account, or on what lets somebody into one: its record, password, links, status,
    quota and roles, its sessions and tokens. It is not asked about files and uploads; `permission` decides those.
    """
    authorize_grant(audit, actor, permission, permissions_of(roles, user.roles), user_ref(user))


def permissions_of(roles: Mapping[str, Role], names: Iterable[str]) -> frozenset[Permission]:
    """All that these roles grant; a name that is no role grants nothing."""
    return frozenset[Permission]().union(*(roles[name].permissions for name in names if name in roles))


def can_manage(actor: Actor, user: User, roles: Mapping[str, Role]) -> bool:
    """Whether `user` holds nothing that `actor` lacks. Who holds less may not change, disable, delete or reset one."""
    return not beyond(actor, permissions_of(roles, user.roles))


def within_reach(actor: Actor, roles: Mapping[str, Role]) -> Callable[[User], bool]:
    """`can_manage` for many users: asked once for each set of roles that they have."""
    known: dict[tuple[str, ...], bool] = {}

    def asked(user: User) -> bool:
        held = tuple(user.roles)
        if held not in known:
            known[held] = can_manage(actor, user, roles)
        return known[held]

    return asked


def require_recent_auth(actor: Actor, now: int) -> None:
    """Raises ReauthRequired where the actor is a session whose password was given too long ago."""
    if by_session(actor) and now - actor.auth_at >= FRESH_MS:
        raise ReauthRequired


def by_session(actor: Actor) -> bool:
    return actor.credential.startswith(_SESSION)


def by_token(actor: Actor) -> bool:
    return actor.credential.startswith(_TOKEN)


def session_credential(session_id: str) -> str:
    """How a session stands in the log: enough of the hash to tell sessions apart."""
    return _SESSION + session_id[:16]


def token_credential(token_id: str) -> str:
    return _TOKEN + token_id


def user_ref(user: User) -> ObjectRef:
    return ObjectRef("user", user.id, user.username)


def grants_of(user: User, roles: Mapping[str, Role]) -> tuple[tuple[str, frozenset[Permission]], ...]:
    """What goes into an Actor: each of the user's roles with what it grants now."""
    return tuple((name, roles[name].permissions) for name in user.roles if name in roles)
