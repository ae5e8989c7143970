"""`manage.py request`: a link by which others send files, made from the command line."""

from __future__ import annotations

import json

from tests.support.client_site import Person


def test_a_request_is_made_and_its_address_told(ann: Person) -> None:
    status, out, _ = ann.run("request", "Reports", "--folder", "in/2026", "--days", "5", "--max-files", "3")
    assert status == 0
    assert out.startswith("http")
    assert "/s/" in out
    [link] = ann.client.list_items("/links", [])
    assert (link["kind"], link["name"]) == ("request", "Reports")
    about = ann.client.request("GET", f"/requests/{link['id']}").json()
    assert (about["max_files"], about["review"], about["message"]) == (3, True, "")
    path = ann.client.request("GET", f"/folders/{link['folder']}/path").json()["items"]
    assert [one["name"] for one in path] == ["in", "2026"]
    # The same folder, by its identifier.
    status, out, _ = ann.run("request", "More reports", "--folder", link["folder"], "--json")
    assert (status, json.loads(out)["folder"]) == (0, link["folder"])


def test_all_of_it_in_json_for_scripts(ann: Person) -> None:
    (ann.home / "password").write_text("violet harbour 93\n")
    options = ["--max-size", "5MB", "--max-file-size", "1MiB", "--type", "pdf", "--type", "image/*", "--at-once"]
    status, out, _ = ann.run("request", "T", "--json", "--password-file", str(ann.home / "password"), *options)
    made = json.loads(out)
    assert status == 0
    assert (made["max_bytes"], made["max_file_size"], made["types"]) == (5_000_000, 2**20, [".pdf", "image/*"])
    assert (made["has_password"], made["review"], made["state"]) == (True, False, "open")
    status, out, _ = ann.run("request", "T", "--json", "--password-file", "-", typed="violet harbour 93\n")
    assert (status, json.loads(out)["has_password"]) == (0, True)


def test_what_does_not_do_is_told(ann: Person) -> None:
    (ann.home / "empty").write_text("\n")
    for options, told in (
        (["", "--max-files", "1"], "title"),
        (["T", "--max-size", "many"], "a size such as"),
        (["T", "--password-file", str(ann.home / "empty")], "no password"),
        (["T", "--password-file", str(ann.home / "none")], "cannot be read"),
        (["T", "--password-file", "-", "--token-file", "-"], "both the password and the token"),
        (["T", "--folder", "/"], "names no folder"),
        (["T", "--type", "a/b/c"], "no ending"),
        (["T", "--days", "9999"], "days"),
    ):
        status, out, err = ann.run("request", *options)
        assert (status in {1, 2}, out) == (True, ""), options
        assert told in err, options
    assert not list(ann.client.list_items("/links", []))
