"""The one function that decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.access import (
    ADMIN,
    ANONYMOUS,
    BUILT_IN,
    OWN_TO_ALL,
    Actor,
    decide,
    describe,
    granted_by,
    may,
    parse_permissions,
    system_actor,
)
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission, Permissions

ALL = frozenset(all_permissions())
SETS = st.frozensets(st.sampled_from(all_permissions()))
ACTORS = st.builds(
    Actor,
    id=st.sampled_from(["", "me"]),
    name=st.just("me"),
    roles=st.lists(st.tuples(st.sampled_from(["a", "b"]), SETS), max_size=3).map(tuple),
    scopes=st.one_of(st.none(), SETS),
)


@given(actor=ACTORS, permission=st.sampled_from(all_permissions()), owner=st.sampled_from([None, "me", "other"]))
def test_Z1_nothing_is_allowed_but_by_a_role_within_the_scopes(
    actor: Actor, permission: Permission, owner: str | None
) -> None:
    needed: Permission | None = permission
    if owner == "other":
        needed = OWN_TO_ALL.get(permission)
    granted = any(needed in held for _, held in actor.roles)
    within = actor.scopes is None or needed in actor.scopes
    decision = decide(actor, permission, owner)
    assert decision.allowed == (bool(actor.id) and needed is not None and granted and within)
    assert decision.reason
    assert may(actor, permission, owner) == decision.allowed


@given(actor=ACTORS)
def test_Z8_scopes_only_narrow(actor: Actor) -> None:
    held = frozenset[Permission]().union(*(granted for _, granted in actor.roles))
    assert actor.permissions <= held
    if actor.scopes is not None:
        assert actor.permissions <= actor.scopes


def test_nobody_may_nothing() -> None:
    assert not any(may(ANONYMOUS, permission) for permission in ALL)
    assert not any(may(ANONYMOUS, permission, "") for permission in ALL)


def test_the_decision_says_why() -> None:
    actor = Actor("me", "me", (("user", frozenset({Permissions.FILES_READ})),))
    assert decide(actor, Permissions.FILES_READ).reason == "role user grants files:read"
    assert "no role of me grants users:read" in decide(actor, Permissions.USERS_READ).reason
    assert "files.all:read" in decide(actor, Permissions.FILES_READ, "other").reason
    assert "links:write" in decide(actor, Permissions.FILES_SHARE, "other").reason
    assert "own objects only" in decide(actor, Permissions.USERS_READ, "other").reason


def test_every_permission_is_described_and_held_by_admin() -> None:
    assert all(one.text and one.group and describe(one) == one.text for one in ALL)
    assert len(ALL) == len(all_permissions()) == 24
    assert granted_by(ADMIN) == ALL
    assert {role for one in ALL for role in one.roles} | {ADMIN} == set(BUILT_IN)
    assert system_actor("x", "shell").permissions == ALL


def test_built_in_roles_are_what_they_say() -> None:
    auditor = granted_by("auditor")
    assert not any(permission.endswith((":write", ":delete", ":share")) for permission in auditor)
    operator = granted_by("operator")
    assert Permissions.ROLES_WRITE not in operator
    assert not {Permissions.AUDIT_READ, Permissions.AUDIT_EXPORT, Permissions.SYSTEM_WRITE} & operator
    assert not any(
        ".all:" in permission or permission.startswith(("users", "roles")) for permission in granted_by("user")
    )


def test_parse_permissions() -> None:
    assert parse_permissions(["files:read", "files:read"]) == {Permissions.FILES_READ}
    with pytest.raises(ValueError, match="no permission"):
        parse_permissions(["files:read", "root"])
