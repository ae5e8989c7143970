"""Jobs over HTTP, and leaving."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import fakeredis
import pytest
from werkzeug.test import TestResponse

from backoffice.domain.nouns import all_permissions
from backoffice.secret import Secret
from backoffice.web.api.job_kinds import Kind
from tests.support.api_site import Person, Site, make_site, problem


def start(person: Person, kind: str, **more: Any) -> TestResponse:
    return person.call("POST", "/jobs", json={"kind": kind, **more})


def work(site: Site) -> None:
    while site.services.jobs.runner.run_some():
        pass


def test_a_job_is_foreseen_started_watched_and_reported(site: Site, ann: Person) -> None:
    olga = site.person("olga", "operator")
    ids = [ann.upload(f"draft-{n}.txt") for n in range(3)]
    wanted = {
        "kind": "file.trash",
        "filter": {"search": "draft", "equal": {"owner": ann.id}, "between": {"size": [1, None]}},
    }
    foreseen = olga.call("POST", "/jobs/preview", json=wanted)
    assert foreseen.status_code == 200
    assert (foreseen.json["count"], foreseen.json["bytes"], foreseen.json["people"]) == (3, 15, 1)
    assert {name for _, name in foreseen.json["sample"]} == {"draft-0.txt", "draft-1.txt", "draft-2.txt"}
    made = olga.call("POST", "/jobs", json=wanted)
    assert (made.status_code, made.json["state"], made.json["total"]) == (202, "queued", 3)
    work(site)
    report = olga.get(made.headers["Location"]).json
    assert (report["state"], report["done"], report["refused"], report["absent"]) == ("done", 3, 0, 0)
    assert ann.get("/files").json["items"] == []
    again = start(olga, "file.trash", ids=ids).headers["Location"]
    work(site)
    assert (olga.get(again).json["done"], olga.get(again).json["absent"]) == (0, 3)
    assert [one["id"] for one in olga.get("/jobs?state=done").json["items"]] == [
        again.removeprefix("/jobs/"),
        made.json["id"],
    ]


def test_who_may_start_see_and_stop_one(site: Site, ann: Person) -> None:
    olga, audrey = site.person("olga", "operator"), site.person("audrey", "auditor")
    made = start(olga, "file.tag", filter={}, args={"add": ["x"]}) if ann.upload() else None
    assert made is not None
    path = made.headers["Location"]
    assert audrey.get(path).status_code == 200
    assert audrey.get("/jobs?all=1").json["total"] == 1
    problem(audrey.get("/jobs"), 403, "not_allowed")
    problem(ann.get(path), 403, "not_allowed")
    problem(start(ann, "file.trash", filter={}), 403, "not_allowed")
    problem(audrey.call("POST", f"{path}/stop"), 403, "not_allowed")
    assert olga.call("POST", f"{path}/stop").json["state"] == "stopping"
    work(site)
    assert olga.get(path).json["state"] == "stopped"
    problem(olga.get("/jobs/nonsense"), 404, "not_found")


def test_a_token_reaches_no_further_than_its_scopes(site: Site, ann: Person) -> None:
    olga = site.person("olga", "operator")
    mine = ann.upload()
    narrow = site.narrowed(olga, "jobs:write", "files:read", "files:delete")
    problem(start(narrow, "file.trash", filter={}), 403, "not_allowed")
    made = start(narrow, "file.trash", ids=[mine])
    work(site)
    assert (made.status_code, olga.get(made.headers["Location"]).json["absent"]) == (202, 1)
    assert [one["id"] for one in ann.get("/files").json["items"]] == [mine]
    # What takes a password that was just given takes a person.
    problem(start(olga, "user.disable", ids=[ann.id]), 403, "not_allowed")
    problem(olga.call("POST", f"/admin/users/{ann.id}/leave", json={"files": "trash"}), 403, "not_allowed")
    problem(olga.get(f"/admin/users/{ann.id}/leave"), 403, "not_allowed")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "file.trash"},
        {"kind": "file.trash", "ids": []},
        {"kind": "file.trash", "ids": ["a" * 22], "filter": {}},
        {"kind": "file.burn", "filter": {}},
        {"kind": "file.trash", "ids": ["../../x"]},
        {"kind": "file.trash", "ids": ["0" * 22] * 1001},
        {"kind": "file.trash", "filter": {"equal": {"colour": "red"}}},
        {"kind": "file.trash", "filter": {"between": {"size": [1]}}},
        {"kind": "file.trash", "filter": {"between": {"name": [1, 2]}}},
        {"kind": "file.trash", "filter": {"search": "x" * 300}},
        {"kind": "file.trash", "filter": {}, "args": {"owner": "x"}},
        {"kind": "file.tag", "filter": {}, "args": {"add": [1]}},
        {"kind": "file.tag", "filter": {}, "args": {"add": ["x" * 51]}},
        {"kind": "file.transfer", "filter": {}, "args": {"owner": {"a": 1}}},
        {"kind": "file.transfer", "filter": {}},
        {"kind": "file.trash", "filter": {"equal": {"owner": "nobody"}}},
    ],
)
def test_bad_input_starts_nothing(site: Site, body: dict[str, Any]) -> None:
    olga = site.person("olga", "operator")
    olga.upload()
    problem(olga.call("POST", "/jobs", json=body), 400, "invalid")
    assert olga.get("/jobs").json["items"] == []


def test_programs_start_and_see_each_kind_that_a_site_may_have(tmp_path: Path) -> None:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")) as store:
        site = make_site(store, backup_dir=tmp_path, encryption_keys=(Secret("A" * 43 + "="),))
        jobs = site.services.jobs
        assert {*jobs.runner.bulk.kinds, *jobs.checks.kinds} == set(get_args(Kind))
        rosa = site.person("rosa", "admin", scopes=all_permissions())
        for kind in jobs.checks.kinds:
            made = start(rosa, kind)
            assert (made.status_code, made.json["kind"]) == (202, kind)
            assert rosa.get(made.headers["Location"]).json["kind"] == kind
        assert {one["kind"] for one in rosa.get("/jobs").json["items"]} == set(jobs.checks.kinds)


def test_a_job_that_a_later_version_started_is_told_by_its_name(site: Site) -> None:
    olga = site.person("olga", "operator")
    path = start(olga, "doctor").headers["Location"]
    jobs = site.services.jobs.store
    site.store.hset(jobs._keys.record("jobs", path.removeprefix("/jobs/")), "kind", "file.burn")  # type: ignore[attr-defined]
    assert (olga.get(path).json["kind"], olga.get("/jobs").json["items"][0]["kind"]) == ("file.burn", "file.burn")
