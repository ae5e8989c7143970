"""Folders, and several things at once, on the page of one's own files, as a browser without a script uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.files import File, FileSpec
from backoffice.domain.folders import Folder
from backoffice.domain.paging import Query
from backoffice.web.pages import my_selection
from tests.support.roomy_site import roomy_site
from tests.support.website import SHELL, Browser, Site

NO_ID = "0123456789abcdefghijkl"


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with roomy_site() as made:
        yield made


@pytest.fixture
def site(shared: tuple[Site, Redis]) -> Site:
    shared[1].flushall()
    shared[0].users.clear()
    return shared[0]


@pytest.fixture
def alice(site: Site) -> Browser:
    browser = site.signed_in("alice")
    browser.get("/")
    return browser


def actor_of(site: Site, name: str = "alice") -> Any:
    found = site.services.tokens.authenticate(site.token(name), ip="127.0.0.1", agent="test", request_id="test")
    assert found is not None
    return found[0]


def store(site: Site, name: str, folder: str = "", data: bytes = b"data", owner: str = "alice") -> File:
    source = BytesIO(data)
    spec = FileSpec(name, folder=folder)
    return site.services.uploads.upload_stream(actor_of(site, owner), spec, source.readinto, len(data))


def folder(site: Site, name: str, parent: str = "", owner: str = "alice") -> Folder:
    return site.services.folders.create(actor_of(site, owner), name=name, parent=parent)


def names(page: TestResponse) -> list[str]:
    """Of the rows, in order."""
    assert page.status_code == 200
    cells = re.findall(r'<th scope="row" role="rowheader">(.*?)</th>', page.text, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells]


def after(browser: Browser, answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return unescape(browser.get(answer.headers["Location"]).text)


def test_folders_come_first_and_a_page_goes_on_with_files(site: Site, alice: Browser) -> None:
    for number in range(52):
        folder(site, f"d{number:02}")
    for number in range(3):
        store(site, f"f{number}.txt", data=b"x" * number)
    first, second = alice.get("/?sort=name"), alice.get("/?sort=name&page=1")
    assert names(first) == [f"d{number:02}" for number in range(50)]
    assert "1–50 of 55" in first.text
    assert names(second) == ["d50", "d51", "f0.txt", "f1.txt", "f2.txt"]
    assert "51–55 of 55" in second.text
    assert names(alice.get("/?sort=size&page=1"))[2:] == ["f2.txt", "f1.txt", "f0.txt"]
    assert names(alice.get("/?page=2")) == []


def test_what_lies_in_a_folder_and_the_way_to_it(site: Site, alice: Browser) -> None:
    outer = folder(site, "Reports <b>")
    inner = folder(site, "2026", outer.id)
    store(site, "top.txt")
    store(site, "deep.txt", inner.id)
    assert names(alice.get("/")) == ["Reports <b>", "top.txt"]
    assert names(alice.get(f"/?folder={outer.id}")) == ["2026"]
    page = alice.get(f"/?folder={inner.id}")
    assert names(page) == ["deep.txt"]
    assert "Reports <b>" not in page.text
    assert (
        f'<a href="/?folder={outer.id}" id="crumb-{outer.id}" data-visit><bdi>Reports &lt;b&gt;</bdi></a>' in page.text
    )
    assert 'data-where="/Reports &lt;b&gt;/2026"><bdi>2026</bdi></h1>' in page.text
    found = alice.get("/?q=deep")
    assert names(found) == ["deep.txt"]
    assert (
        f'<a href="/?folder={inner.id}" data-visit title="Reports &lt;b&gt; / 2026"><bdi>2026</bdi></a>' in found.text
    )


def test_no_folder_of_ones_own_is_no_page(site: Site, alice: Browser) -> None:
    site.add_user("bob")
    theirs = folder(site, "theirs", owner="bob")
    admin = site.signed_in("vera", "admin")
    for one in (theirs.id, NO_ID, "../..", "x"):
        assert alice.get(f"/?folder={one}").status_code == 404
        assert admin.get(f"/?folder={one}").status_code == 404
        assert alice.get(f"/my/move?folder={theirs.id}&into={one}").status_code == 404
    answer = alice.post(f"/my/folders/{theirs.id}/rename", {"new_name": "mine", "back": "/"})
    assert "There is nothing here." in after(alice, answer)
    assert "There is nothing here." in after(alice, alice.post(f"/my/folders/{theirs.id}/trash", {"back": "/"}))


def test_making_renaming_and_deleting_a_folder(site: Site, alice: Browser) -> None:
    assert "Name of the new folder" in alice.get("/?new=folder").text
    assert "“Reports” is made" in after(alice, alice.post("/my/folders", {"name": "Reports", "back": "/"}))
    again = alice.post("/my/folders", {"name": "reports", "back": "/"})
    assert again.headers["Location"] == "/?new=folder&typed=reports"
    page = after(alice, again)
    assert "There is something of this name." in page
    assert 'value="reports" placeholder="Name of the new folder"' in page, "what was typed is not lost"
    [made] = site.services.folders.page_in(actor_of(site), "", Query()).items
    page = after(alice, alice.post("/my/folders", {"name": "2026", "parent": made.id, "back": f"/?folder={made.id}"}))
    assert ">2026</bdi>" in page
    bad = alice.post(f"/my/folders/{made.id}/rename", {"new_name": "a/b", "back": "/"})
    assert bad.headers["Location"] == f"/?rename={made.id}&typed=a%2Fb"
    assert 'value="a/b" placeholder="New name"' in after(alice, bad)
    long = alice.post(f"/my/folders/{made.id}/rename", {"new_name": "ü" * 128, "back": "/"})
    assert long.headers["Location"] == f"/?rename={made.id}", "no longer than an address may be"
    good = alice.post(f"/my/folders/{made.id}/rename", {"new_name": "Papers", "back": "/"})
    assert "is called “Papers” now" in after(alice, good)
    answer = alice.post(f"/my/folders/{made.id}/trash", {"back": "/"})
    assert answer.headers["Location"] == f"/?undo={made.id}"
    assert "“<bdi>Papers</bdi>” is in the trash." in after(alice, answer)
    assert names(alice.get("/")) == []


def test_a_folder_goes_into_the_trash_with_what_is_in_it_and_comes_back(site: Site, alice: Browser) -> None:
    outer = folder(site, "{0} outer")
    inner = folder(site, "inner", outer.id)
    file, loose = store(site, "deep.txt", inner.id), store(site, "loose.txt")
    sent = {"act": "trash", "folder": outer.id, "file": loose.id, "back": "/"}
    assert "2 items are in the trash" in after(alice, alice.post("/my/selection", sent))
    assert names(alice.get("/?show=trash")) == ["{0} outer", "loose.txt"]  # what went with it is not listed
    assert names(alice.get("/?show=trash&q=outer")) == ["{0} outer"]
    assert "1 folder and 2 files (" in alice.get("/my/trash/empty").text
    sent = {"act": "restore", "folder": outer.id, "back": "/"}
    assert "“{0} outer” is back." in after(alice, alice.post("/my/selection", sent))
    assert names(alice.get(f"/?folder={inner.id}")) == ["deep.txt"]
    alice.post(f"/my/folders/{outer.id}/trash", {"back": "/"})
    assert "and all that is in it for good?" in alice.get(f"/?show=trash&purge={outer.id}").text
    back = alice.post(f"/my/folders/{outer.id}/restore", {"back": "/?show=trash"})
    assert "“{0} outer” is back." in after(alice, back)
    alice.post(f"/my/folders/{inner.id}/trash", {"back": "/"})
    assert "gone for good" in after(alice, alice.post(f"/my/folders/{inner.id}/purge", {"back": "/?show=trash"}))
    assert alice.get(f"/my/files/{file.id}").status_code == 404
    assert "1 item is gone for good." in after(alice, alice.post("/my/trash/empty", {}))
    assert names(alice.get("/?show=trash")) == []


def test_moving_files_and_folders(site: Site, alice: Browser) -> None:
    here, there = folder(site, "here"), folder(site, "there")
    inner = folder(site, "inner", there.id)
    files = [store(site, "a.txt"), store(site, "b.txt")]
    store(site, "b.txt", inner.id)
    page = alice.get(f"/my/move?file={files[0].id}&folder={here.id}&back=/?sort=name")
    assert "Move 2 items" in page.text
    assert f"folder={here.id}&amp;back=" in page.text
    assert f"into={here.id}" not in page.text
    assert f"into={there.id}" in page.text
    assert "“there”" in alice.get(f"/my/move?file={files[0].id}&into={there.id}").text.replace("<bdi>", "").replace(
        "</bdi>", ""
    )
    sent = {"file": [one.id for one in files], "folder": [here.id, there.id], "into": inner.id, "back": "/"}
    text = after(alice, alice.post("/my/move", sent))
    assert "2 items are moved." in text
    assert "“there”: A folder cannot lie in itself." in text
    assert "“b.txt”: " in text
    assert names(alice.get("/")) == ["there", "b.txt"]
    assert names(alice.get(f"/?folder={inner.id}&sort=name")) == ["here", "a.txt", "b.txt"]
    assert "Choose something first." in after(alice, alice.get("/my/move"))


def test_a_selection_into_the_trash_and_back(site: Site, alice: Browser) -> None:
    empty, full = folder(site, "empty"), folder(site, "full")
    files = [store(site, "a.txt"), store(site, "b.txt", full.id)]
    store(site, "c.txt", full.id)
    ids = [one.id for one in files]
    sent = {"act": "trash", "file": [*ids, NO_ID], "folder": [empty.id], "back": "/"}
    text = after(alice, alice.post("/my/selection", sent))
    assert "3 items are in the trash." in text
    assert "“The file”: There is nothing here." in text
    assert names(alice.get("/?show=trash&q=a.txt")) == ["a.txt"]
    assert "Deleted on" in alice.get("/?show=trash").text
    text = after(alice, alice.post("/my/selection", {"act": "restore", "file": ids, "back": "/"}))
    assert "2 items are back." in text
    assert names(alice.get("/")) == ["full", "a.txt"]
    assert names(alice.get(f"/?folder={full.id}&sort=name")) == ["b.txt", "c.txt"]
    assert "Choose something first." in after(alice, alice.post("/my/selection", {"act": "trash", "back": "/"}))


def test_a_selection_as_an_archive_or_to_be_moved(site: Site, alice: Browser) -> None:
    place, file = folder(site, "place"), store(site, "a.txt")
    zipped = alice.post("/my/selection", {"act": "zip", "file": file.id, "back": "/"})
    assert zipped.headers["Location"] == f"/files.zip?id={file.id}"
    assert alice.get(zipped.headers["Location"]).data[:4] == b"PK\3\4"
    zipped = alice.post("/my/selection", {"act": "zip", "folder": place.id, "back": "/"})
    assert zipped.headers["Location"] == f"/files.zip?folder={place.id}"
    both = {"file": file.id, "folder": place.id, "back": "/"}
    zipped = alice.post("/my/selection", {"act": "zip", **both})
    assert zipped.headers["Location"] == f"/files.zip?id={file.id}&folder={place.id}"
    assert alice.get(zipped.headers["Location"]).data[:4] == b"PK\3\4"
    moved = alice.post("/my/selection", {"act": "move", **both})
    assert moved.headers["Location"] == f"/my/move?file={file.id}&folder={place.id}&back=/"


def test_who_only_reads_gets_archives_and_no_form_that_sends(site: Site) -> None:
    browser = site.signed_in("eve", "auditor")
    page = browser.get("/").text
    assert "New folder" not in page
    assert "Upload" not in re.sub(r"upload", "", page)
    assert browser.get(f"/my/zip?file={NO_ID}").headers["Location"] == f"/files.zip?id={NO_ID}"
    assert browser.post("/my/selection", {"act": "zip"}).status_code == 403
    assert browser.post("/my/folders", {"name": "x"}).status_code == 403


def test_emptying_the_trash_counts_and_weighs_first(site: Site, alice: Browser) -> None:
    for number in range(3):
        one = store(site, f"{number}.bin", data=b"x" * 1000)
        site.services.files.trash(actor_of(site), one.id)
    assert "Delete 3 files (3.0 kB) for good?" in alice.get("/my/trash/empty").text
    assert "3 items are gone for good." in after(alice, alice.post("/my/trash/empty"))
    assert "There is nothing in it." in alice.get("/my/trash/empty").text
    assert site.services.files.usage(actor_of(site)).used == 0


def test_what_emptying_the_trash_has_no_time_for_is_left_and_said(
    site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(my_selection, "EMPTYING_SECONDS", 0.0)
    site.services.folders.trash(actor_of(site), folder(site, "old").id)
    for number in range(2):
        site.services.files.trash(actor_of(site), store(site, f"{number}.bin").id)
    assert "1 item is gone for good. 2 are left: empty it again." in after(alice, alice.post("/my/trash/empty"))
    assert "Delete 2 files" in alice.get("/my/trash/empty").text


def test_the_page_of_a_file(site: Site, alice: Browser) -> None:
    place = folder(site, "place")
    file = store(site, "notes.txt", place.id, b"hello")
    page = alice.get(f"/my/files/{file.id}?back=/%3Ffolder={place.id}")
    assert f'<iframe sandbox src="/files/{file.id}/preview"' in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert f'href="/?folder={place.id}"' in page.text
    assert "My files / <bdi>place</bdi>" in page.text
    site.add_user("bob")
    theirs = store(site, "theirs.txt", owner="bob")
    assert alice.get(f"/my/files/{theirs.id}").status_code == 404
    assert alice.get(f"/my/files/{file.id}?back=//evil.example").text.count("evil") == 0


def test_a_form_with_files_goes_into_the_folder_that_is_shown(site: Site, alice: Browser) -> None:
    place = folder(site, "place")
    found = re.search(r'action="(/my/files[^"]+)"', alice.get(f"/?folder={place.id}").text)
    assert found
    answer = alice.open(unescape(found[1]), "POST", data={"file": (BytesIO(b"1"), "one.txt")})
    assert answer.headers["Location"] == f"/?folder={place.id}"
    assert names(alice.get(answer.headers["Location"])) == ["one.txt"]


def test_the_page_says_what_earlier_versions_take(site: Site, alice: Browser) -> None:
    file = store(site, "a.txt", data=b"1" * 2000)
    assert "earlier versions" not in alice.get("/").text
    site.services.uploads.replace_content(actor_of(site), file.id, BytesIO(b"2").readinto)
    assert "2.0 kB of it by earlier versions" in alice.get("/").text


def test_nobody_is_told_of_more_than_their_quota(site: Site, alice: Browser) -> None:
    site.services.users.update(SHELL, site.users["alice"], quota_bytes=2_000_000)
    assert alice.get("/").text.count("Up to 2.0 MB each.") == 2  # where nothing is, and the menu
