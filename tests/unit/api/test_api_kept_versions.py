"""How many earlier versions there can be, and what they count for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.access import ANONYMOUS, system_actor
from backoffice.domain.files import File
from backoffice.errors import NotFound
from tests.support.api_site import SHELL, Person, Site, make_site, problem
from tests.support.file_versions import content, reports, versions


def test_so_many_versions_are_kept_and_the_oldest_goes(fake: Redis) -> None:
    site = make_site(fake, keep_versions=2)
    ann = site.person("ann")
    file_id = reports(ann, b"1", b"22", b"333", b"4444")
    assert [one["number"] for one in versions(ann, file_id)] == [3, 2]
    assert ann.get("/limits").json["used"] == 10, "until the worker frees it"
    assert not site.services.files.collect()
    assert ann.get("/limits").json["used"] == 9


def test_where_none_is_kept_the_old_bytes_go_and_it_takes_the_right_to_delete(fake: Redis) -> None:
    site = make_site(fake, keep_versions=0)
    ann = site.person("ann")
    file_id = ann.upload("a.txt", b"old")
    writer = site.narrowed(ann, "files:read", "files:write")
    problem(content(writer, file_id, b"x"), 403, "not_allowed")
    problem(writer.put("a.txt?on_conflict=replace", b"x"), 403, "not_allowed")
    assert content(ann, file_id, b"newer").json["number"] == 2
    assert ann.put("a.txt?on_conflict=replace", b"newest").json["id"] == file_id
    assert versions(ann, file_id) == []
    site.services.files.collect()
    assert ann.get("/limits").json["used"] == 6
    assert len(fake.keys("file:*")) == 1


def test_versions_count_against_the_quota_and_have_a_number_of_their_own(fake: Redis) -> None:
    site = make_site(fake, quota_bytes=10, max_files=2)
    ann = site.person("ann")
    file_id = reports(ann, b"1234", b"5678")
    problem(content(ann, file_id, b"abc"), 413, "quota_exceeded")
    assert content(ann, file_id, b"ab").status_code == 200
    refused = problem(content(ann, file_id, b""), 413, "quota_exceeded")
    assert refused["files"] == 2
    ann.call("DELETE", f"/files/{file_id}/versions/{versions(ann, file_id)[0]['id']}")
    assert content(ann, file_id, b"").status_code == 200


def test_they_go_and_come_with_the_folder_that_their_file_lies_in(site: Site, ann: Person) -> None:
    folder = ann.call("POST", "/folders", json={"name": "Reports"}).json["id"]
    file_id = ann.put(f"a.txt?folder={folder}", b"one").json["id"]
    for data in (b"two", b"three"):
        content(ann, file_id, data)
    ann.call("POST", f"/folders/{folder}/trash")
    problem(ann.get(f"/files/{file_id}/versions"), 404, "not_found")
    assert ann.get("/limits").json["used"] == 11
    ann.call("POST", f"/folders/{folder}/restore")
    assert [one["number"] for one in versions(ann, file_id)] == [2, 1]
    ann.call("POST", f"/folders/{folder}/trash")
    assert ann.call("POST", f"/folders/{folder}/purge").status_code == 204
    site.services.files.collect()
    assert ann.get("/limits").json["used"] == 0
    assert not site.store.keys("file:*")
    sound(site)


def test_a_file_that_is_handed_over_takes_them_along(site: Site, ann: Person) -> None:
    bob, olga = site.person("bob"), site.person("olga", "operator")
    file_id = reports(ann, b"one", b"two", b"three")
    assert olga.call("PATCH", f"/files/{file_id}", json={"owner": bob.id}).status_code == 200
    assert (ann.get("/limits").json["used"], bob.get("/limits").json["used"]) == (0, 11)
    problem(ann.get(f"/files/{file_id}/versions"), 404, "not_found")
    assert [one["stored_by_id"] for one in versions(bob, file_id)] == [ann.id, ann.id]
    content(bob, file_id, b"mine")
    assert [one["stored_by_id"] for one in versions(bob, file_id)] == [ann.id] * 3
    content(bob, file_id, b"again")
    assert versions(bob, file_id)[0]["stored_by_id"] == bob.id
    sound(site)


def test_a_share_link_leads_to_what_the_file_holds_now(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"two")
    link = ann.call("POST", "/links", json={"file": file_id})
    assert link.status_code == 201, link.text
    content(ann, file_id, b"three")
    shared = site.services.links.look(ANONYMOUS, link.json["url"].rpartition("/s/")[2])
    assert isinstance(shared.object, File)
    assert shared.object.size == 5


def test_an_archive_has_what_the_files_held_when_it_was_begun(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"two")
    first = ann.get(f"/files.zip?id={file_id}")
    assert b"two" in first.data
    content(ann, file_id, b"three")
    second = ann.get(f"/files.zip?id={file_id}")
    assert b"three" in second.data
    assert second.headers["ETag"] != first.headers["ETag"]


def test_an_archive_ends_where_a_file_holds_something_else_by_then(site: Site, ann: Person) -> None:
    actor = replace(SHELL, id=ann.id)
    large, small = ann.upload("large.bin", bytes(200_000)), ann.upload("small.bin", b"one")
    archive = site.services.zips.open(actor, [large, small])
    parts = archive.read()
    next(parts)
    content(ann, small, b"another one")
    with pytest.raises(NotFound):
        b"".join(map(bytes, parts))


def test_what_is_read_goes_on_with_what_the_file_held(site: Site, ann: Person) -> None:
    data = bytes(range(256)) * 1024
    file_id = ann.upload("large.bin", data)
    parts = site.services.files.open(replace(SHELL, id=ann.id), file_id).read()
    first = bytes(next(parts))
    content(ann, file_id, b"small")
    assert first + b"".join(map(bytes, parts)) == data


def sound(site: Site) -> None:
    """`fsck` finds nothing."""
    site.services.maintenance.check(
        system_actor("test", "shell"), on_finding=lambda *found: pytest.fail(str(found)), on_progress=lambda *_: None
    )
