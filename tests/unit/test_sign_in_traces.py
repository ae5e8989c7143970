"""Signing in: what it leaves behind, of passwords of before and of who failed."""

from __future__ import annotations

import pytest
from redis import Redis

from backoffice.domain.actions import Actions
from backoffice.errors import BadCredentials, WeakPassword
from backoffice.services.sign_in import guesses
from backoffice.services.sign_in.passwords import Passwords
from tests.support.people import PASSWORD, ROOT, People, sign_in_outcome

STRONGER = Passwords(memory_kib=16, passes=1)


def test_A1_the_hash_is_made_anew_at_the_next_sign_in(people: People, fake: Redis) -> None:
    user = people.user("ada")
    stronger = People(fake, STRONGER)
    stronger.sessions.sign_in(stronger.visitor(), "ada", PASSWORD)
    stored = stronger.user_store.get(user.id)
    assert stored is not None
    assert "m=16," in stored.password
    assert stored.epoch == user.epoch
    assert not STRONGER.stale(stored.password)
    assert stronger.sessions.sign_in(stronger.visitor(), "ada", PASSWORD).user.id == user.id
    assert len(people.entries(Actions.USER_UPDATE)) == 1


def test_a_password_that_would_be_refused_today_goes_on_to_work(
    people: People, fake: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(guesses, "LEAST_GUESSES", 0)
        people.user("ada", password="Summer2026")
    assert sign_in_outcome(people, "ada", "Summer2026") == "ok"
    stronger = People(fake, STRONGER)
    assert sign_in_outcome(stronger, "ada", "Summer2026") == "ok", "also when its hash is made anew"
    with pytest.raises(WeakPassword):
        people.user("eve", password="Summer2026")


def test_refusals_are_recorded_without_what_was_typed(people: People) -> None:
    ada = people.user("ada")
    sign_in_outcome(people, "ada", "hunter2 typed here")
    sign_in_outcome(people, "my password by mistake", "x")
    known, unknown = people.entries(Actions.SESSION_REFUSE)
    assert known.event["object"]["id"] == ada.id
    assert known.event["outcome"] == "denied"
    assert "object" not in unknown.event
    assert b"mistake" not in unknown.raw
    assert b"hunter2" not in known.raw


def test_a_flood_does_not_fill_the_log(people: People) -> None:
    people.user("ada")
    for n in range(100):
        sign_in_outcome(people, "ada", "wrong", f"198.51.100.{n}")
    assert len(people.entries(Actions.SESSION_REFUSE)) < 110
    for _ in range(100):
        sign_in_outcome(people, "ada", "wrong", "192.0.2.1")
    assert len(people.entries(Actions.SESSION_REFUSE)) < 130


def test_start_for_wants_an_active_user(people: People) -> None:
    user, _ = people.users.create(ROOT, username="ada")
    with pytest.raises(BadCredentials):
        people.sessions.start_for(people.visitor(), user)
    active = people.users.set_password(ROOT, user.id, PASSWORD)
    assert people.authenticate(people.sessions.start_for(people.visitor(), active).secret).user.id == user.id
