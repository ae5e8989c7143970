"""tus beside one body: a PATCH of everything, and how soon a client that was cut off is told where it goes on."""

from __future__ import annotations

import os
import socket
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from backoffice.settings import Settings
from benchmarks.doors import Content, upload_whole
from benchmarks.http import Connection
from benchmarks.memory import MOST, Watched, warm
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import Site, running
from benchmarks.timing import Moved, in_turn
from benchmarks.transfer import settle

PATCH, PUT = "a PATCH of tus", "one body"
RATIO, TOLD_MS = 0.9, 50
TUS = {"Tus_Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"
CUT = 8 * MIB
TAKEOVERS = 20


def measure(plan: Plan) -> list[Part]:
    content, size = Content(memoryview(os.urandom(16 * MIB)), plan.peer_file), Settings().chunk_size
    part = Part(
        "tus",
        f"{plan.peer_file // MIB} MiB at level `os` over one connection, in turn; median of {plan.rounds} rounds and of"
        f" their ratios. HEAD after a connection that was cut after {CUT // MIB} MiB: median of {TAKEOVERS}.",
        ("", "upload", f": {PUT}"),
    )

    def whole() -> Moved:
        file_id, chunks = upload_whole(site, content, size)
        return Moved(content.total, lambda: site.free(file_id, chunks))

    def patch() -> Moved:
        with Connection(site.host, site.port, site.headers) as connection:
            path = begin(connection, content.total)
            connection.ask("PATCH", path, pieces(content, size), content.total, **sent())

        def clear() -> None:
            settle(site, id_of(path))
            site.free(id_of(path), content.count(size))

        return Moved(content.total, clear)

    with running(plan.scratch / "tus", "os") as site:
        warm(site)
        watched = Watched(site)
        found = in_turn({PUT: whole, PATCH: patch}, plan.rounds, plan.say)
        grown = watched.growth
        told = [takeover(site, content) for _ in range(TAKEOVERS)]
    for name, series in found.items():
        part.rows.append([name, f"{series.median:,.0f} MB/s", f"{series.over(found[PUT]):.2f}"])
    part.goals += [
        Goal(f"{PATCH} : {PUT}", found[PATCH].over(found[PUT]), RATIO),
        Goal("growth of a web worker, tus", grown, MOST, at_most=True, unit=" MiB"),
        Goal("HEAD after a cut connection", statistics.median(told), TOLD_MS, at_most=True, unit=" ms"),
    ]
    part.figures |= {name: series.rates for name, series in found.items()} | {"takeovers": told}
    return [part]


def sent() -> dict[str, str]:
    return {**TUS, "Content_Type": OCTETS, "Upload_Offset": "0"}


def begin(connection: Connection, size: int) -> str:
    answer = connection.ask("POST", "/tus/", (), 0, **TUS, Upload_Length=str(size))
    return urlsplit(answer.headers["location"]).path


def id_of(path: str) -> str:
    return path.rpartition("/")[2].partition("~")[0]


def pieces(content: Content, size: int) -> Iterator[memoryview]:
    for index in range(content.count(size)):
        yield content.chunk(index, size)


def takeover(site: Site, content: Content) -> float:
    """Milliseconds of the HEAD."""
    with Connection(site.host, site.port, site.headers) as connection:
        path = begin(connection, content.total)
        lines = {**site.headers, **{name.replace("_", "-"): text for name, text in sent().items()}}
        head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
        with socket.create_connection((site.host, site.port)) as cut:
            first = f"PATCH {path} HTTP/1.1\r\nHost: {site.host}\r\n{head}Content-Length: {content.total}\r\n\r\n"
            cut.sendall(first.encode() + content.chunk(0, CUT))
        before = time.perf_counter()
        connection.ask("HEAD", path, (), 0, **TUS)
        took = 1000 * (time.perf_counter() - before)
        connection.ask("DELETE", path, (), 0, **TUS)
    return took
