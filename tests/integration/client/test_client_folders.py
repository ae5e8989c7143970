"""Folders as `download` takes them along, and `--json`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.client_site import CHUNK, MANAGE, Person, ids, noise
from tests.support.fault_proxy import Relay
from tests.support.servers import wait_for


def tree(top: Path) -> dict[str, bytes | None]:
    """Path -> bytes of each file, None for a directory."""
    found = sorted(top.rglob("*"))
    return {str(one.relative_to(top)): one.read_bytes() if one.is_file() else None for one in found}


def uploaded(ann: Person, name: str = "album") -> tuple[str, Path]:
    """A directory on this machine and its folder on the site: the folder's identifier, and the directory."""
    album = ann.home / "from" / name
    (album / "2026" / "May").mkdir(parents=True)
    (album / "none").mkdir()
    for path, size in (("a.bin", 3 * CHUNK + 1), ("2026/b.bin", 10), ("2026/May/c.txt", 0), ("2026/May/d.bin", CHUNK)):
        (album / path).write_bytes(noise(size, len(path)))
    status, _, err = ann.run("upload", str(album))
    assert status == 0, err
    [folder] = [one["id"] for one in ann.client.list_items("/folders", [("parent", "")]) if one["name"] == name]
    return folder, album


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_folder_comes_with_all_that_is_in_it(ann: Person) -> None:
    folder, album = uploaded(ann)
    (ann.home / "to").mkdir()
    status, out, err = ann.run("download", folder, "--to", "to")
    assert status == 0, err
    assert sorted(out.splitlines()) == sorted(
        f"to/album/{path}" for path, data in tree(album).items() if data is not None
    )
    assert tree(ann.home / "to" / "album") == tree(album)

    # Once more: nothing is fetched, nothing is in the way. What is not the same is.
    (ann.home / "to" / "album" / "2026" / "b.bin").write_bytes(b"0123456789")
    status, _, err = ann.run("download", folder, "--to", "to")
    assert status == 1
    assert "b.bin exists; --force replaces it." in err
    assert (ann.home / "to" / "album" / "2026" / "b.bin").read_bytes() == b"0123456789"
    assert ann.run("download", folder, "--to", "to", "--force")[0] == 0
    assert tree(ann.home / "to" / "album") == tree(album)


def test_one_that_was_killed_goes_on_with_what_is_missing(ann: Person, net: Relay) -> None:
    folder, album = uploaded(ann)
    net.pause = 0.02
    command = [*MANAGE, "download", folder, "--url", net.url]
    process = subprocess.Popen(command, cwd=ann.home, env=ann.environ(), stdout=subprocess.DEVNULL)
    wait_for(lambda: (ann.home / "album" / "a.bin").exists() or process.poll() is not None, "the first is there", 30)
    process.kill()
    process.wait()
    net.pause, before = 0, net.down
    status, _, err = ann.run("download", folder, "--url", net.url)
    assert status == 0, err
    assert tree(ann.home / "album") == tree(album)
    assert net.down - before < 3 * CHUNK, "the first was not fetched again"


def test_a_folder_that_cannot_be_made_leaves_the_others_alone(ann: Person) -> None:
    folder, album = uploaded(ann)
    elsewhere = ann.home / "elsewhere"
    elsewhere.mkdir()
    (ann.home / "album").mkdir()
    (ann.home / "album" / "2026").symlink_to(elsewhere, target_is_directory=True)
    (ann.home / "album" / "none").write_bytes(b"mine")
    status, out, err = ann.run("download", folder, "--json")
    assert status == 1
    assert "album/2026: is not a directory" in err
    failed = [one for one in objects(out) if "error" in one]
    names = {one["id"]: one["name"] for one in ann.client.list_items("/folders", [("parent", folder)])}
    assert sorted(names[one["id"]] for one in failed) == ["2026", "none"]
    assert (ann.home / "album" / "a.bin").read_bytes() == (album / "a.bin").read_bytes()
    assert (ann.home / "album" / "none").read_bytes() == b"mine"
    assert tree(elsewhere) == {}


def test_what_a_site_calls_its_folders_leads_nowhere(ann: Person) -> None:
    folder, _ = uploaded(ann)
    elsewhere = ann.home / "elsewhere"
    elsewhere.mkdir()
    (ann.home / "album").symlink_to(elsewhere, target_is_directory=True)
    status, _, err = ann.run("download", folder)
    assert status == 1
    assert "is not a directory" in err
    assert not list(elsewhere.iterdir())


def test_what_is_no_file_and_no_folder(ann: Person) -> None:
    status, out, err = ann.run("download", "0123456789abcdefghijkl")
    assert (status, out) == (1, "")
    assert "0123456789abcdefghijkl" in err
    folder, _ = uploaded(ann)
    (ann.home / "taken").write_bytes(b"")
    assert ann.run("download", folder, "--to", "taken")[0] == 2


def test_objects_for_programs(ann: Person) -> None:
    ann.file("x y.bin", 5)
    status, out, _ = ann.run("upload", "x y.bin", "nowhere.bin", "--json")
    good, bad = objects(out)
    assert status == 1
    assert good == {"path": "x y.bin", "id": good["id"], "name": "x y.bin"}
    assert bad == {"path": "nowhere.bin", "error": bad["error"], "code": ""}
    status, out, _ = ann.run("download", good["id"], "0123456789abcdefghijkl", "--json", "--to", ".", "--force")
    got, missing = objects(out)
    assert status == 1
    assert got == {"id": good["id"], "path": "x y.bin", "size": 5, "verified": True}
    assert missing == {"id": "0123456789abcdefghijkl", "error": missing["error"], "code": "not_found"}
    assert list(ids(ann.run("upload", "x y.bin")[1])) == ["x y (2).bin"]


def test_an_upload_goes_into_a_folder_that_is_named(ann: Person) -> None:
    """By a path, which is made once, and by its identifier; small files, larger ones, directories, standard input."""
    ann.file("small.bin", 10)
    ann.file("large.bin", 3 * CHUNK)
    (ann.home / "trip" / "empty").mkdir(parents=True)
    ann.file("trip/in.bin", 10)
    assert ann.run("upload", "small.bin", "large.bin", "--folder", "in/2026")[0] == 0
    places = {one["name"]: one for one in ann.client.list_items("/folders", [])}
    assert places["2026"]["parent"] == places["in"]["id"]
    assert ann.run("upload", "trip", "--folder", places["2026"]["id"])[0] == 0
    made = {one["name"]: one for one in ann.client.list_items("/folders", [])}
    assert made.keys() == {"in", "2026", "trip", "empty"}
    assert (made["trip"]["parent"], made["empty"]["parent"]) == (made["2026"]["id"], made["trip"]["id"])
    assert {name: one["folder"] for name, one in ann.files().items()} == {
        "small.bin": made["2026"]["id"],
        "large.bin": made["2026"]["id"],
        "in.bin": made["trip"]["id"],
    }


def test_an_upload_says_when_there_is_no_such_folder(ann: Person) -> None:
    """What looks like an identifier is no new name, unless it is written as a path."""
    ann.file("small.bin", 10)
    looks = "a" * 22
    for named, told in ((looks, f"There is no folder {looks}"), ("/", "names no folder"), ("a/../b", "name")):
        status, out, err = ann.run("upload", "small.bin", "--folder", named)
        assert (status, out) == (1, ""), named
        assert told in err, named
    assert not ann.files()
    assert not list(ann.client.list_items("/folders", []))
    assert ann.run("upload", "small.bin", "--folder", f"/{looks}")[0] == 0
    [folder] = ann.client.list_items("/folders", [])
    assert (folder["name"], ann.files()["small.bin"]["folder"]) == (looks, folder["id"])
