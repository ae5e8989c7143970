"""A file past 2 GB from the page, with the network gone in the middle. It takes two minutes and 5 GB of disk, so only a
run that asks for it has it: `python3 manage.py test -m large -n 0`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.uploading import BROKEN, MakeFile, chunks_sent, pick, row, stored, under_way
from tests.browser.whole_site import PASSWORD, SHELL, WholeSite
from tests.support.long_acts import services_of
from tests.support.servers import Site

pytestmark = [pytest.mark.browser, pytest.mark.large, pytest.mark.timeout(1200)]

SIZE = 2**31 + 123_457
"""More than a signed number of 32 bits tells."""


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSite]:
    """A site that keeps bytes in a directory, so that the machine's memory is not what is tested."""
    folder = tmp_path_factory.mktemp("roomy")
    environ = {"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_CHUNKS": f"file:{folder / 'bytes'}"}
    process = Site.start(folder / "data", environ=environ)
    try:
        yield WholeSite(process.ready(), process, services_of(folder / "data"))
    finally:
        process.close()


def test_two_gigabytes_arrive_though_the_network_goes_in_the_middle(
    roomy: WholeSite, page: Page, make_file: MakeFile, watch: Watch
) -> None:
    watch.allow(BROKEN)
    person = roomy.person()
    roomy.let_in(page, person)
    sent = chunks_sent(page)
    film = make_file("film.mov", SIZE)
    pick(page, film)
    under_way(page, "film.mov", least=300)
    page.context.set_offline(True)
    expect(row(page, "film.mov")).to_have_attribute("data-state", "waiting", timeout=60_000)
    page.wait_for_timeout(3000)
    page.context.set_offline(False)
    stored(page, "film.mov", timeout=900_000)
    [file] = roomy.files(person).values()
    assert (file.name, file.size) == ("film.mov", SIZE)
    pieces = set(sent)
    assert pieces == set(range(len(pieces)))
    assert len(sent) < len(pieces) + 20, "what had arrived was not sent again"
    assert _sha256(roomy, file.id, person.id) == film.sha256


def _sha256(site: WholeSite, file_id: str, user_id: str) -> str:
    """Of what a download brings."""
    _, token = site.services.tokens.create(SHELL, name="compare", user_id=user_id, days=1)
    connection, found = HTTPConnection(urlsplit(site.url).netloc, timeout=60), hashlib.sha256()
    with closing(connection):
        connection.request("GET", f"/files/{file_id}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        while block := answer.read(1 << 20):
            found.update(block)
    return found.hexdigest()
