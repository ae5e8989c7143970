"""Records that an earlier version stored are brought into the indexes that came since, by the worker, once."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.files import FileSpec
from backoffice.domain.ids import secret_hash
from backoffice.domain.links import LinkKind
from backoffice.domain.paging import Query
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.users import User
from backoffice.services.uploads.cleanup import WORKER
from backoffice.stores.fsck import later_indexes
from backoffice.stores.fsck.quotas import QuotaCheck
from backoffice.stores.fsck.repair import ATTEMPTS, Repairer
from backoffice.stores.sessions import RedisSessions
from tests.support.people import event
from tests.support.scene import Scene
from tests.support.uploads import KEYS, OPERATOR, reader


@pytest.fixture
def scene(redis: Any) -> Scene:
    return Scene(redis)


@pytest.fixture
def owner(scene: Scene) -> User:
    return scene.people.user("ann")


def steps(scene: Scene, most: int = 1000) -> int:
    """What the worker does, until there is nothing left; how many steps that were."""
    cursor = ""
    for number in range(most):
        cursor = later_indexes.LaterIndexes(Repairer(scene.world.db, KEYS, WORKER, lambda *_: None)).step(cursor)
        if not cursor:
            return number + 1
    return most


def before_kinds(scene: Scene) -> None:
    """As a version left the store whose links all led to files."""
    scene.world.db.call("DEL", KEYS.index("links", "kind", LinkKind.FILE))
    scene.world.db.call("HDEL", KEYS.install, "indexes")


def to_files(scene: Scene) -> set[str]:
    held = scene.links.held(OPERATOR, Query(filters=(("kind", LinkKind.FILE),)), everybody=True)
    return {one.id for one in held.items}


def repairs(scene: Scene) -> list[dict[str, Any]]:
    return [one.event for one in scene.people.entries(Actions.SYSTEM_REPAIR)]


def test_links_from_before_there_were_kinds_are_found_by_theirs(scene: Scene, owner: User) -> None:
    links = {scene.link(owner) for _ in range(5)}
    request = scene.request(owner)
    before_kinds(scene)
    assert not to_files(scene), "which is what there was to mend"
    steps(scene)
    assert to_files(scene) == links
    assert scene.links.store.page(Query(filters=(("kind", LinkKind.REQUEST),))).items[0].id == request
    [event] = repairs(scene)
    assert (event["actor"]["name"], event["object"]["id"]) == ("worker", "links.kind")
    scene.world.assert_sound()


def test_it_is_done_once_and_in_steps(scene: Scene, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later_indexes, "TOGETHER", 2)
    links = {scene.link(owner) for _ in range(5)}
    before_kinds(scene)
    assert steps(scene, 2) == 2, "stopped there"
    assert len(to_files(scene)) == 4
    assert steps(scene) > 2, "and begun again"
    assert to_files(scene) == links
    assert steps(scene) == 1
    assert len(repairs(scene)) == 3
    scene.world.db.call("DEL", KEYS.index("links", "kind", LinkKind.FILE))
    assert steps(scene) == 1
    assert not to_files(scene), "what is lost later is for fsck"


def test_a_link_that_is_revoked_meanwhile_does_not_come_back(
    scene: Scene, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = scene.link(owner), scene.link(owner)
    before_kinds(scene)
    unhindered = Repairer._repair

    def repair(self: Repairer, *args: Any) -> None:
        monkeypatch.undo()
        scene.links.revoke(OPERATOR, one)
        unhindered(self, *args)

    monkeypatch.setattr(Repairer, "_repair", repair)
    steps(scene)
    assert to_files(scene) == {other}
    scene.world.assert_sound()


def test_folders_and_uploads_from_before_are_found_by_what_came_since(scene: Scene, owner: User) -> None:
    folder = scene.world.folders.create(scene.writer(owner), name="two words")
    scene.world.db.call("DEL", KEYS.index("folders", "words"))
    scene.world.db.call("HDEL", KEYS.install, "indexes")
    steps(scene)
    found = scene.world.folders.store.page(Query(search="words", filters=(("owner", owner.id),)))
    assert [one.id for one in found.items] == [folder.id]
    scene.world.assert_sound()


def test_what_versions_from_before_take_is_added_up(scene: Scene, owner: User) -> None:
    who, files = scene.writer(owner), scene.world.files
    file = scene.world.service.upload_stream(who, FileSpec(name="a.txt"), reader(b"the first"))
    for content in (b"two", b"three"):
        scene.world.service.replace_content(who, file.id, reader(content))
    assert files.versions_held(owner.id) == len(b"the first") + len(b"two")
    scene.world.db.call("HDEL", KEYS.quota(owner.id), "versions")
    scene.world.db.call("HDEL", KEYS.install, "indexes")
    scene.world.library.delete_version(who, file.id, scene.world.library.history(who, file.id).earlier[0].id)
    assert files.versions_held(owner.id) == 0, "less than nothing is not told"
    steps(scene)
    assert files.versions_held(owner.id) == len(b"the first")
    [event] = repairs(scene)
    assert event["object"]["id"] == owner.id
    scene.world.assert_sound()


def test_the_sum_of_who_is_at_work_all_the_time_is_right_in_the_end(
    scene: Scene, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it was added up others stored files of theirs, again and again: it was given up, and noted as done."""
    who, service = scene.writer(owner), scene.world.service
    file = service.upload_stream(who, FileSpec(name="a.txt"), reader(b"the first"))
    service.replace_content(who, file.id, reader(b"two"))
    scene.world.db.call("HDEL", KEYS.quota(owner.id), "versions")
    scene.world.db.call("HDEL", KEYS.install, "indexes")
    compare, others = QuotaCheck._compare, iter(range(3 * ATTEMPTS))

    def compare_beside(self: QuotaCheck, one: str) -> Any:
        found = compare(self, one)
        if next(others, None) is not None:
            service.upload_stream(who, FileSpec(name="b.txt"), reader(b"another one"))
        return found

    monkeypatch.setattr(QuotaCheck, "_compare", compare_beside)
    steps(scene)
    assert next(others, None) is None
    assert scene.world.files.versions_held(owner.id) == len(b"the first")
    scene.world.assert_sound()


def test_who_signed_in_when_and_from_where_is_known_of_those_from_before(scene: Scene, owner: User) -> None:
    """The list of sessions of an address goes with the last of them, as any other."""
    now, db = now_ms(), scene.world.db
    end = now + 3_600_000
    session = Session(secret_hash("s"), owner.id, 1, now, now, now, end, end, ip="192.0.2.7")
    RedisSessions(db, KEYS).insert(session, event())
    db.call("DEL", KEYS.index("sessions", "ip", "192.0.2.7"), KEYS.index("users", "signed_in"))
    db.call("HDEL", KEYS.install, "indexes")
    steps(scene)
    found = RedisSessions(db, KEYS).page(Query(filters=(("ip", "192.0.2.7"),)))
    assert [one.id for one in found.items] == [session.id]
    assert db.call("PEXPIRETIME", KEYS.index("sessions", "ip", "192.0.2.7")) == end
    assert db.call("ZCARD", KEYS.index("users", "signed_in")) == db.call("ZCARD", KEYS.index("users", "created"))
    scene.world.assert_sound()


def test_a_later_version_may_know_more_of_them(scene: Scene) -> None:
    steps(scene)
    db = scene.world.db
    db.call("HSET", KEYS.install, "indexes", f"{later_indexes.ALL} files.weight")
    assert later_indexes.are_later_indexes_up(db, KEYS)
    db.call("HSET", KEYS.install, "indexes", later_indexes.ALL.rpartition(" ")[0])
    assert not later_indexes.are_later_indexes_up(db, KEYS)


def test_a_new_store_has_nothing_to_bring_up(scene: Scene) -> None:
    assert steps(scene) == len(later_indexes.LATER)
    assert steps(scene) == 1
    assert not repairs(scene)
