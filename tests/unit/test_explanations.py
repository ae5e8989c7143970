"""The explanation says what the decision says, for every act, every mixture of roles, and every kind of object."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.access import ANONYMOUS, BUILT_IN, Actor, granted_by
from backoffice.domain.acts import Act, Acts, Whose, all_acts, decide_act
from backoffice.domain.explanations import REACHES, Reach, explain_act, explain_all, owner_in
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission, Permissions

SETS = st.frozensets(st.sampled_from(all_permissions()))
ACTORS = st.builds(
    Actor,
    id=st.sampled_from(["", "me"]),
    name=st.just("me"),
    roles=st.lists(st.tuples(st.sampled_from("abcd"), SETS), max_size=4, unique_by=lambda one: one[0]).map(tuple),
    scopes=st.one_of(st.none(), SETS),
)
CASES = [(act, reach) for act in all_acts() for reach in REACHES[act.whose]]


def compare(actor: Actor, act: Act, reach: Reach) -> None:
    said, owner = explain_act(actor, act, reach), owner_in(actor, act, reach)
    decision = decide_act(actor, act, owner)
    assert (said.allowed, said.reason) == (decision.allowed, decision.reason)
    without = replace(actor, roles=tuple(one for one in actor.roles if one[0] not in said.roles), scopes=None)
    if said.needed is not None:
        assert not decide_act(without, act, owner).allowed, "a role that grants it is not named"
        for name in said.roles:
            alone = replace(actor, roles=tuple(one for one in actor.roles if one[0] == name))
            within = actor.scopes is None or said.needed in actor.scopes
            assert decide_act(alone, act, owner).allowed == within
        assert said.allowed == (bool(said.roles) and (actor.scopes is None or said.needed in actor.scopes))
    else:
        assert said.roles == ()


@given(actor=ACTORS, case=st.sampled_from(CASES))
def test_the_explanation_is_the_decision(actor: Actor, case: tuple[Act, Reach]) -> None:
    compare(actor, *case)


@pytest.mark.parametrize("roles", [names for n in range(3) for names in itertools.combinations(BUILT_IN, n)])
def test_for_every_mixture_of_built_in_roles(roles: tuple[str, ...]) -> None:
    actor = Actor("me", "me", tuple((name, granted_by(name)) for name in roles))
    for scopes in (None, frozenset[Permission](), *(frozenset({one}) for one in all_permissions())):
        for case in CASES:
            compare(replace(actor, scopes=scopes), *case)


def test_nobody_may_anything_and_is_told_why() -> None:
    for said in explain_all(ANONYMOUS):
        assert not said.allowed
        assert said.reason == "nobody is signed in"


def test_all_roles_that_grant_it_are_named() -> None:
    actor = Actor("me", "me", tuple((name, granted_by(name)) for name in ("auditor", "operator", "user")))
    assert explain_act(actor, Acts.FILE_READ, Reach.OWN).roles == ("auditor", "operator", "user")
    assert explain_act(actor, Acts.FILE_READ, Reach.OTHERS).roles == ("auditor", "operator")
    assert explain_act(actor, Acts.FILE_READ, Reach.OTHERS).needed == Permissions.FILES_ALL_READ
    assert explain_act(actor, Acts.ROLE_UPDATE, Reach.SITE).roles == ()


def test_scopes_of_a_token_keep_back_what_a_role_grants() -> None:
    actor = Actor("me", "me", (("user", granted_by("user")),), frozenset({Permissions.FILES_READ}))
    said = explain_act(actor, Acts.FILE_TRASH, Reach.OWN)
    assert not said.allowed
    assert said.roles == ("user",)
    assert "token's scopes" in said.reason


def test_every_act_is_explained_once_for_each_kind_of_object() -> None:
    found = [(one.act, one.reach) for one in explain_all(Actor("me", "me"))]
    assert found == CASES
    assert len(set(found)) == len(found)
    assert {Whose.SITE, Whose.OWN, Whose.OWN_OR_ALL, Whose.ACCOUNT} == set(REACHES)
