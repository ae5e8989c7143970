"""Slow links, and links that cut what takes long: chunks get smaller until they get through."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import closing

import pytest

from backoffice.client import local_file, pace
from backoffice.client.http import Client
from backoffice.client.pace import TooSlow, Watch
from backoffice.secret import Secret
from tests.support.client_site import CHUNK, Person, ids
from tests.support.fault_proxy import Relay, relay
from tests.support.scripted_site import GOOD, Other
from tests.support.servers import wait_for


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's chunks have 64 KiB already, so the smallest are smaller here."""
    monkeypatch.setattr(local_file, "SMALLEST_CHUNK", CHUNK // 8)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("size", [4 * CHUNK + 77, CHUNK - 5], ids=["chunks", "one body"])
def test_where_no_whole_chunk_gets_through_smaller_ones_do(ann: Person, net: Relay, size: int) -> None:
    made = ann.file("slow.bin", size)
    net.cut_up = [20_000] * 500
    status, out, said = ann.run("upload", made.name, "--url", net.url)
    assert status == 0, said
    assert "The connection is slow or breaks often" in said
    stored = ann.files()["slow.bin"]
    assert (stored["id"], stored["sha256"]) == (ids(out)["slow.bin"], hashlib.sha256(made.read_bytes()).hexdigest())
    assert ann.open_uploads() == []


@pytest.mark.usefixtures("_small")
def test_what_another_run_began_in_chunks_that_do_not_get_through_is_sent_in_smaller_ones(
    ann: Person, net: Relay
) -> None:
    made = ann.file("began.bin", 6 * CHUNK)
    ann.begin("began.bin", made.read_bytes(), range(1))
    net.cut_up = [20_000] * 500
    status, _, said = ann.run("upload", made.name, "--url", net.url)
    assert status == 0, said
    assert ann.files()["began.bin"]["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert ann.open_uploads() == []


@pytest.mark.usefixtures("_small")
def test_one_cut_of_all_connections_throws_nothing_away(ann: Person, net: Relay) -> None:
    made = ann.file("cut.bin", 40 * CHUNK)
    net.pause = 0.02
    found: list[str] = []

    def cut() -> None:
        wait_for(lambda: net.up > 6 * CHUNK, "several are on their way", 30)
        found.extend(item["file_id"] for item in ann.open_uploads())
        net._cut(*net.connections)

    thread = threading.Thread(target=cut)
    thread.start()
    status, out, said = ann.run("upload", made.name, "--url", net.url, "--parallel", "8")
    thread.join()
    assert (status, said) == (0, "")
    assert [ids(out)["cut.bin"]] == found


def test_a_first_chunk_that_is_slow_is_given_up_for_one_that_fits(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LONG", 1.0)
    other.answers = [GOOD]
    data = bytes(64 * 1024**2)
    sent: list[int] = []
    with relay(other.url) as net, closing(Client(net.url, Secret("bo_a.b"))) as client:
        net.pause = 0.05  # 320 kB a second, beside what the buffers take
        began = time.monotonic()
        with pytest.raises(TooSlow) as caught:
            client.request("POST", "/x", body=data, on_sent=Watch(len(data), sent.append, patient=False))
        assert time.monotonic() - began < 20
    assert 0 < caught.value.fitting < len(data) // 2
    assert sum(sent) == 0


def test_fewer_go_side_by_side_while_one_takes_long() -> None:
    found = pace.Pace(8)
    lanes = []
    for seconds in (9, 9, 9, 9, 5, 1, 1, 5, 1):
        found.arrived(seconds)
        lanes.append(found.lanes)
    assert lanes == [4, 2, 1, 1, 1, 2, 3, 3, 4]
    together = time.monotonic()
    assert [found.is_hopeless(100, together) for _ in range(8)] == [False] * 8, "one cut, of all"
    assert found.lanes == 1
    found.begin(9)
    assert [found.is_hopeless(100, time.monotonic()) for _ in range(3)] == [False, False, True]
    found.begin(50)
    assert [found.is_hopeless(100, time.monotonic()) for _ in range(6)] == [False] * 5 + [True]
    for _ in range(20):
        found.arrived(0.1)
    assert found.lanes == 8
