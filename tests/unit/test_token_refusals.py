"""What is said where there is no token, or no user to have one."""

from __future__ import annotations

import pytest

from backoffice.domain.users import User
from backoffice.domain.versions import IdentityChanged
from backoffice.errors import NotFound
from tests.support.people import ROOT, People
from tests.unit.test_tokens import refusals, resume


@pytest.fixture
def ada(people: People) -> User:
    return people.user("ada")


def test_of_who_has_not_chosen_a_password_it_is_said_what_is_missing(people: People) -> None:
    """On the first day that is the administrator, whose link was not opened yet."""
    invited, _ = people.users.create(ROOT, username="eve")
    with pytest.raises(NotFound, match=r"eve has not opened the link .* `user invite`"):
        people.tokens.create(ROOT, name="backup", user_id=invited.id)
    with pytest.raises(NotFound, match="no such active user"):
        people.tokens.create(ROOT, name="backup", user_id="nobody")


def test_a_refusal_by_memory_is_confirmed_by_its_entry(people: People, ada: User) -> None:
    """What is remembered may be old: a token that was ended and is remembered as expired is judged anew."""
    token, text = people.tokens.create(people.actor(ada), name="backup", days=1)
    assert resume(people, text) is not None
    people.db.call("HSET", people.keys.record("tokens", token.id), "version", "9")
    people.clock.pass_(hours=24)
    with pytest.raises(IdentityChanged):
        people.tokens.authenticate(text, ip="192.0.2.1", agent="", request_id="", remembered=True)
    assert refusals(people) == []
    assert resume(people, text) is None
    assert [event["data"]["because"] for event in refusals(people)] == ["token is expired"]
