"""Data outlives the version that wrote it: a data directory of 0.1.0, opened by the code of today.

`fixtures/data-0.1.0.tar.xz` was written by 0.1.0 (`make_data.py` says how), `fixtures/data-0.1.0.json` says what is in
it. A later release adds a pair of its own and its name to VERSIONS; none is ever made anew.

What expires: uploads, trash and session live a hundred years, tokens ten (until November 2036: then this test says so);
the invitation is dead, and has to be dead in the way a person understands.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.data_script import Api, noise, sha256, sign_in
from tests.support.commands import typed_in
from tests.support.servers import ROOT, Site, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to count processes"),
]

VERSIONS = ("0.1.0",)


@dataclass(slots=True)
class Opened:
    """A site that runs on a copy of the archive."""

    api: Api
    data: Path
    held: dict[str, Any]
    """The manifest."""

    def ask(self, method: str, path: str, token: str = "all", body: object = None) -> Any:
        return Api.asked(self.api.send, method, path, self.held["tokens"][token], body)

    def status(self, method: str, path: str, token: str = "all") -> int:
        return self.api.open(method, path, None, {"Authorization": f"Bearer {self.held['tokens'][token]}"})[0]

    def bytes_of(self, file_id: str) -> bytes:
        header = {"Authorization": f"Bearer {self.held['tokens']['admin']}"}
        status, _, data = self.api.open("GET", f"/files/{file_id}", None, header)
        assert status == 200, data[:500]
        return data

    def command(self, *words: str, status: int = 0) -> str:
        ran = typed_in({"BACKOFFICE_DATA_DIR": str(self.data)}, *words)
        assert ran.returncode == status, ran.stdout + ran.stderr
        return ran.stdout

    def log(self, *words: str) -> list[dict[str, Any]]:
        """Entries of the old version, newest first."""
        found = [
            json.loads(line)
            for line in self.command("audit", "search", "-n", "9999", "--json", *words).split("\n")
            if line
        ]
        known = {entry["id"] for entry in self.held["log"]}
        return [entry for entry in found if entry["id"] in known]

    @property
    def ready(self) -> list[dict[str, Any]]:
        return [file for file in self.held["files"] if file["state"] == "ready"]

    @property
    def trashed(self) -> list[dict[str, Any]]:
        return [file for file in self.held["files"] if file["state"] == "trashed"]


@contextmanager
def opened(version: str, directory: Path, before: Callable[[Path], None] = lambda _: None) -> Iterator[Opened]:
    """`before` is what happens to the data directory before the site is started."""
    archive = ROOT / "fixtures" / f"data-{version}.tar.xz"
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    manifest = json.loads(archive.with_name(f"data-{version}.json").read_text("utf-8"))
    before(directory / "data")
    site = Site.start(directory / "data", "--workers", "1")
    try:
        yield Opened(Api(site.ready()), directory / "data", manifest)
        assert site.stop() == 0
    finally:
        site.close()


@pytest.fixture(scope="module", params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """For tests that only look."""
    with opened(request.param, tmp_path_factory.mktemp("old")) as found:
        yield found


@pytest.fixture(params=VERSIONS)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """For tests that change something."""
    with opened(request.param, tmp_path) as found:
        yield found


# -- looking


def test_users_sign_in_with_their_passwords(old: Opened) -> None:
    for user in old.held["users"]:
        status, headers = sign_in(old.api, user["username"], old.held["password"])
        if user["status"] == "active":
            home = "/admin/" if "admin" in user["roles"] else "/"
            assert (status, headers["Location"]) == (303, home), user
        else:
            assert status == 401, user
    assert {user["status"] for user in old.held["users"]} == {"active", "invited", "disabled"}
    assert sign_in(old.api, "ada", "not the password")[0] == 401


def test_a_session_goes_on(old: Opened) -> None:
    headers = {"Cookie": f"backoffice={old.held['session']}", "Accept": "text/html"}
    status, _, page = old.api.open("GET", "/account", None, headers)
    assert status == 200
    assert "ada" in page.decode()


def test_an_invitation_is_good_for_a_day_and_then_says_so(old: Opened) -> None:
    [invited] = [user for user in old.held["users"] if user["status"] == "invited"]
    age = datetime.now(UTC) - datetime.fromisoformat(invited["created_at"])
    status = old.api.open("GET", old.held["invitation"], None, {"Accept": "text/html"})[0]
    assert status == (200 if age < timedelta(days=1) else 404)


def test_tokens_do_what_they_did(old: Opened) -> None:
    file_id = old.ready[0]["id"]
    assert old.status("GET", "/files") == 200
    assert old.status("GET", f"/files/{file_id}", "narrow") == 200
    assert old.status("DELETE", f"/files/{file_id}", "narrow") == 403
    assert old.status("GET", "/files", "revoked") == 401
    assert old.status("GET", "/admin/users") == 403
    assert old.status("GET", "/admin/users", "admin") == 200


def test_users_and_roles_are_what_they_were(old: Opened) -> None:
    def lasting(path: str, held: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What was held, and the same fields of now: later versions have more of them."""
        have = old.ask("GET", path, "admin")["items"]
        was = [{name: value for name, value in one.items() if name != "last_login_at"} for one in held]
        return [{name: now[name] for name in then} for now, then in zip(have, was, strict=True)], was

    users, users_held = lasting("/admin/users", old.held["users"])
    roles, roles_held = lasting("/admin/roles", old.held["roles"])
    for now, then in zip(roles, roles_held, strict=True):
        if now["built_in"]:  # a later version gives them what it has that is new
            assert set(now.pop("permissions")) >= set(then.pop("permissions"))
    assert (users, roles) == (users_held, roles_held)
    found = old.ask("GET", "/admin/users?q=ada", "admin")["items"]
    assert [user["email"] for user in found] == ["ada@example.org"]
    found = old.ask("GET", "/admin/users?role=librarian", "admin")["items"]
    assert [user["username"] for user in found] == ["grace"]


def test_lists_have_the_same_files_in_the_same_order(old: Opened) -> None:
    for query, wanted in old.held["lists"].items():
        items = old.ask("GET", f"/files{query}", "admin" if "owner=" in query else "all")["items"]
        assert [file["id"] for file in items] == wanted, query
        assert wanted, query
    limits = old.ask("GET", "/limits")
    for name in ("quota", "used", "reserved"):
        assert limits[name] == old.held["limits"][name], name


def test_records_are_what_they_were(old: Opened) -> None:
    found = old.ask("GET", "/files?owner=*&limit=500", "admin")["items"]
    found += old.ask("GET", "/files?owner=*&state=trashed", "admin")["items"]
    now = {file["id"]: file for file in found}
    assert now.keys() == {file["id"] for file in old.held["files"]}
    for file in old.held["files"]:
        changing = set() if file["sha256"] else {"sha256", "version", "updated_at"}  # the worker takes it
        for name in file.keys() - changing:
            assert now[file["id"]][name] == file[name], (file["name"], name)


def test_every_file_comes_byte_for_byte_with_its_digest(old: Opened) -> None:
    sizes, counts = set(), set()
    for file in old.ready:
        data = old.bytes_of(file["id"])
        assert len(data) == file["size"], file["name"]
        assert sha256(data) == old.held["bytes"][file["id"]], file["name"]

        def digest(file: dict[str, Any] = file) -> object:
            return old.ask("GET", f"/files/{file['id']}/metadata", "admin")["sha256"]

        wait_for(digest, f"the digest of {file['name']} is taken", 60)
        assert digest() == sha256(data), file["name"]
        sizes.add(file["size"])
        counts.add(file["total_chunks"])
    assert 0 in sizes
    assert max(counts) > 128, "a file with several groups of chunks"
    for gone in [*old.held["purged"], *old.held["cancelled"], *(file["id"] for file in old.trashed)]:
        assert old.status("GET", f"/files/{gone}", "admin") == 404


def test_the_log_is_unchanged_and_found_by_each_index(old: Opened) -> None:
    entries = old.held["log"]
    assert old.log() == entries
    assert len({entry["event"]["action"] for entry in entries}) > 20
    one_of_each_noun = {entry["event"]["action"].partition(".")[0]: entry["event"]["action"] for entry in entries}
    for action in one_of_each_noun.values():
        wanted = [entry for entry in entries if entry["event"]["action"] == action]
        assert old.log("--action", action) == wanted, action
    for name in ("ada", "admin"):
        wanted = [entry for entry in entries if entry["event"]["actor"].get("name") == name]
        wanted = [entry for entry in wanted if entry["event"]["actor"].get("id")]
        assert wanted
        assert old.log("--actor", name) == wanted
    renamed = next(entry["event"]["object"] for entry in entries if entry["event"]["action"] == "file.rename")
    target = f"{renamed['type']}:{renamed['id']}"
    wanted = [entry for entry in entries if entry["event"].get("object", {}).get("id") == renamed["id"]]
    assert old.log("--object", target) == wanted
    assert len(old.log("--object", target, "--action", "file.rename", "--actor", "ada")) == 1


def test_everything_is_found_by_its_name(old: Opened) -> None:
    _search(old)


# -- changing


def test_after_the_migrations_fsck_finds_nothing(own: Opened) -> None:
    wait_for(
        lambda: typed_in({"BACKOFFICE_DATA_DIR": str(own.data)}, "migrate", "--check").returncode == 0, "all done", 30
    )
    assert "All is well." in own.command("fsck")
    _search(own)


def _search(site: Opened) -> None:
    """Each file by its whole name and by parts that an earlier version did not find."""
    for file in site.ready:
        found = site.ask("GET", f"/files?{urlencode({'q': file['name'], 'owner': '*', 'limit': 500})}", "admin")
        assert file["id"] in {one["id"] for one in found["items"]}, file["name"]
    for question, name in (
        ("resume cafe", "résumé à café.md"),
        ("RÉSUMÉ.MD", "résumé à café.md"),
        ("日本", "Größe ✓ 日本語.txt"),
        ("本語.txt", "Größe ✓ 日本語.txt"),
        ("dat", "empty.dat"),
        ("mpty", "empty.dat"),
        ("отчет", "отчёт за май.txt"),
    ):
        found = site.ask("GET", f"/files?{urlencode({'q': question, 'owner': '*'})}", "admin")
        assert [one["name"] for one in found["items"]] == [name], question


def test_the_work_goes_on_where_it_was_left(own: Opened) -> None:
    wait_for(lambda: "user names: no two look alike" in own.command("doctor"), "the worker has looked at the names", 30)
    own.command("user", "create", "d0ra", status=1)
    _complete(own)
    for file in own.trashed:
        restored = own.ask("POST", f"/files/{file['id']}/restore", "admin")
        assert restored["state"] == "ready"
        assert sha256(own.bytes_of(file["id"])) == own.held["bytes"][file["id"]]
    for file in own.ready[:2]:
        own.ask("DELETE", f"/files/{file['id']}", "admin")
        own.ask("POST", f"/files/{file['id']}/restore", "admin")
        own.ask("POST", f"/files/{file['id']}/rename", "admin", {"new_name": f"new {file['name']}"})
        own.ask("DELETE", f"/files/{file['id']}?purge=1", "admin")
        assert own.status("GET", f"/files/{file['id']}", "admin") == 404
    assert own.ask("PUT", "/files/one%20more.txt")["name"] == "one more.txt"
    own.command("user", "enable", "dora")
    assert sign_in(own.api, "dora", own.held["password"])[0] == 303
    assert "All is well." in own.command("fsck")


def _complete(own: Opened) -> None:
    """The unfinished upload gets the chunks that it lacks."""
    left = own.held["open"]
    file_id, sizes = left["file_id"], left["sizes"]
    [listed] = own.ask("GET", "/uploads")["items"]
    assert (listed["file_id"], listed["received"]) == (file_id, len(left["sent"]))
    assert own.ask("GET", f"/uploads/{file_id}")["missing"] == [[0, 0], [3, 3]]
    data = noise(sum(sizes), left["name"])
    headers = {"Authorization": f"Bearer {own.held['tokens']['all']}", "Content-Type": "application/octet-stream"}
    for index in {*range(len(sizes))} - {*left["sent"]}:
        query = urlencode({"file_id": file_id, "chunk_index": index, "total_chunks": len(sizes)})
        piece = data[sum(sizes[:index]) :][: sizes[index]]
        assert own.api.open("POST", f"/upload_chunk?{query}", piece, headers)[0] == 200
    body = {"file_id": file_id, "name": left["name"], "total_size": len(data), "sha256": left["sha256"]}
    assert own.ask("POST", "/upload_complete", body=body)["sha256"] == sha256(data) == left["sha256"]
    assert own.bytes_of(file_id) == data
