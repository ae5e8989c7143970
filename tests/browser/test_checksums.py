"""Checksums where the browser has none built in, as over plain HTTP from another machine. In a real browser."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.uploading import SIZE, MakeFile, chunks_sent, pick, stored
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def without_built_in(page: Page) -> None:
    """As over plain HTTP from another machine: no `crypto.subtle` in the worker."""

    def serve(route: Any) -> None:
        answer = route.fetch()
        hidden = "Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined });"
        route.fulfill(response=answer, body=hidden + answer.text())

    page.route("**/digest_worker.js", serve)


def test_checksums_without_the_browsers_own(mine: Page) -> None:
    without_built_in(mine)
    lengths = [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 5 * 2**20 + 7]
    found = mine.evaluate(
        """async (lengths) => {
            const { sha256 } = await import("/static/js/upload/digests.js");
            const period = Uint8Array.from({ length: 251 }, (_, at) => (at * at + 7) % 251);
            const bytes = (length) => {
                const found = new Uint8Array(length + 251);
                for (let at = 0; at < length; at += 251) found.set(period, at);
                return found.subarray(0, length);
            };
            const whole = await Promise.all(lengths.map((one) => sha256(new Blob([bytes(one)]), { whole: true })));
            return [whole, await Promise.all(lengths.map((one) => sha256(new Blob([bytes(one)]))))];
        }""",
        lengths,
    )
    period = bytes((at * at + 7) % 251 for at in range(251))
    wanted = [hashlib.sha256((period * (one // 251 + 1))[:one]).hexdigest() for one in lengths]
    assert found == [wanted, wanted]


def test_a_page_without_secure_context_resumes_all_the_same(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, begun: Callable[..., str]
) -> None:
    without_built_in(mine)
    file = make_file("plain.bin", SIZE)
    upload_id = begun("plain.bin", file.path.read_bytes(), [0, 1, 3])
    mine.reload()
    sent = chunks_sent(mine)
    pick(mine, file)
    stored(mine, "plain.bin")
    done = site.files(person)["plain.bin"]
    assert (sent, done.id, site.sha256(person, done)) == ([2], upload_id, file.sha256)
