"""What a browser may go on with by a share link: the download that was counted, and nothing that came after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from backoffice.domain.files import File
from tests.support.links import DATA, Tree, download, press
from tests.support.uploads import reader
from tests.support.website import PASSWORD, Site


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Tree]:
    site, client = shared
    client.flushall()
    services = site.services
    yield Tree(site)
    site.swap(links=services.links)


def change(on: Tree, file: File) -> None:
    on.site.services.uploads.replace_content(on.owner(), file.id, reader(b"the next version"))


def test_Z7_a_ticket_is_for_the_content_that_was_counted(on: Tree) -> None:
    _, path = on.share(max_downloads=1)
    browser = on.stranger()
    assert download(browser, path).data == DATA
    on.site.services.files.rename(on.owner(), on.file.id, "renamed.txt")
    assert browser.get(f"{path}/file", headers={"Range": "bytes=5-"}).data == DATA[5:]
    change(on, on.file)
    for headers in ({}, {"Range": "bytes=5-"}):
        assert browser.get(f"{path}/file", headers=headers).headers["Location"] == path
    assert browser.get(path).status_code == 404, "it is used up"


def test_Z7_so_is_that_of_a_text_that_was_shown(on: Tree) -> None:
    _, path = on.share(max_downloads=2)
    browser = on.stranger()
    press(browser, path, {"show": "1"})
    assert browser.get(f"{path}/raw").data == DATA
    change(on, on.file)
    assert browser.get(f"{path}/raw").status_code == 303
    assert "next version" not in browser.get(path).text


def test_Z7_so_is_that_of_a_file_in_a_folder_and_no_other_one_ends(on: Tree) -> None:
    browser = on.stranger()
    assert download(browser, on.path, file=on.one.id).data == DATA
    assert download(browser, on.path, file=on.two.id).data == b"second"
    change(on, on.one)
    assert browser.get(f"{on.path}/files/{on.one.id}", headers={"Range": "bytes=5-"}).headers["Location"] == on.path
    assert browser.get(f"{on.path}/files/{on.two.id}", headers={"Range": "bytes=3-"}).data == b"ond"


def test_Z7_no_ticket_survives_another_password(on: Tree) -> None:
    for fields, form, door in (
        ({}, {}, "/file"),
        ({"folder": on.plans.id}, {"file": on.one.id}, f"/files/{on.one.id}"),
        ({"folder": on.plans.id}, {}, "/zip"),
    ):
        link, path = on.share(password=PASSWORD, **fields)
        browser = on.stranger()
        assert download(browser, path, password=PASSWORD, **form).status_code == 200
        again = {"Range": "bytes=5-"}
        assert browser.get(path + door, headers=again).status_code == 206
        on.links.update(on.owner(), link.id, password=f"{PASSWORD} and another")
        assert browser.get(path + door, headers=again).headers["Location"] == path
        assert browser.get(path + door).headers["Location"] == path
