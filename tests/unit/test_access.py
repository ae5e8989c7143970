"""The one function that decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.access import (
    ADMIN,
    ALL,
    ANONYMOUS,
    BUILT_IN,
    DESCRIPTIONS,
    EVERYBODYS,
    Actor,
    Permission,
    decide,
    may,
    parse_permissions,
    system_actor,
)

SETS = st.frozensets(st.sampled_from(Permission))
ACTORS = st.builds(
    Actor,
    id=st.sampled_from(["", "me"]),
    name=st.just("me"),
    roles=st.lists(st.tuples(st.sampled_from(["a", "b"]), SETS), max_size=3).map(tuple),
    scopes=st.one_of(st.none(), SETS),
)


@given(actor=ACTORS, permission=st.sampled_from(Permission), owner=st.sampled_from([None, "me", "other"]))
def test_Z1_nothing_is_allowed_but_by_a_role_within_the_scopes(
    actor: Actor, permission: Permission, owner: str | None
) -> None:
    needed: Permission | None = permission
    if owner == "other":
        needed = EVERYBODYS.get(permission)
    granted = any(needed in held for _, held in actor.roles)
    within = actor.scopes is None or needed in actor.scopes
    decision = decide(actor, permission, owner)
    assert decision.allowed == (bool(actor.id) and needed is not None and granted and within)
    assert decision.because
    assert may(actor, permission, owner) == decision.allowed


@given(actor=ACTORS)
def test_Z8_scopes_only_narrow(actor: Actor) -> None:
    held = frozenset[Permission]().union(*(granted for _, granted in actor.roles))
    assert actor.permissions <= held
    if actor.scopes is not None:
        assert actor.permissions <= actor.scopes


def test_nobody_may_nothing() -> None:
    assert not any(may(ANONYMOUS, permission) for permission in Permission)
    assert not any(may(ANONYMOUS, permission, "") for permission in Permission)


def test_the_decision_says_why() -> None:
    actor = Actor("me", "me", (("user", frozenset({Permission.FILES_READ})),))
    assert decide(actor, Permission.FILES_READ).because == "role user grants files:read"
    assert "no role of me grants users:read" in decide(actor, Permission.USERS_READ).because
    assert "files.all:read" in decide(actor, Permission.FILES_READ, "other").because
    assert "own objects only" in decide(actor, Permission.FILES_SHARE, "other").because


def test_every_permission_is_described_and_held_by_admin() -> None:
    assert set(DESCRIPTIONS) == set(Permission)
    assert BUILT_IN[ADMIN][1] == ALL == set(Permission)
    assert system_actor("x", "shell").permissions == ALL


def test_built_in_roles_are_what_they_say() -> None:
    auditor = BUILT_IN["auditor"][1]
    assert not any(permission.endswith((":write", ":delete", ":share")) for permission in auditor)
    operator = BUILT_IN["operator"][1]
    assert Permission.ROLES_WRITE not in operator
    assert not {Permission.AUDIT_READ, Permission.AUDIT_EXPORT, Permission.SYSTEM_WRITE} & operator
    assert not any(
        ".all:" in permission or permission.startswith(("users", "roles")) for permission in BUILT_IN["user"][1]
    )


def test_parse_permissions() -> None:
    assert parse_permissions(["files:read", "files:read"]) == {Permission.FILES_READ}
    with pytest.raises(ValueError, match="no permission"):
        parse_permissions(["files:read", "root"])
