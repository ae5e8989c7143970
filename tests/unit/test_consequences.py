"""What hangs on an account, as it is told before somebody disables or deletes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backoffice.domain.ids import new_id
from backoffice.errors import InUse, LastAdmin, NotAllowed, NotFound
from backoffice.services.consequences import Obstacle
from backoffice.web.admin import consequences as said
from tests.support.api_site import Site, imitated_site, problem
from tests.support.people import ROOT
from tests.support.scene import Scene


@pytest.fixture(scope="module")
def kept() -> Iterator[Site]:
    with imitated_site() as site:
        yield site


@pytest.fixture
def site(kept: Site) -> Site:
    return kept.clear()


@pytest.fixture
def scene(fake: object) -> Scene:
    return Scene(fake)  # type: ignore[arg-type]


def test_counts_what_a_user_has(scene: Scene) -> None:
    people = scene.people
    people.user("vera", "admin")
    ada = people.user("ada")
    scene.session(ada), scene.session(ada), scene.token(ada)
    scene.file(ada), scene.file(ada, trashed=True), scene.upload(ada)
    carl = people.user("carl")
    scene.session(carl), scene.token(carl), scene.file(carl)
    found = scene.consequences.of(ROOT, ada.id)
    assert (found.sessions, found.tokens, found.files, found.trashed, found.uploads) == (2, 1, 1, 1, 1)
    assert (found.used_bytes, found.reserved_bytes) == (6, 6)
    assert found.obstacles == (Obstacle.FILES, Obstacle.TRASH, Obstacle.UPLOADS)
    assert not found.last_admin


def test_what_others_reach_no_more_is_counted_and_said(scene: Scene) -> None:
    people = scene.people
    people.user("vera", "admin")
    ada = people.user("ada")
    scene.link(ada), scene.request(ada), scene.closed_link(ada), scene.share(ada), scene.closed_share(ada)
    found = scene.consequences.of(ROOT, ada.id)
    assert (found.links, found.shares) == (2, 1)
    assert "2 share links and 1 share are shut until an operator opens them again." in said.disabling(found)
    assert said.shut(scene.consequences.of(ROOT, people.user("nobodys-friend").id)) == []


def test_it_takes_two_round_trips(scene: Scene) -> None:
    people = scene.people
    people.user("vera", "admin")
    ada = people.user("ada")
    scene.session(ada), scene.token(ada), scene.file(ada)
    people.db.trips = 0
    scene.consequences.of(ROOT, ada.id)
    assert people.db.trips == 2


def test_what_ended_is_not_counted_again(scene: Scene) -> None:
    """The records of a disabled user's sessions and tokens are there still, and let nobody in."""
    people = scene.people
    ada = people.user("ada")
    scene.session(ada), scene.token(ada)
    people.users.disable(ROOT, ada.id)
    found = scene.consequences.of(ROOT, ada.id)
    assert (found.sessions, found.tokens) == (0, 0)
    people.users.enable(ROOT, ada.id)
    found = scene.consequences.of(ROOT, ada.id)
    assert (found.sessions, found.tokens) == (0, 0)


def test_what_an_account_that_is_over_has_is_no_way_in(scene: Scene) -> None:
    people = scene.people
    ada = people.user("ada")
    scene.session(ada), scene.token(ada)
    people.users.update(ROOT, ada.id, expires_at=people.clock() + 1)
    people.clock.pass_(ms=1)
    found = scene.consequences.of(ROOT, ada.id)
    assert (found.sessions, found.tokens) == (0, 0)


def test_nobody_is_told_of_an_account_that_is_not_there_or_not_theirs(scene: Scene) -> None:
    people = scene.people
    ada, carl = people.user("ada"), people.user("carl")
    with pytest.raises(NotAllowed):
        scene.consequences.of(people.actor(carl), ada.id)
    with pytest.raises(NotFound):
        scene.consequences.of(ROOT, new_id())
    with pytest.raises(NotFound):
        scene.consequences.of(ROOT, "../x")
    assert scene.consequences.of(people.actor(ada), ada.id).files == 0


def test_obstacles_are_what_the_store_refuses_for(scene: Scene) -> None:
    """Asked before, and found true when it is tried."""
    people = scene.people
    vera, ada, free = people.user("vera", "admin"), people.user("ada"), people.user("free")
    scene.file(ada)
    for user, refusal in ((vera, LastAdmin), (ada, InUse)):
        assert scene.consequences.of(ROOT, user.id).obstacles
        with pytest.raises(refusal):
            people.users.delete(ROOT, user.id)
    assert scene.consequences.of(ROOT, free.id).obstacles == ()
    people.users.delete(ROOT, free.id)


def test_the_last_administrator_is_said_to_be_the_last(scene: Scene) -> None:
    people = scene.people
    vera = people.user("vera", "admin")
    assert scene.consequences.of(ROOT, vera.id).obstacles == (Obstacle.LAST_ADMIN,)
    people.user("second", "admin")
    assert scene.consequences.of(ROOT, vera.id).obstacles == ()


def test_the_question_says_what_ends_and_what_is_in_the_way(scene: Scene) -> None:
    people = scene.people
    ada = people.user("ada")
    scene.session(ada), scene.session(ada), scene.token(ada), scene.file(ada)
    found = scene.consequences.of(ROOT, ada.id)
    assert said.disabling(found) == ["2 sessions and 1 token end for good.", "1 file stays (3 B)."]
    assert said.deleting(found) == ["1 file (3 B) first has to be handed over or moved to the trash."]
    people.users.disable(ROOT, ada.id)
    assert "Nobody is signed in" in said.disabling(scene.consequences.of(ROOT, ada.id))[0]


def test_programs_get_the_same_answer(site: Site) -> None:
    rosa, ada = site.person("vera", "admin"), site.person("ada")
    ada.upload()
    answer = rosa.get(f"/admin/users/{ada.id}/consequences")
    assert answer.json == {
        "files": 1,
        "trashed": 0,
        "waiting": 0,
        "used_bytes": 5,
        "uploads": 0,
        "reserved_bytes": 0,
        "sessions": 0,
        "links": 0,
        "shares": 0,
        "tokens": 1,
        "open_link": False,
        "last_admin": False,
        "obstacles": ["files"],
    }
    assert rosa.get(f"/admin/users/{rosa.id}/consequences").json["obstacles"] == ["last_admin"]
    problem(ada.get(f"/admin/users/{ada.id}/consequences"), 403, "not_allowed")
    problem(rosa.get("/admin/users/zzz/consequences"), 404, "not_found")


def test_what_waits_to_be_accepted_is_in_the_way_under_its_own_name(scene: Scene) -> None:
    people = scene.people
    people.user("vera", "admin")
    ada = people.user("ada")
    file_id = scene.delivery(ada)
    found = scene.consequences.of(ROOT, ada.id)
    assert (found.waiting, found.files, found.obstacles) == (1, 0, (Obstacle.WAITING,))
    assert said.deleting(found) == ["1 delivered file first has to be accepted or refused."]
    assert "1 delivered file that nobody has accepted stays (3 B)." in said.disabling(found)
    with pytest.raises(InUse, match="files"):
        people.users.delete(ROOT, ada.id)
    scene.deliveries.refuse(ROOT, file_id)
    assert scene.consequences.of(ROOT, ada.id).obstacles == ()
    people.users.delete(ROOT, ada.id)
