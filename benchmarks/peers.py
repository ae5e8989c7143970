"""The same file through two good servers of the same kind: `@tus/server` (npm) and copyparty (PyPI).

Each gets the same one body over one connection, in the form it likes best (tus: POST and PATCH; copyparty: PUT).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from benchmarks.doors import OCTETS, Content, download, upload_chunks, upload_whole
from benchmarks.http import Connection
from benchmarks.peer_servers import HOST, Peer, run_copyparty, run_tus
from benchmarks.plan import MIB, Bars, Goal, Part, Plan
from benchmarks.site import Failed, Site, running
from benchmarks.timing import Moved, Series, Variant, in_turn
from benchmarks.transfer import settle

OWN, OWN_CHUNKS, TUS, COPYPARTY = "backoffice", "backoffice, 4 connections", "@tus/server", "copyparty"
PIECE = MIB


def measure(plan: Plan) -> list[Part]:
    home = plan.scratch / "peers"
    plan.say("Peers: installing")
    with run_tus(home / "tus") as to_tus, run_copyparty(home / "copyparty") as to_copyparty:
        return [_level(plan, level, to_tus, to_copyparty) for level in ("os", "disk")]


def _level(plan: Plan, level: str, tus: Peer, copyparty: Peer) -> Part:
    content = Content(memoryview(os.urandom(16 * MIB)), plan.peer_file)
    part = Part(
        f"Beside other servers, level `{level}`",
        f"One file of {plan.peer_file // MIB} MiB, one connection, one body (and, for us, the upload page's way: "
        "chunks over four connections). Neither of the others waits for the disk. Median of "
        f"{plan.peer_rounds} rounds.",
        ("server", "upload", "we : it", "download", "we : it"),
    )
    with running(plan.scratch / f"peers-{level}", level) as site:
        plan.say(f"Peers: level {level}, upload")
        up = in_turn(_uploads(site, content, tus, copyparty), plan.peer_rounds, plan.say)
        plan.say(f"Peers: level {level}, download")
        down = _downloads(plan, site, content, tus, copyparty)
    for name, series in up.items():
        gets = down.get(name)
        part.rows.append(
            [
                name,
                f"{series.median:,.0f} MB/s",
                "" if name in {OWN, OWN_CHUNKS} else f"{up[OWN].over(series):.2f}",
                f"{gets.median:,.0f} MB/s" if gets else "",
                f"{down[OWN].over(gets):.2f}" if gets and name != OWN else "",
            ]
        )
    part.goals += _goals(level, up, down)
    part.figures = {
        way: {name: series.rates for name, series in found.items()} for way, found in (("up", up), ("down", down))
    }
    for way, found in (("Upload", up), ("Download", down)):
        values = {name: series.median for name, series in found.items()}
        title = f"{way} of {plan.peer_file // MIB} MiB, level {level}"
        part.charts.append(Bars(f"peers-{way.lower()}-{level}", title, "MB/s", values, frozenset({OWN, OWN_CHUNKS})))
    return part


def _goals(level: str, up: Mapping[str, Series], down: Mapping[str, Series]) -> list[Goal]:
    goals = [Goal(f"upload : {peer}, level {level}", up[OWN].over(up[peer]), 1.0) for peer in (TUS, COPYPARTY)]
    if level == "os":
        goals += [
            Goal(f"download : {TUS}", down[OWN].over(down[TUS]), 1.0),
            Goal(f"download : {COPYPARTY} (sendfile)", down[OWN].over(down[COPYPARTY]), 0.8),
        ]
    return goals


def _uploads(site: Site, content: Content, tus: Peer, copyparty: Peer) -> dict[str, Variant]:
    digests = content.digests(PIECE)

    def own() -> Moved:
        file_id, chunks = upload_whole(site, content, PIECE)
        return Moved(content.total, lambda: site.free(file_id, chunks))

    def own_chunks() -> Moved:
        file_id = upload_chunks(site, content, PIECE, digests)

        def clear() -> None:
            settle(site, file_id)
            site.free(file_id, content.count(PIECE))

        return Moved(content.total, clear)

    def to_tus() -> Moved:
        _put_tus(tus.port, content)
        return Moved(content.total, tus.empty)

    def to_copyparty() -> Moved:
        put_copyparty(copyparty.port, content)
        return Moved(content.total, copyparty.empty)

    return {OWN: own, OWN_CHUNKS: own_chunks, TUS: to_tus, COPYPARTY: to_copyparty}


def _downloads(plan: Plan, site: Site, content: Content, tus: Peer, copyparty: Peer) -> dict[str, Series]:
    file_id, chunks = upload_whole(site, content, PIECE)
    tus_path, copyparty_path = _put_tus(tus.port, content), put_copyparty(copyparty.port, content)
    # Kept open: on Node.js 20 the tus server ends when a client hangs up right after the last byte.
    with Connection(HOST, tus.port) as to_tus, Connection(HOST, copyparty.port) as to_copyparty:
        found = in_turn(
            {
                OWN: lambda: Moved(download(site, file_id)),
                TUS: lambda: get_whole(to_tus, tus_path, content),
                COPYPARTY: lambda: get_whole(to_copyparty, copyparty_path, content),
            },
            plan.peer_rounds,
            plan.say,
        )
    site.free(file_id, chunks)
    tus.empty()
    copyparty.empty()
    return found


def _pieces(content: Content) -> Iterator[memoryview]:
    return (content.chunk(index, PIECE) for index in range(content.count(PIECE)))


def _put_tus(port: int, content: Content) -> str:
    with Connection(HOST, port, {"Tus-Resumable": "1.0.0"}) as connection:
        made = connection.ask("POST", "/files", Upload_Length=str(content.total), Upload_Metadata="filename YmVuY2g=")
        path = "/files/" + made.headers["location"].rpartition("/")[2]
        kind = "application/offset+octet-stream"
        connection.ask("PATCH", path, _pieces(content), content.total, Upload_Offset="0", Content_Type=kind)
    return path


def put_copyparty(port: int, content: Content) -> str:
    with Connection(HOST, port) as connection:
        connection.ask("PUT", "/bench.bin", _pieces(content), content.total, Content_Type=OCTETS)
    return "/bench.bin"


def get_whole(connection: Connection, path: str, content: Content) -> Moved:
    size = connection.ask("GET", path).size
    if size != content.total:
        raise Failed(f"{path} came back with {size} bytes")
    return Moved(size)
