"""Undo over HTTP."""

from __future__ import annotations

from tests.support.api_site import Person, Site, problem


def entry_of(site: Site, action: str, file_id: str) -> str:
    page = site.services.undo.records.log.page((("object", f"file:{file_id}"), ("action", action)), "", 1)
    return page.items[0].id


def test_an_entry_is_undone_or_it_is_said_why_not(site: Site, ann: Person) -> None:
    olga = site.person("olga", "operator")
    file = ann.upload("first.txt")
    olga.call("PATCH", f"/files/{file}", json={"name": "second.txt"})
    renamed = entry_of(site, "file.rename", file)
    address = f"/admin/acts/{renamed}/undo"
    done = ann.call("POST", address)
    assert done.status_code == 200, done.json
    assert done.json == {
        "undone": [{"entry": renamed, "type": "file", "id": file, "back": {"name": "first.txt"}}],
        "jobs": [],
        "stays": [],
    }
    assert problem(ann.call("POST", address), 409, "already_undone")["by"] == "ann"
    ann.call("PATCH", f"/files/{file}", json={"name": "third.txt"})
    undoing = entry_of(site, "file.rename", file)
    olga.call("PATCH", f"/files/{file}", json={"name": "fourth.txt"})
    refused = problem(ann.call("POST", f"/admin/acts/{undoing}/undo"), 409, "changed_since")
    assert refused["by"] == "olga"
    assert refused["changed"] == {"name": {"before": "first.txt", "left": "third.txt", "now": "fourth.txt"}}
    made = entry_of(site, "file.create", file)
    assert problem(ann.call("POST", f"/admin/acts/{made}/undo"), 409, "not_reversible")
    bob = site.person("bob")
    for stranger, entry in ((bob, undoing), (bob, made), (ann, "1-0"), (ann, "nonsense")):
        assert problem(stranger.call("POST", f"/admin/acts/{entry}/undo"), 404, "not_found")


def test_what_was_made_is_gone_again_and_what_was_deleted_comes_back(site: Site, ann: Person) -> None:
    olga = site.person("olga", "operator")
    view = olga.call("POST", "/admin/views", json={"section": "files", "name": "mine", "query": ""})
    address = f"/admin/views/{view.json['id']}"
    assert olga.call("DELETE", address, headers={"If-Match": view.headers["ETag"]}).status_code == 204
    page = site.services.undo.records.log.page((("action", "view.delete"),), "", 1)
    back = olga.call("POST", f"/admin/acts/{page.items[0].id}/undo")
    assert back.json["undone"][0]["back"] == {
        "section": "files",
        "name": "mine",
        "query": "",
        "audience": "owner",
        "owner": view.json["owner"],
    }
    assert olga.get(address).json["name"] == "mine"
    page = site.services.undo.records.log.page((("action", "view.create"),), "", 1)
    assert problem(ann.call("POST", f"/admin/acts/{page.items[0].id}/undo"), 404, "not_found")
    gone = olga.call("POST", f"/admin/acts/{page.items[0].id}/undo")
    assert set(gone.json["undone"][0]["back"].values()) == {None}
    assert problem(olga.get(address), 404, "not_found")


def test_a_job_is_undone(site: Site, ann: Person) -> None:
    olga = site.person("olga", "operator")
    file = ann.upload("first.txt")
    job = olga.call("POST", "/jobs", json={"kind": "file.trash", "ids": [file]}).json["id"]
    assert problem(olga.call("POST", f"/jobs/{job}/undo"), 409, "conflict")
    while site.services.jobs.runner.run_some():
        pass
    undoing = olga.call("POST", f"/jobs/{job}/undo")
    assert (undoing.status_code, undoing.json["kind"], undoing.json["total"]) == (202, "undo", 1)
    while site.services.jobs.runner.run_some():
        pass
    assert olga.get(undoing.headers["Location"]).json["done"] == 1
    assert [one["id"] for one in ann.get("/files").json["items"]] == [file]
    foreseen = olga.call("POST", "/jobs/preview", json={"kind": "undo", "filter": {"equal": {"job": job}}})
    assert foreseen.json["sample"][0][1] == "first.txt"
    assert problem(ann.call("POST", f"/jobs/{job}/undo"), 403, "not_allowed")
