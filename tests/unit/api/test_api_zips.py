"""Many files in one answer, over HTTP."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backoffice.domain.paging import Query
from backoffice.domain.zip_format import Entry, Layout
from backoffice.errors import BackofficeError
from backoffice.services import zips
from backoffice.services.zip_checksums import Checksums
from tests.support.api_site import KIB, SHELL, Person, Site, problem

CONTENTS = {"empty.txt": b"", "one.bin": bytes(range(256)) * 3, "many.bin": bytes(range(251)) * 700}
"""None, one and three chunks."""


def address(*ids: str, **more: str) -> str:
    return "/files.zip?" + "&".join([*(f"id={one}" for one in ids), *(f"{name}={text}" for name, text in more.items())])


def read(data: bytes) -> dict[str, bytes]:
    """What Python reads of it; each file is compared with its CRC-32."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {info.filename: found.read(info) for info in found.infolist()}


def uploaded(person: Person) -> list[str]:
    return [person.upload(name, data) for name, data in CONTENTS.items()]


def test_an_archive_of_files(ann: Person) -> None:
    ids = uploaded(ann)
    answer = ann.get(address(*ids))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="files.zip"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Last-Modified" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert read(answer.data) == CONTENTS
    head = ann.call("HEAD", address(*ids))
    assert {name: head.headers[name] for name in ("ETag", "Content-Length")} == {
        name: answer.headers[name] for name in ("ETag", "Content-Length")
    }


@pytest.mark.skipif(shutil.which("unzip") is None, reason="NEEDS unzip")
def test_unzip_finds_nothing_wrong(ann: Person, tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(ann.get(address(*uploaded(ann))).data)
    done = subprocess.run(["unzip", "-t", tmp_path / "all.zip"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_is_that_of_the_whole(site: Site, ann: Person) -> None:
    """Cut at each border of the structure, and a byte beside it."""
    ids = uploaded(ann)
    whole = ann.get(address(*ids))
    layout = Layout([Entry(name, len(data), 0) for name, data in CONTENTS.items()])
    borders = {0, layout.size, layout.directory_at, layout.directory_at + layout.directory_size}
    for one, offset in zip(layout.entries, layout.offsets, strict=True):
        borders |= {offset, offset + one.header_size, offset + one.header_size + one.size}
    borders |= {at for _, at in layout.directory_within(0, layout.size)}
    places = sorted({at + beside for at in borders for beside in (-1, 0, 1) if 0 <= at + beside <= layout.size})
    object.__setattr__(site.services.zips, "checksums", Checksums())
    for start in places[:-1]:
        stops = [stop for stop in (start + 1, start + 70_000, layout.size) if stop <= layout.size]
        for stop in stops:
            answer = ann.get(address(*ids), headers={"Range": f"bytes={start}-{stop - 1}"})
            assert answer.status_code == 206
            assert answer.data == whole.data[start:stop], (start, stop)
            assert answer.headers["ETag"] == whole.headers["ETag"]


def test_a_part_that_takes_too_much_reading_is_not_sent_by_itself(
    site: Site, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = uploaded(ann)
    size = int(ann.call("HEAD", address(*ids)).headers["Content-Length"])
    many = len(CONTENTS["many.bin"])
    monkeypatch.setattr(zips, "MAX_UNSENT", many)
    object.__setattr__(site.services.zips, "checksums", Checksums())
    assert ann.get(address(*ids), headers={"Range": "bytes=0-9"}).status_code == 206
    assert ann.get(address(*ids), headers={"Range": f"bytes={size - 22}-"}).status_code == 206
    answer = ann.get(address(*ids), headers={"Range": f"bytes={size - 80}-"})
    assert answer.status_code == 206  # the directory of the last file alone
    object.__setattr__(site.services.zips, "checksums", Checksums())
    answer = ann.get(address(*ids), headers={"Range": f"bytes={size - 300}-"})
    assert (answer.status_code, len(answer.data)) == (200, size)
    # All of them have been read now.
    assert ann.get(address(*ids), headers={"Range": f"bytes={size - 300}-"}).status_code == 206


def test_conditions(ann: Person) -> None:
    ids = uploaded(ann)
    tag = ann.get(address(*ids)).headers["ETag"]
    assert ann.get(address(*ids), headers={"If-None-Match": tag}).status_code == 304
    problem(ann.get(address(*ids), headers={"If-Match": '"other"'}), 412, "version_mismatch")
    asked = {"Range": "bytes=5-9"}
    assert ann.get(address(*ids), headers={**asked, "If-Range": tag}).status_code == 206
    assert ann.get(address(*ids), headers={**asked, "If-Range": '"other"'}).status_code == 200
    # It has no date that could say that it is the same.
    date = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert ann.get(address(*ids), headers={**asked, "If-Range": date}).status_code == 200
    assert ann.get(address(*ids), headers={"If-Modified-Since": date}).status_code == 200
    ann.call("POST", f"/files/{ids[0]}/rename", json={"new_name": "other.txt"})
    assert ann.get(address(*ids), headers={**asked, "If-Range": tag}).status_code == 200


def test_the_files_that_conditions_find(site: Site, ann: Person, root: Person) -> None:
    for name in ("a.txt", "b.txt"):
        ann.put(name, name.encode(), query_string={"tag": "trip"})
    ann.upload("c.txt", b"c.txt")
    bob = site.person("bob")
    bob.put("a.txt", b"other", query_string={"tag": "trip"})
    assert list(read(ann.get("/files.zip").data)) == ["a.txt", "b.txt", "c.txt"]
    assert list(read(ann.get("/files.zip?tag=trip").data)) == ["a.txt", "b.txt"]
    assert read(ann.get("/files.zip?q=b").data) == {"b.txt": b"b.txt"}
    assert read(root.get("/files.zip?owner=*&tag=trip").data) == {
        "a.txt": b"a.txt",
        "b.txt": b"b.txt",
        "a (2).txt": b"other",
    }
    problem(ann.get("/files.zip?q=nothing"), 404, "not_found")
    problem(ann.get("/files.zip?owner=*"), 403, "not_allowed")
    problem(ann.get(f"/files.zip?owner={bob.id}"), 403, "not_allowed")
    problem(ann.get("/files.zip?id=x&q=a"), 400, "invalid")


def test_F9_one_that_is_not_there_refuses_all_and_is_named(site: Site, ann: Person) -> None:
    ids, foreign = uploaded(ann), site.person("bob").upload("secret.txt")
    gone = ann.upload("gone.txt")
    ann.call("DELETE", f"/files/{gone}")
    wrong = ["x" * 22, "../../etc", foreign, gone]
    for one in wrong:
        found = problem(ann.get(address(ids[0], one, ids[1])), 404, "not_found")
        assert found["ids"] == [one]
    assert set(problem(ann.get(address(*ids, *wrong)), 404, "not_found")["ids"]) == set(wrong)


def test_who_may_read_all_may_take_all_along(site: Site, root: Person) -> None:
    mine, theirs = root.upload("a.txt", b"mine"), site.person("bob").upload("a.txt", b"theirs")
    assert read(root.get(address(mine, theirs)).data) == {"a.txt": b"mine", "a (2).txt": b"theirs"}


def test_its_name(ann: Person) -> None:
    one = ann.upload("a.txt")
    for given, called in (("trip", "trip.zip"), ("trip.ZIP", "trip.ZIP")):
        answer = ann.get(address(one, name=given))
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{called}"'
    problem(ann.get(address(one, name="..%2Fa")), 400, "invalid")


def downloads(site: Site, *files: str) -> list[list[dict[str, Any]]]:
    """What the log says of the downloads of each file, newest first."""
    wanted = ("action", "file.download")
    pages = [site.services.audit.page(SHELL, filters=(("object", f"file:{one}"), wanted)) for one in files]
    return [[entry.event["data"] for entry in page.items] for page in pages]


def test_each_file_is_recorded_as_downloaded_for_what_is_sent_of_it(site: Site, ann: Person) -> None:
    ids = uploaded(ann)
    ann.call("HEAD", address(*ids))
    whole = ann.get(address(*ids))
    ann.get(address(*ids), headers={"If-None-Match": whole.headers["ETag"]})
    sizes = [len(data) for data in CONTENTS.values()]
    assert downloads(site, *ids) == [[{"size": size}] for size in sizes]
    (other,) = [ann.upload("other.bin", CONTENTS["many.bin"])]
    start = Entry("empty.txt", 0, 0).stored_size + Entry("other.bin", 0, 0).header_size + 10
    ann.get(address(ids[0], other), headers={"Range": f"bytes={start}-{start + 9}"})
    assert downloads(site, ids[0], other) == [[{"size": 0}], [{"range": [10, 20]}]]
    # The directory has nothing of a file, though it is read for it.
    alone = ann.upload("alone.bin", CONTENTS["one.bin"])
    assert ann.get(address(alone), headers={"Range": "bytes=-100"}).status_code == 206
    assert downloads(site, alone) == [[]]


def cut_off(ann: Person, ids: list[str], meanwhile: Callable[[], object]) -> tuple[int, int]:
    """Bytes announced and received, where `meanwhile` happens after the first part."""
    answer = ann.call("GET", address(*ids))
    length, parts = int(answer.headers["Content-Length"]), answer.response
    received = len(next(iter(parts)))
    meanwhile()
    try:
        received += sum(map(len, parts))
    except BackofficeError:
        return length, received
    raise AssertionError("all of it was sent")


@pytest.fixture
def large(ann: Person) -> list[str]:
    """Files of one chunk, of which two come with the first part."""
    return [ann.upload(f"{number}.bin", bytes([number]) * 60 * KIB) for number in range(4)]


def test_a_token_that_is_revoked_cuts_it(site: Site, ann: Person, large: list[str]) -> None:
    def revoke() -> None:
        (token,) = site.services.tokens.page(SHELL, Query(filters=(("user", ann.id),))).items
        site.services.tokens.revoke(SHELL, token.id)

    length, received = cut_off(ann, large, revoke)
    assert received < length
    assert downloads(site, *large[2:]) == [[], []]


def test_a_file_that_is_taken_away_meanwhile_cuts_it(site: Site, ann: Person, large: list[str]) -> None:
    length, received = cut_off(ann, large, lambda: site.services.files.trash(SHELL, large[2]))
    assert received < length
    assert downloads(site, large[2], large[3]) == [[], []]


def test_a_damaged_file_cuts_it_and_is_recorded(site: Site, ann: Person, large: list[str]) -> None:
    key = f"file:{{{large[2]}}}:chunk:0"
    length, received = cut_off(ann, large, lambda: site.store.set(key, bytes(60 * KIB)))
    assert received < length
    found = site.services.audit.page(SHELL, filters=(("object", f"file:{large[2]}"), ("action", "file.damaged")))
    assert len(found.items) == 1
    # Where it comes first there is no answer that could be cut.
    problem(ann.get(address(*large[2:])), 500, "integrity_error")


def test_refusals_are_recorded_and_the_many_are_counted(site: Site, ann: Person) -> None:
    bob = site.person("bob")
    theirs = [bob.upload(f"{number}.txt") for number in range(5)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zips, "RECORDED_REFUSALS", 2)
        found = problem(ann.get(address(*theirs)), 404, "not_found")
    assert found["ids"] == theirs
    denied = site.services.audit.page(SHELL, filters=(("action", "access.deny"),)).items
    assert sorted(entry.event.get("object", {}).get("id", "") for entry in denied) == sorted(["", *theirs[:2]])
    assert "3 more files" in denied[0].event["data"]["because"]


def test_it_is_bounded(site: Site, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = uploaded(ann)
    monkeypatch.setattr(zips, "MAX_ZIPPED", 2)
    problem(ann.get(address(*ids)), 400, "invalid")
    problem(ann.get("/files.zip"), 400, "invalid")
    assert ann.get(address(*ids[:2])).status_code == 200


def test_pages_of_files_that_conditions_find_are_put_together(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number}.txt" for number in range(5)]
    for name in names:
        ann.upload(name)
    monkeypatch.setattr(zips, "MAX_LIMIT", 2)
    assert list(read(ann.get("/files.zip").data)) == names


def test_checksums_forget_what_was_used_the_longest_ago() -> None:
    known = Checksums(most=2)
    for name in ("a", "b"):
        known.put(name, 1)
    known.get("a")
    known.put("c", 1)
    assert [known.get(name) for name in ("a", "b", "c")] == [1, None, 1]


def test_the_same_file_twice_is_there_once(ann: Person) -> None:
    one = ann.upload("a.txt")
    assert read(ann.get(address(one, one)).data) == {"a.txt": b"hello"}
