"""Sessions; named after the items of the security checklist that they prove."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.actions import Actions
from backoffice.domain.ids import secret_hash
from backoffice.domain.permissions import Permissions
from backoffice.errors import BadCredentials, NotAllowed, NotFound, NotSignedIn, ReauthRequired
from tests.support.people import PASSWORD, ROOT, People


def test_sign_in_and_resume(people: People) -> None:
    user = people.user("Ada")
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    found = people.authenticate(signed.secret)
    assert found.user.id == user.id
    assert found.session == signed.session
    assert found.actor.permissions >= {Permissions.FILES_READ, Permissions.TOKENS_OWN}
    assert (found.actor.name, found.actor.via, found.actor.request_id) == ("Ada", "web", "r2")
    assert people.user_store.get(user.id).last_login_at == people.clock()  # type: ignore[union-attr]
    entry = people.entries(Actions.SESSION_START)[-1]
    assert entry.event["actor"]["id"] == user.id
    assert entry.event["actor"]["ip"] == "192.0.2.1"


def test_S2_the_secret_has_256_bits_and_only_its_hash_is_stored(people: People, fake: Redis) -> None:
    people.user("ada")
    secrets = {people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret for _ in range(5)}
    assert len(secrets) == 5
    assert all(len(secret) == 43 for secret in secrets)
    dump = b"".join(key + (fake.dump(key) or b"") for key in fake.keys())  # noqa: SIM118 - a command, not a dict
    for secret in secrets:
        assert secret.encode() not in dump
        assert secret_hash(secret).encode() in dump


def test_S3_every_sign_in_and_every_proof_has_a_new_id(people: People) -> None:
    people.user("ada")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    two = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert one.session.id != two.session.id
    people.clock.pass_(minutes=11)
    resumed = people.authenticate(one.secret)
    with pytest.raises(ReauthRequired):
        people.tokens.create(resumed.actor, name="t")
    new, secret = people.sessions.reauth(resumed.actor, resumed.session, PASSWORD)
    assert people.authenticate(one.secret) is None
    assert people.authenticate(secret).session == new
    assert people.tokens.create(people.authenticate(secret).actor, name="t")
    assert new.ends_at == one.session.ends_at
    with pytest.raises(BadCredentials):
        people.sessions.reauth(resumed.actor, new, "wrong")


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "A0-_" * 11, "é" * 43, "x" * 10_000, "\0" * 43, "\ud800" * 43])
def test_S4_an_invented_id_is_nobody(people: People, secret: str) -> None:
    people.user("ada")
    assert people.authenticate(secret) is None


def test_S4_the_stored_hash_is_no_secret(people: People) -> None:
    people.user("ada")
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert people.authenticate(signed.session.id) is None


def test_S5_a_session_ends_after_thirty_idle_minutes(people: People) -> None:
    people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    for _ in range(3):
        people.clock.pass_(minutes=29)
        assert people.authenticate(secret) is not None
    people.clock.pass_(minutes=30)
    assert people.authenticate(secret) is None


def test_S5_a_session_ends_after_twelve_hours_of_use(people: People) -> None:
    people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    alive = 0
    while people.authenticate(secret) is not None and alive < 24 * 60:
        people.clock.pass_(minutes=20)
        alive += 20
    assert alive == 12 * 60


@pytest.mark.parametrize("how", ["password", "own-password", "roles", "disable", "delete", "invite-used"])
def test_S6_Z9_sessions_and_tokens_die_at_the_next_request(people: People, how: str) -> None:
    people.user("rosa", "admin")
    user = people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    _, text = people.tokens.create(people.actor(user), name="t")
    link = people.users.invite(ROOT, user.id)
    assert people.authenticate(secret) is not None
    acts: dict[str, Any] = {
        "password": lambda: people.users.set_password(ROOT, user.id, "another long phrase"),
        "own-password": lambda: people.users.change_password(people.actor(user), PASSWORD, "another long phrase"),
        "roles": lambda: people.users.update(ROOT, user.id, roles=["auditor"]),
        "disable": lambda: people.users.disable(ROOT, user.id),
        "delete": lambda: people.users.delete(ROOT, user.id),
        "invite-used": lambda: people.users.accept_invite(people.visitor(), link, "another long phrase"),
    }
    acts[how]()
    assert people.authenticate(secret) is None
    assert people.tokens.authenticate(text, ip="", agent="", request_id="") is None


def test_S6_a_changed_role_holds_from_the_next_request(people: People) -> None:
    people.roles.create(ROOT, name="desk", permissions=["users:read"])
    people.user("ada", "desk")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    assert people.authenticate(secret).actor.permissions == {Permissions.USERS_READ}
    people.roles.update(ROOT, "desk", permissions=["files:read"])
    assert people.authenticate(secret).actor.permissions == {Permissions.FILES_READ}


def test_S6_signing_out_ends_this_session_alone(people: People) -> None:
    people.user("ada")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    two = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    found = people.authenticate(one.secret)
    people.sessions.sign_out(found.actor, found.session)
    people.sessions.sign_out(found.actor, found.session)
    assert people.authenticate(one.secret) is None
    assert people.authenticate(two.secret) is not None
    assert len(people.entries(Actions.SESSION_END)) == 1


def test_S7_people_see_and_end_their_own_sessions(people: People) -> None:
    ada, eve = people.user("ada"), people.user("eve")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    people.clock.pass_(seconds=1)
    two = people.sessions.sign_in(people.visitor("2001:db8::1"), "ada", PASSWORD)
    mine = people.sessions.mine(people.actor(ada))
    assert [session.id for session in mine] == [two.session.id, one.session.id]
    assert mine[0].ip == "2001:db8::1"
    with pytest.raises(NotFound):
        people.sessions.end(people.actor(eve), one.session.id)
    for unknown in ("", "x", "0" * 64):
        with pytest.raises(NotFound):
            people.sessions.end(people.actor(ada), unknown)
    people.sessions.end(people.actor(ada), one.session.id)
    assert people.authenticate(one.secret) is None
    assert people.sessions.mine(people.actor(eve)) == []


def test_S7_holders_of_the_right_end_anybodys(people: People) -> None:
    ada, operator, root = people.user("ada"), people.user("op", "operator"), people.user("rosa", "admin")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    admins = people.sessions.sign_in(people.visitor(), "rosa", PASSWORD)
    assert [session.id for session in people.sessions.of_user(people.actor(operator), ada.id)] == [one.session.id]
    people.sessions.end(people.actor(operator), one.session.id)
    assert people.authenticate(one.secret) is None
    with pytest.raises(NotAllowed):
        people.sessions.end(people.actor(operator), admins.session.id)
    with pytest.raises(NotAllowed):
        people.sessions.of_user(people.actor(ada), root.id)
    assert people.authenticate(admins.secret) is not None


def test_Z8_a_token_does_not_look_after_sessions(people: People) -> None:
    ada = people.user("ada")
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    token = replace(people.actor(ada), credential="token:x", scopes=frozenset({Permissions.FILES_READ}))
    for act in (
        lambda: people.sessions.mine(token),
        lambda: people.sessions.end(token, signed.session.id),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotSignedIn):
        people.sessions.mine(ANONYMOUS)


def test_a_request_takes_two_trips_and_a_third_once_a_minute(people: People) -> None:
    people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    people.authenticate(secret)
    trips = []
    for _ in range(4):
        before = people.db.trips
        people.authenticate(secret)
        trips.append(people.db.trips - before)
        people.clock.pass_(seconds=30)
    assert trips[0] == trips[1] == 2
    assert sum(trips) <= 10


def test_S7_administrators_see_and_end_all_sessions_of_a_person(people: People) -> None:
    ada, operator = people.user("ada"), people.actor(people.user("op", "operator"))
    secrets = [people.sessions.start_for(people.visitor(), ada).secret for _ in range(2)]
    assert len(people.sessions.of_user(operator, ada.id)) == 2
    assert people.sessions.end_all(operator, ada.id) == 2
    assert [people.authenticate(secret) for secret in secrets] == [None, None]
    assert [entry.event["actor"]["name"] for entry in people.entries(Actions.SESSION_END)] == ["op", "op"]
    admin = people.user("rosa", "admin")
    people.sessions.start_for(people.visitor(), admin)
    with pytest.raises(NotAllowed):
        people.sessions.end_all(operator, admin.id)
    with pytest.raises(NotFound):
        people.sessions.end_all(people.actor(ada), admin.id)
    for unknown in ("nonesuch", "../x", ""):
        with pytest.raises(NotFound):
            people.sessions.end_all(operator, unknown)
