"""Accounts that end by themselves: at every way in, at the very moment, whatever is remembered (S6, Z5, Z9)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from redis import Redis

from backoffice.domain.access import ADMIN
from backoffice.domain.actions import Actions
from backoffice.domain.lifecycle import AccountPolicy, Why
from backoffice.domain.users import User, UserStatus
from backoffice.errors import BadCredentials, Invalid, LastAdmin, NotFound, NotSignedIn
from tests.support.people import PASSWORD, ROOT, People

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@pytest.fixture
def people(fake: Redis) -> People:
    return People(fake)


def sign_in(people: People, name: str = "ada") -> str:
    return people.sessions.sign_in(people.visitor(), name, PASSWORD).secret


def by_token(people: People, text: str, *, remembered: bool = False) -> bool:
    found = people.tokens.authenticate(text, ip="192.0.2.1", agent="a", request_id="r", remembered=remembered)
    people.identities.begin_request()
    return found is not None


def by_session(people: People, secret: str, *, remembered: bool = False) -> bool:
    found = people.sessions.authenticate(
        secret, ip="192.0.2.1", agent="a", via="web", request_id="r", remembered=remembered
    )
    people.identities.begin_request()
    return found is not None


def token_of(people: People, user: User) -> str:
    return people.tokens.create(ROOT, name="t", user_id=user.id)[1]


def expiring(people: People, after_ms: int) -> User:
    user = people.user("ada")
    return people.users.update(ROOT, user.id, expires_at=people.clock() + after_ms)


# -- the date, at the boundary


@pytest.mark.parametrize("remembered", [False, True])
def test_a_session_and_a_token_last_to_the_last_millisecond(people: People, remembered: bool) -> None:
    user = expiring(people, HOUR_MS // 6)
    secret, token = sign_in(people), token_of(people, user)
    people.clock.pass_(ms=HOUR_MS // 6 - 1)
    assert by_session(people, secret, remembered=remembered)
    assert by_token(people, token, remembered=remembered)
    people.clock.pass_(ms=1)
    assert not by_session(people, secret, remembered=remembered)
    assert not by_token(people, token, remembered=remembered)


def test_the_password_is_refused_from_that_moment_on_like_a_wrong_one(people: People) -> None:
    expiring(people, HOUR_MS)
    people.clock.pass_(ms=HOUR_MS - 1)
    sign_in(people)
    people.clock.pass_(ms=1)
    with pytest.raises(BadCredentials):
        sign_in(people)
    [refusal] = people.entries(Actions.SESSION_REFUSE)
    assert refusal.event["data"]["because"] == "account is expired"


def test_a_setup_link_opens_nothing_any_more_and_none_is_made(people: People) -> None:
    user, secret = people.users.create(ROOT, username="ada", expires_at=people.clock() + HOUR_MS)
    assert people.users.open_invite(people.visitor(), secret).id == user.id
    people.clock.pass_(ms=HOUR_MS)
    with pytest.raises(NotFound):
        people.users.accept_invite(people.visitor(), secret, PASSWORD)
    with pytest.raises(Invalid, match="expired"):
        people.users.invite(ROOT, user.id)


def test_a_session_cannot_be_begun_or_renewed_after_the_end(people: People) -> None:
    user = expiring(people, HOUR_MS // 6)
    entered = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    actor = people.authenticate(entered.secret).actor
    people.clock.pass_(ms=HOUR_MS // 6)
    with pytest.raises(BadCredentials):
        people.sessions.reauth(actor, entered.session, PASSWORD)
    with pytest.raises(BadCredentials):
        people.sessions.start_for(people.visitor(), user)
    assert people.sessions.of_user(ROOT, user.id) == []
    with pytest.raises(NotFound):
        token_of(people, user)


def test_a_date_in_the_past_shuts_out_what_is_remembered(people: People) -> None:
    user = people.user("ada")
    secret, token = sign_in(people), token_of(people, user)
    assert by_session(people, secret)
    assert by_token(people, token)
    people.users.update(ROOT, user.id, expires_at=people.clock() - 1)
    assert not by_session(people, secret)
    assert not by_token(people, token)


def test_what_is_under_way_goes_on_when_time_runs_out_and_not_when_the_date_is_moved(people: People) -> None:
    user = expiring(people, HOUR_MS // 6)
    secret = sign_in(people)
    ground = people.authenticate(secret).actor.ground
    people.clock.pass_(ms=HOUR_MS // 6)
    ground.renew()
    later = people.authenticate(secret)
    assert later is None
    people.users.enable(ROOT, user.id)
    ground = people.authenticate(secret).actor.ground
    people.users.update(ROOT, user.id, expires_at=people.clock() - 1)
    with pytest.raises(NotSignedIn):
        ground.renew()


# -- every way in, whatever ends the account

WAYS = ("password", "session", "remembered session", "token", "remembered token", "set-up link")


def doors(people: People) -> dict[str, Callable[[], bool]]:
    """What lets `ada` in, and `new`, who has no password yet, half a day later: each door says whether it is open."""
    token = token_of(people, people.users.find(ROOT, "ada"))
    people.clock.pass_(hours=12)
    link, secret = people.users.invite(ROOT, people.users.find(ROOT, "new").id), sign_in(people)

    def opens(call: Callable[[], object]) -> bool:
        with suppress(BadCredentials, NotFound):
            return bool(call())
        return False

    return {
        "password": lambda: opens(lambda: sign_in(people)),
        "session": lambda: by_session(people, secret),
        "remembered session": lambda: by_session(people, secret, remembered=True),
        "token": lambda: by_token(people, token),
        "remembered token": lambda: by_token(people, token, remembered=True),
        "set-up link": lambda: opens(lambda: people.users.open_invite(people.visitor(), link)),
    }


# A session lives for hours, and begins with a sign-in: no days without one end it.
@pytest.mark.parametrize(
    ("ended_by", "way"),
    [("date", way) for way in WAYS]
    + [(f"{whose} days", way) for whose in ("own", "a role's", "the site's") for way in WAYS if "session" not in way],
)
def test_Z9_an_account_that_is_over_lets_nobody_in_by_any_way(people: People, ended_by: str, way: str) -> None:
    if ended_by == "the site's days":
        people.with_policy(AccountPolicy(1))
    days = 1 if ended_by == "a role's days" else 0
    people.roles.create(ROOT, name="guests", permissions=["files:read", "tokens:own"], inactive_days=days)
    own = {"inactive_days": 1} if ended_by == "own days" else {}
    for name, password in (("ada", PASSWORD), ("new", "")):
        people.users.create(ROOT, username=name, password=password, roles=("guests",), **own)
    door = doors(people)[way]
    # Who has signed in a moment ago has a day from then on.
    over = people.clock() + (DAY_MS if way != "set-up link" else DAY_MS // 2)
    if ended_by == "date":
        over = people.clock() + HOUR_MS // 6
        for name in ("ada", "new"):
            people.users.update(ROOT, people.users.find(ROOT, name).id, expires_at=over)
    people.clock.pass_(ms=over - people.clock() - 1)
    if ended_by == "date" or way != "password":
        assert door(), "open to the last millisecond"
    people.clock.pass_(ms=1)
    assert not door()


# -- days without signing in


def test_days_without_signing_in_count_from_the_last_sign_in(people: People) -> None:
    people.with_policy(AccountPolicy(10))
    user = people.user("ada")
    people.clock.pass_(ms=10 * DAY_MS - 1)
    sign_in(people)
    people.clock.pass_(ms=10 * DAY_MS - 1)
    token = token_of(people, user)
    assert by_token(people, token)
    people.clock.pass_(ms=1)
    assert not by_token(people, token)
    with pytest.raises(BadCredentials):
        sign_in(people)
    people.users.enable(ROOT, user.id)
    sign_in(people)


def test_a_sign_in_elsewhere_is_known_to_a_process_that_remembers_the_token(people: People) -> None:
    people.with_policy(AccountPolicy(10))
    user = people.user("ada")
    token = token_of(people, user)
    assert by_token(people, token)
    people.clock.pass_(days=9)
    sign_in(people)  # changes no version
    people.clock.pass_(days=9)
    assert by_token(people, token, remembered=True)


@pytest.mark.parametrize(
    ("own", "role", "days", "source"),
    [
        (None, 0, 90, "the site"),
        (None, 30, 30, "the role guests"),
        (7, 30, 7, "the user"),
        (0, 30, 0, "the user"),
    ],
)
def test_whose_number_holds(people: People, own: int | None, role: int, days: int, source: str) -> None:
    people.with_policy(AccountPolicy(90))
    people.roles.create(ROOT, name="guests", permissions=["files:read"], inactive_days=role)
    user = people.user("ada", "guests", "user")
    user = people.users.update(ROOT, user.id, inactive_days=own)
    standing = people.users.standings()(user)
    assert (standing.rule.days, standing.rule.words) == (days, source)


def test_the_warning_says_what_is_next_and_when(people: People) -> None:
    user = expiring(people, 40 * DAY_MS)
    assert people.users.standings()(user).warned is None
    people.clock.pass_(days=10)
    warned = people.users.standings()(user).warned
    assert warned is not None
    assert (warned.why, warned.at) == (Why.EXPIRED, user.expires_at)
    people.clock.pass_(days=30)
    standing = people.users.standings()(user)
    assert standing.warned is None
    assert standing.ended == warned


# -- Z5


def two_admins(people: People) -> tuple[User, User]:
    return people.user("ann", ADMIN), people.user("bob", ADMIN)


@pytest.mark.parametrize("end", [{"expires_at": 1}, {"expires_at": 4_000_000_000_000}, {"inactive_days": 5}])
def test_z5_the_last_administrator_who_stays_gets_no_end(people: People, end: dict[str, int]) -> None:
    ann, bob = two_admins(people)
    people.users.update(ROOT, ann.id, **end)
    with pytest.raises(LastAdmin):
        people.users.update(ROOT, bob.id, **end)
    for act in (people.users.disable, people.users.delete):
        with pytest.raises(LastAdmin):
            act(ROOT, bob.id)
    with pytest.raises(LastAdmin):
        people.users.update(ROOT, bob.id, roles=["user"])


def test_z5_days_of_the_site_and_of_roles_are_not_for_administrators(people: People) -> None:
    people.with_policy(AccountPolicy(1))
    ann = people.user("ann", ADMIN)
    people.clock.pass_(days=1000)
    assert people.users.standings()(people.user_store.get(ann.id)).ended is None
    sign_in(people, "ann")


# -- the record


def test_records_from_before_are_open(people: People) -> None:
    user = people.user("ada")
    stored = people.db.call("HGETALL", people.keys.record("users", user.id))
    for name in ("expires_at", "inactive_days", "enabled_at"):
        people.db.call("HDEL", people.keys.record("users", user.id), name)
    assert stored
    old = people.user_store.get(user.id)
    assert old is not None
    assert people.users.standings()(old).ending is None
    sign_in(people)


def test_enabling_takes_a_past_date_away_and_is_one_entry(people: People) -> None:
    user = expiring(people, HOUR_MS)
    people.clock.pass_(ms=HOUR_MS)
    enabled = people.users.enable(ROOT, user.id)
    assert (enabled.expires_at, enabled.status) == (0, UserStatus.ACTIVE)
    [entry] = people.entries(Actions.USER_ENABLE)
    assert entry.event["changes"] == {"expires_at": [user.expires_at, 0]}


@pytest.mark.parametrize("bad", [{"expires_at": -1}, {"expires_at": 10**18}, {"inactive_days": -1}])
def test_numbers_out_of_bounds_are_refused(people: People, bad: dict[str, int]) -> None:
    user = people.user("ada")
    with pytest.raises(Invalid) as refused:
        people.users.update(ROOT, user.id, **bad)
    assert refused.value.details["field"] == next(iter(bad))
