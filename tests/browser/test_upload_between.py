"""Uploading in a real browser past what stands in between: a proxy with a limit of its own or without a site behind it,
a network that wants a sign-in, links that are slow or cut what takes long."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import FASTER, no_barriers, wait_until
from tests.browser.uploading import LONG, MB, MakeFile, Slow, awake, chunks_sent, pick, row, stored, under_way
from tests.browser.whole_site import CHUNK, Person, WholeSite
from tests.support.fault_proxy import Relay, relay
from tests.support.in_between import Between, between

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def front(site: WholeSite, watch: Watch) -> Iterator[Between]:
    """A web server in front of the site."""
    watch.allow(r"Failed to load resource")
    with between(site.url) as found:
        yield found


@pytest.fixture
def behind(site: WholeSite, front: Between, page: Page, person: Person) -> Page:
    """The page of that person's files, through it."""
    site.let_in(page, person, front.url)
    return page


@pytest.mark.parametrize("size", [3 * CHUNK, CHUNK], ids=["several chunks", "one chunk"])
def test_smaller_pieces_are_sent_where_a_proxy_takes_no_larger_ones(
    site: WholeSite, front: Between, behind: Page, person: Person, make_file: MakeFile, size: int
) -> None:
    front.limit = CHUNK // 4  # as nginx's own is of a usual piece
    first, second = make_file("first.bin", size), make_file("second.bin", size)
    pick(behind, first)
    stored(behind, "first.bin")
    limit = behind.locator("[data-limit]")
    expect(limit).to_contain_text("takes less than")
    expect(limit).to_contain_text("client_max_body_size")
    no_barriers(behind)
    refused = sum(length > front.limit for _, _, length in front.asked)
    pick(behind, second)
    stored(behind, "second.bin")
    assert sum(length > front.limit for _, _, length in front.asked) == refused, "it is known by then"
    found = site.files(person)
    assert {site.sha256(person, one) for one in found.values()} == {first.sha256, second.sha256}
    assert site.uploads(person) == []
    assert site.services.files.usage(site.actor(person)).reserved == 0


def test_a_limit_that_sinks_on_the_way(
    site: WholeSite, front: Between, behind: Page, person: Person, make_file: MakeFile, slow_network: Slow
) -> None:
    file = make_file("sinks.bin", 6 * CHUNK)
    slow_network(behind, 2 * CHUNK)
    pick(behind, file)
    under_way(behind, "sinks.bin", 300)
    front.limit = CHUNK // 4
    slow_network(behind, 0)
    stored(behind, "sinks.bin")
    assert site.sha256(person, site.files(person)["sinks.bin"]) == file.sha256
    assert site.uploads(person) == []


def test_a_limit_below_every_piece_is_told_with_what_to_set(
    site: WholeSite, front: Between, behind: Page, person: Person, make_file: MakeFile
) -> None:
    front.limit = 100_000
    pick(behind, make_file("large.bin", 5 * MB), make_file("small.bin", 120_000))
    for name, tried in (("large.bin", "250 kB"), ("small.bin", "120 kB")):
        expect(row(behind, name)).to_have_attribute("data-state", "failed", timeout=60_000)
        expect(row(behind, name)).to_contain_text(f"takes not even {tried} at a time")
        expect(row(behind, name)).to_contain_text("client_max_body_size")
    assert site.uploads(person) == []


def asked_for(front: Between, path: str) -> int:
    """How often."""
    return sum(urlsplit(target).path == path for _, target, _ in front.asked)


@pytest.mark.usefixtures("hurried")
def test_a_page_in_the_sites_place_is_waited_out(
    site: WholeSite, front: Between, behind: Page, person: Person, make_file: MakeFile, slow_network: Slow
) -> None:
    """502, 504: a proxy that does not get through; 200, 511: the sign-in page of a network. One follows the other, and
    it waits on."""
    for status, then in ((502, 511), (200, 504)):
        name = f"waits {status}.bin"
        file = make_file(name, 6 * CHUNK)
        slow_network(behind, 2 * CHUNK)
        pick(behind, file)
        under_way(behind, name, 250)
        front.instead = status
        expect(behind.locator("[data-trouble]")).to_contain_text(
            "Something between here and the site answers", timeout=60_000
        )
        expect(row(behind, name)).to_contain_text("Waiting for the site")
        slow_network(behind, 0)
        for answer in (status, then):
            front.instead = answer
            probes = asked_for(front, "/readyz")
            wait_until(behind, lambda before=probes: asked_for(front, "/readyz") >= before + 2, "it asks on and on")
            expect(row(behind, name)).to_contain_text("Waiting for the site")
        front.instead = 0
        stored(behind, name)
        expect(behind.locator("[data-trouble]")).to_be_hidden()
        assert site.sha256(person, site.files(person)[name]) == file.sha256


def test_a_refusal_by_something_in_between_is_called_so(front: Between, behind: Page, make_file: MakeFile) -> None:
    front.instead = 403
    behind.locator(".upload-menu summary").click()
    behind.get_by_role("button", name="Files", exact=True).click()
    expect(behind.locator("[data-region=messages]")).to_contain_text("A part of this page cannot be had.")
    front.instead = 0
    awake(behind)
    front.instead = 403
    pick(behind, make_file("no.bin", MB))
    expect(row(behind, "no.bin")).to_contain_text("Something in front of the site refused the request")
    expect(behind.locator("[data-status]")).to_contain_text("no.bin: Something in front of the site refused")


@pytest.fixture
def net(site: WholeSite, watch: Watch) -> Iterator[Relay]:
    watch.allow(r"Failed to load resource")
    with relay(site.url) as found:
        yield found


def test_a_link_on_which_no_whole_piece_gets_through_goes_on_with_smaller_ones(
    site: WholeSite, net: Relay, page: Page, person: Person, make_file: MakeFile
) -> None:
    site.let_in(page, person, net.url)
    file = make_file("cut.bin", 3 * CHUNK)
    net.cut_up = [CHUNK // 2 - 1] * 1000
    pick(page, file)
    stored(page, "cut.bin", LONG)
    assert site.sha256(person, site.files(person)["cut.bin"]) == file.sha256
    assert site.uploads(person) == []


def test_one_cut_of_all_connections_throws_nothing_away(
    site: WholeSite, net: Relay, page: Page, person: Person, make_file: MakeFile
) -> None:
    site.let_in(page, person, net.url)
    file = make_file("once.bin", 20 * CHUNK)
    sent = chunks_sent(page)
    net.pause = 0.004
    pick(page, file)
    wait_until(page, lambda: len(sent) >= 6, "six pieces are on their way or through")
    [upload] = site.uploads(person)
    assert upload.received * 4 < upload.total_chunks
    net._cut(*net.connections)
    net.pause = 0
    stored(page, "once.bin", LONG)
    done = site.files(person)["once.bin"]
    assert (done.id, site.sha256(person, done)) == (upload.id, file.sha256), "what was sent before counts"


def test_a_cut_counts_once_however_many_pieces_it_takes(mine: Page) -> None:
    found = mine.evaluate(
        """async () => {
            const { Pace, SMALLEST } = await import("/static/js/upload/pace.js");
            const pace = new Pace(4 * SMALLEST);
            const signal = new AbortController().signal;
            const together = performance.now();
            for (let lane = 0; lane < 6; lane += 1) pace.wasCut(together);
            const once = pace.cuts;
            for (let time = 0; time < 2; time += 1) {
                await new Promise((resolve) => setTimeout(resolve, 5));
                pace.wasCut(performance.now());
            }
            const thrice = pace.cuts;
            await pace.turn(signal, async () => {});
            const sizes = [];
            for (const bytes of [4, 2, 1]) sizes.push(pace.cut(bytes * SMALLEST), pace.size / SMALLEST);
            return [once, thrice, pace.cuts, sizes];
        }"""
    )
    assert found == [1, 3, 0, [True, 2, True, 1, False, 1]]


@pytest.mark.slow
@pytest.mark.usefixtures("hurried")
def test_on_a_slow_link_with_a_reload_now_and_then_it_gets_on(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch
) -> None:
    """By the page's clock 60 kB a second: a whole chunk would take 17 s, several side by side minutes."""
    watch.allow(r"Failed to load resource")
    file = make_file("slow.bin", 4 * CHUNK)
    arrived = [0]
    for _ in range(3):
        slow_network(mine, FASTER * 60_000)
        pick(mine, file)
        mine.wait_for_timeout(20_000 / FASTER)
        mine.reload()
        slow_network(mine, 0)
        [upload] = site.uploads(person)
        arrived.append(upload.bytes)
    assert arrived == sorted(set(arrived)), "more each time"
    assert arrived[-1] > CHUNK
    sent = chunks_sent(mine)
    pick(mine, file)
    stored(mine, "slow.bin")
    assert len(sent) <= upload.total_chunks - upload.received
    assert site.sha256(person, site.files(person)["slow.bin"]) == file.sha256
