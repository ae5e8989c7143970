"""API tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.access import ANONYMOUS, Actor
from backoffice.domain.actions import Actions
from backoffice.domain.ids import new_id
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.tokens import Token, TokenState, split_token
from backoffice.domain.users import User
from backoffice.errors import Invalid, NotAllowed, NotFound, NotSignedIn, ReauthRequired
from tests.support.people import ROOT, People


@pytest.fixture
def ada(people: People) -> User:
    return people.user("ada")


def resume(people: People, text: str) -> tuple[Actor, User] | None:
    return people.tokens.authenticate(text, ip="192.0.2.1", agent="curl", request_id="r1")


def test_a_token_is_its_user(people: People, ada: User) -> None:
    token, text = people.tokens.create(people.actor(ada), name="backup")
    assert text.startswith(f"bo_{token.id}_")
    found = resume(people, text)
    assert found is not None
    actor, user = found
    assert user.id == ada.id
    assert (actor.id, actor.via, actor.credential) == (ada.id, "api", f"token:{token.id}")
    assert actor.permissions == people.actor(ada).permissions
    assert people.tokens.mine(people.actor(ada)) == [replace(token, used_at=people.clock())]
    event = people.entries(Actions.TOKEN_CREATE)[-1]
    assert event.event["object"]["id"] == token.id


def test_A9_only_the_hash_is_stored(people: People, ada: User, fake: Redis) -> None:
    token, text = people.tokens.create(people.actor(ada), name="backup")
    secret = text.removeprefix(f"bo_{token.id}_")
    assert len(secret) == 43
    dump = b"".join(fake.dump(key) or b"" for key in fake.keys())  # noqa: SIM118 - a command, not a dict
    assert secret.encode() not in dump
    assert resume(people, f"bo_{token.id}_{token.secret}") is None


def test_an_empty_or_damaged_token_is_nobody(people: People, ada: User) -> None:
    """CVE-2026-34531: an empty token must not match an empty record."""
    token, text = people.tokens.create(people.actor(ada), name="backup")
    _, _, secret = text.split("_", 2)
    bad = [
        "",
        "bo",
        "bo_",
        "bo__",
        f"bo_{token.id}_",
        f"bo_{token.id}",
        text[:-1],
        text + "x",
        text.upper(),
        f"xx_{token.id}_{secret}",
        f"bo_{'0' * 25}_{secret}",
        f"bo_../x_{secret}",
        text + "\0",
        text[:-1] + "é",
        "\ud800" * 50,
        "bo_" + "x" * 10_000,
    ]
    for one in bad:
        assert resume(people, one) is None, one
    people.db.call("HSET", people.keys.record("tokens", token.id), "secret", "")
    assert resume(people, text) is None
    assert not Token("t", "u", "n", "", 1, 0).matches("")


def test_split_token() -> None:
    assert split_token("bo_abc_" + "s" * 30 + "_-x") == ("abc", "s" * 30 + "_-x")
    for bad in ("bo_a.b_" + "s" * 30, "bo_abc_short", "BO_abc_" + "s" * 30, "bo_" + "a" * 40 + "_" + "s" * 30):
        assert split_token(bad) is None


def test_Z8_scopes_only_narrow(people: People, ada: User) -> None:
    _, text = people.tokens.create(people.actor(ada), name="reader", scopes=["files:read"])
    found = resume(people, text)
    assert found is not None
    assert found[0].permissions == {Permissions.FILES_READ}
    for scopes in (["users:read"], ["files:read", "files.all:read"]):
        with pytest.raises(NotAllowed):
            people.tokens.create(people.actor(ada), name="x", scopes=scopes)
    for scopes in ([], ["nonesuch"]):
        with pytest.raises(Invalid):
            people.tokens.create(people.actor(ada), name="x", scopes=scopes)


def test_Z8_a_scope_never_outlives_the_right(people: People) -> None:
    people.roles.create(ROOT, name="desk", permissions=["users:read", "tokens:own"])
    user = people.user("desk", "desk")
    _, text = people.tokens.create(people.actor(user), name="x", scopes=["users:read"])
    people.roles.update(ROOT, "desk", permissions=["tokens:own"])
    found = resume(people, text)
    assert found is not None
    assert found[0].permissions == frozenset()


def test_Z8_a_token_makes_no_token(people: People, ada: User) -> None:
    """CVE-2021-32688: neither a wider one nor a longer one."""
    _, text = people.tokens.create(people.actor(ada), name="backup")
    found = resume(people, text)
    assert found is not None
    with pytest.raises(NotAllowed):
        people.tokens.create(found[0], name="another")


def test_S8_a_token_wants_a_recent_password(people: People, ada: User) -> None:
    actor = people.actor(ada)
    people.clock.pass_(minutes=10)
    with pytest.raises(ReauthRequired):
        people.tokens.create(actor, name="x")


def test_tokens_expire(people: People, ada: User) -> None:
    token, text = people.tokens.create(people.actor(ada), name="short", days=1)
    people.clock.pass_(hours=23)
    assert resume(people, text) is not None
    people.clock.pass_(hours=1)
    assert resume(people, text) is None
    assert [one.id for one in people.tokens.mine(people.actor(ada))] == [token.id]
    for days in (0, -1, 3651):
        with pytest.raises(Invalid):
            people.tokens.create(people.actor(ada), name="x", days=days)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\0b", "\u202e", "\ud800"])
def test_bad_names_are_refused(people: People, ada: User, name: str) -> None:
    with pytest.raises(Invalid):
        people.tokens.create(people.actor(ada), name=name)


def test_revoking(people: People, ada: User) -> None:
    token, text = people.tokens.create(people.actor(ada), name="x")
    eve, operator = people.actor(people.user("eve")), people.actor(people.user("op", "operator"))
    for stranger, error in ((eve, NotFound), (ANONYMOUS, NotSignedIn)):
        with pytest.raises(error):
            people.tokens.revoke(stranger, token.id)
    for unknown in ("", "x" * 25, "../x", token.id[::-1]):
        with pytest.raises(NotFound):
            people.tokens.revoke(people.actor(ada), unknown)
    assert resume(people, text) is not None
    people.tokens.revoke(people.actor(ada), token.id)
    assert resume(people, text) is None
    _, text = people.tokens.create(people.actor(ada), name="y")
    people.tokens.revoke(operator, split_token(text)[0])  # type: ignore[index]
    assert resume(people, text) is None
    assert len(people.entries(Actions.TOKEN_REVOKE)) == 2


def test_only_the_shell_makes_tokens_for_others(people: People, ada: User) -> None:
    _, text = people.tokens.create(ROOT, name="x", user_id=ada.id, scopes=["files:read"])
    assert resume(people, text) is not None
    root = people.actor(people.user("rosa", "admin"))
    with pytest.raises(NotFound):
        people.tokens.create(root, name="x", user_id=ada.id)
    with pytest.raises(NotFound):
        people.tokens.create(people.actor(people.user("eve")), name="x", user_id=ada.id)
    with pytest.raises(NotAllowed):
        people.tokens.create(ROOT, name="x", user_id=ada.id, scopes=["users:write"])
    people.users.disable(ROOT, ada.id)
    with pytest.raises(NotFound):
        people.tokens.create(ROOT, name="x", user_id=ada.id)


def test_everybodys_tokens_want_their_own_right(people: People, ada: User) -> None:
    people.tokens.create(people.actor(ada), name="x")
    assert people.tokens.page(people.actor(people.user("op", "operator")), Query()).total == 1
    with pytest.raises(NotAllowed):
        people.tokens.page(people.actor(ada), Query())
    with pytest.raises(NotAllowed):
        people.tokens.mine(people.actor(people.user("aud", "auditor")))


def test_a_request_takes_two_trips(people: People, ada: User) -> None:
    _, text = people.tokens.create(people.actor(ada), name="x")
    resume(people, text)
    before = people.db.trips
    resume(people, text)
    assert people.db.trips - before == 2


def test_Z10_a_scope_that_is_not_held_is_refused_and_recorded(people: People) -> None:
    ada = people.actor(people.user("ada"))
    with pytest.raises(NotAllowed, match="users:write"):
        people.tokens.create(ada, name="t", scopes=["users:write"])
    [entry] = people.entries(Actions.ACCESS_DENY)
    assert "users:write" in entry.event["data"]["because"]


def test_Z10_a_token_that_would_make_a_token_is_recorded(people: People) -> None:
    ada = people.user("ada")
    _, text = people.tokens.create(people.actor(ada), name="t")
    found = people.tokens.authenticate(text, ip="192.0.2.1", agent="curl", request_id="r1")
    assert found is not None
    with pytest.raises(NotAllowed):
        people.tokens.create(found[0], name="u")
    with pytest.raises(NotAllowed):
        people.users.change_password(found[0], "a", "b")
    assert {entry.event["data"]["because"] for entry in people.entries(Actions.ACCESS_DENY)} == {
        "no token may make a token",
        "no token may change one's own password",
    }


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda people, ada: None, TokenState.ACTIVE),
        (lambda people, ada: people.clock.pass_(hours=24), TokenState.EXPIRED),
        (lambda people, ada: people.users.disable(ROOT, ada.id), TokenState.ENDED),
        (
            lambda people, ada: people.users.enable(ROOT, people.users.disable(ROOT, ada.id).id),
            TokenState.ENDED,
        ),
        (lambda people, ada: people.users.update(ROOT, ada.id, roles=["operator"]), TokenState.ENDED),
        (lambda people, ada: people.users.set_password(ROOT, ada.id, "another long phrase"), TokenState.ENDED),
    ],
)
def test_a_list_says_what_the_guard_decides(people: People, ada: User, end: Any, state: TokenState) -> None:
    """Disabled, and enabled again, a user's tokens stood in lists as good until they expire, and let nobody in."""
    token, text = people.tokens.create(people.actor(ada), name="backup", days=1)
    end(people, ada)
    [listed] = people.tokens.mine(people.actor(ada))
    owner = people.users.owners(ROOT, [token.user])[token.user]
    assert listed.state(owner, people.clock()) is state
    assert (resume(people, text) is not None) == (state is TokenState.ACTIVE)


def test_a_token_of_nobody_is_ended() -> None:
    assert Token("t", "u", "n", "s", 1, 0).state(None, 1) is TokenState.ENDED


def refusals(people: People) -> list[dict[str, Any]]:
    return [one.event for one in people.entries(Actions.TOKEN_REFUSE)]


def test_every_refused_token_is_in_the_log(people: People, ada: User) -> None:
    """It left no trace, whether it was guessed, expired, ended or revoked (ASVS 5.0, 16.3.1)."""
    token, text = people.tokens.create(people.actor(ada), name="backup", days=1)
    other = text[:-1] + ("A" if text[-1] != "A" else "B")
    assert resume(people, other) is None
    assert resume(people, "hunter2") is None
    people.clock.pass_(hours=24)
    assert resume(people, text) is None
    people.users.set_password(ROOT, ada.id, "another long phrase")
    assert resume(people, text) is None
    people.tokens.revoke(ROOT, token.id)
    assert resume(people, text) is None
    assert [event["data"]["because"] for event in refusals(people)] == [
        "wrong secret",
        "no token of this site",
        "token is expired",
        "token is ended",
        "unknown or revoked token",
    ]
    wrong, short, expired, _, revoked = refusals(people)
    assert wrong["object"] == expired["object"] == {"type": "token", "id": token.id, "name": "backup"}
    assert revoked["data"]["token"] == token.id
    assert wrong["data"]["fingerprint"] != revoked["data"]["fingerprint"]
    assert "fingerprint" not in short["data"], "it may be a password"
    for event in refusals(people):
        assert event["outcome"] == "denied"
        assert event["actor"] == {"ip": "192.0.2.1", "agent": "curl", "via": "api"}
        assert text.split("_", 2)[2] not in str(event)


def test_refused_tokens_do_not_fill_the_log(people: People, ada: User) -> None:
    _, text = people.tokens.create(people.actor(ada), name="backup")
    for number in range(50):
        assert resume(people, f"bo_{new_id()}_{number:040}") is None
        assert resume(people, text[:-3] + f"{number:03}") is None
        assert people.tokens.authenticate("x" * 50, ip=f"2001:db8::{number}", agent="", request_id="") is None
    assert len(refusals(people)) == 3
