"""Asking the table of acts (`domain/acts.py`), recording every refusal; nobody grants what they do not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn

from backoffice.domain.access import ADMIN, Actor, describe, granted_by
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Proof, Rank, Whose, decide_act
from backoffice.domain.audit import NO_OBJECT, AuditEvent, ObjectRef, Outcome
from backoffice.domain.ids import is_id
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotFound, NotSignedIn, ReauthRequired
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore

DENIED_SECONDS: Final = 60
"""A refusal that repeats itself is recorded once in so long."""
FRESH_MS: Final = 10 * 60 * 1000
"""How long after giving the password a session may change what guards an account (ASVS 5.0, 7.5.1)."""

SHELL: Final = "shell"
"""Where an actor comes from who types commands."""

RANKED: Final = frozenset({Rank.NO_LESS, Rank.MORE})
"""The ranks that compare the actor with a person."""

_SAFE_ID = re.compile(r"[0-9A-Za-z,-]{1,64}")
_SESSION, _TOKEN = "session:", "token:"


def authorize(
    audit: AuditLog,
    actor: Actor,
    act: Act,
    owner: str | None = None,
    target: ObjectRef = NO_OBJECT,
    *,
    now: int | None = None,
) -> None:
    """Return if the table lets `actor` do this; `owner` is the id of the object's owner where it has one, `target` what
    is recorded, `now` the time for an act that takes a fresh password. Rank is asked by `authorize_account`.

    Raises NotSignedIn; NotFound for a stranger's object, so that nobody learns what there is; ReauthRequired; else
    NotAllowed.
    """
    if act.rank in RANKED and (owner is None or owner != actor.id):
        raise TypeError(f"{act.name} asks whose account it is")
    _authorize(audit, actor, act, owner, target)
    _require_proof(audit, actor, act, target, now)


def authorize_account(
    audit: AuditLog,
    actor: Actor,
    act: Act,
    accounts: AccountStore,
    user_id: str,
    target: ObjectRef = NO_OBJECT,
    *,
    now: int | None = None,
) -> tuple[User | None, Mapping[str, Role]]:
    """`authorize` for an act on the account of `user_id`, or on what lets that person in (`target`, else the user);
    and the rule of rank. It returns the user (None: there is none, nobody to outrank, or the object is one's own) and
    the roles as they are at that moment, from one trip.
    """
    owner = user_id if act.whose is not Whose.ACCOUNT else None
    about = target if target != NO_OBJECT else ObjectRef("user", user_id)
    _authorize(audit, actor, act, owner, about)
    _require_proof(audit, actor, act, about, now)
    if owner is not None and owner == actor.id:
        return None, {}
    user, roles = accounts.load(user_id) if is_id(user_id) else (None, {})
    if user is not None:
        authorize_over(audit, actor, act, user, roles, now=now)
    return user, roles


def authorize_over(
    audit: AuditLog, actor: Actor, act: Act, user: User, roles: Mapping[str, Role], *, now: int | None = None
) -> None:
    """The one rule of rank, of an account that was read; besides, what `act` wants to stand behind it, for what shows
    only now which act it is.

    It is asked by whatever acts on an account, or on what lets somebody into one: its record, password, links, status,
    quota and roles, its sessions and tokens. It is not asked about files and uploads; there the permission decides.
    Raises TypeError for an act that compares nobody: what asks it would let everybody through.
    """
    if act.rank not in RANKED:
        raise TypeError(f"{act.name} compares the actor with nobody")
    target, theirs = user_ref(user), permissions_of(roles, user.roles)
    _require_proof(audit, actor, act, target, now)
    authorize_grant(audit, actor, act, theirs, target)
    if not _outranks(actor, act, user, theirs):
        because = f"{user.username} holds as much as {actor.name}"
        refusal = NotAllowed("This person holds as much as you: the shell can do it (`manage.py user`).")
        deny(audit, actor, act.takes, target, because, refusal)


def _authorize(audit: AuditLog, actor: Actor, act: Act, owner: str | None, target: ObjectRef) -> None:
    """Whether the actor holds what the act takes, and whose the object is."""
    if not actor.signed_in:
        raise NotSignedIn
    foreign = owner is not None and owner != actor.owner
    decision = decide_act(actor, act, owner)
    if decision.allowed:
        _note(actor, lambda now: _authorize(audit, now, act, owner, target))
        return
    if foreign:
        deny(audit, actor, act.takes, target, decision.reason, NotFound())
    takes = f"it takes the right {act.takes}: {describe(act.takes or '')}"
    refusal = NotAllowed(f"You may not do this; {takes}.", missing=act.takes or "")
    deny(audit, actor, act.takes, target, decision.reason, refusal)


def _require_proof(audit: AuditLog, actor: Actor, act: Act, target: ObjectRef, now: int | None) -> None:
    """Whether there stands behind the request what the act wants. A token is no password that was just given."""
    if act.proof is Proof.ANY or (act.proof is Proof.FRESH_OR_SCOPE and by_token(actor) and actor.scopes is not None):
        return
    if act.proof is Proof.SHELL:
        if actor.via != SHELL:
            because = "only an operator in the shell may"
            refusal = NotAllowed(f"This takes the command line: {because}.")
            deny(audit, actor, act.takes, target, because, refusal)
        return
    if by_token(actor):
        deny(audit, actor, act.takes, target, f"no token may {act.text}", NotAllowed(f"A token cannot {act.text}."))
    if act.proof is not Proof.PERSON and by_session(actor) and (now is None or now - actor.auth_at >= FRESH_MS):
        deny(audit, actor, act.takes, target, "the password was given too long ago", ReauthRequired(act=act.name))


def is_authorized(audit: AuditLog, actor: Actor, act: Act, owner: str | None = None) -> bool:
    """The same question, for who goes another way where the answer is no; that is no refusal then."""
    allowed = decide_act(actor, act, owner).allowed
    if allowed:
        authorize(audit, actor, act, owner)
    return allowed


def _note(actor: Actor, ask: Callable[[Actor], None]) -> None:
    """What was decided now has to hold when the actor acts."""
    if actor.ground is not None:
        actor.ground.note(ask)


def deny(
    audit: AuditLog,
    actor: Actor,
    permission: Permission | None,
    target: ObjectRef,
    because: str,
    error: NotAllowed | NotFound,
) -> NoReturn:
    """Record a refusal and raise it: the one place from where NotAllowed is raised."""
    record_denial(audit, actor, permission, target, because)
    raise error


def record_denial(
    audit: AuditLog, actor: Actor, permission: Permission | None, target: ObjectRef, because: str
) -> None:
    """Record a refusal, once a minute for each actor, credential, permission, object and reason: somebody else with a
    stolen token is not hidden by its owner's own refusal. A target whose id was made up by the client is left out: ids
    become parts of keys."""
    if not _SAFE_ID.fullmatch(target.id):
        target = NO_OBJECT
    data = {"permission": str(permission), "because": because} if permission is not None else {"because": because}
    event = AuditEvent(Actions.ACCESS_DENY, actor, target, Outcome.DENIED, data=data)
    once = f"denied {actor.id} {actor.credential} {permission} {target.type} {target.id} {because}"
    audit.record(event, once, DENIED_SECONDS)


def beyond(actor: Actor, granted: frozenset[Permission]) -> frozenset[Permission]:
    """What of `granted` the actor lacks. A permission that this version does not know (a later one has stored it in a
    role) is beyond all but those who hold everything there is."""
    return frozenset() if actor.permissions >= granted_by(ADMIN) else granted - actor.permissions


def authorize_grant(audit: AuditLog, actor: Actor, act: Act, granted: frozenset[Permission], target: ObjectRef) -> None:
    """Raises NotAllowed unless `actor` holds all of `granted`."""
    missing = sorted(beyond(actor, granted))
    if not missing:
        _note(actor, lambda now: authorize_grant(audit, now, act, granted, target))
        return
    because, listed = f"{actor.name} does not hold {', '.join(missing)}", ", ".join(missing)
    deny(audit, actor, act.takes, target, because, NotAllowed(f"This reaches beyond what you hold yourself: {listed}."))


def permissions_of(roles: Mapping[str, Role], names: Iterable[str]) -> frozenset[Permission]:
    """All that these roles grant; a name that is no role grants nothing."""
    return frozenset[Permission]().union(*(roles[name].permissions for name in names if name in roles))


def _outranks(actor: Actor, act: Act, user: User, theirs: frozenset[Permission]) -> bool:
    """Whether the actor holds more than `theirs`, where the act takes that: who makes a way in for equals could act in
    their name. The shell may, and everybody for themselves."""
    if act.rank is not Rank.MORE or user.id == actor.id or not (by_session(actor) or by_token(actor)):
        return True
    return actor.permissions > theirs


def within_reach(actor: Actor, roles: Mapping[str, Role]) -> Callable[[Act, User], bool]:
    """Whether the actor may do something to somebody's account, as far as permission and rank say, for many users:
    worked out once for each set of roles that they have."""
    known: dict[tuple[str, ...], tuple[frozenset[Permission], bool]] = {}

    def asked(act: Act, user: User) -> bool:
        held = tuple(user.roles)
        if held not in known:
            theirs = permissions_of(roles, held)
            known[held] = theirs, not beyond(actor, theirs)
        theirs, reached = known[held]
        owner = user.id if act.whose is not Whose.ACCOUNT else None
        if not decide_act(actor, act, owner).allowed:
            return False
        if act.rank not in RANKED or owner == actor.id:
            return True
        return reached and _outranks(actor, act, user, theirs)

    return asked


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
