"""How many earlier versions there can be, and what they count for."""

from __future__ import annotations

from redis import Redis

from tests.support.api_site import make_site, problem
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
