"""One large file, quickly: the download beside copyparty, and chunks over several connections beside one body."""

from __future__ import annotations

import os

from backoffice.settings import Settings
from benchmarks.doors import CONNECTIONS, Content, download, upload_chunks, upload_whole
from benchmarks.http import Connection
from benchmarks.peer_servers import HOST, Peer, run_copyparty
from benchmarks.peers import COPYPARTY, OWN, OWN_CHUNKS, get_whole, put_copyparty
from benchmarks.plan import MIB, Bars, Goal, Part, Plan
from benchmarks.site import Site, running
from benchmarks.timing import Moved, Series, in_turn
from benchmarks.transfer import settle

DOWNLOAD, CHUNKED = 0.65, 0.8


def measure(plan: Plan) -> list[Part]:
    content, size = Content(memoryview(os.urandom(16 * MIB)), plan.moved), Settings().chunk_size
    part = Part(
        "One large file",
        f"{plan.moved // MIB} MiB at level `os`: up as one body and as chunks of {size // MIB} MiB over {CONNECTIONS} "
        f"connections, down over one. Median of {plan.rounds} rounds; ratios are medians of the rounds' ratios.",
        ("", "upload", ": one body", "download", f": {COPYPARTY}"),
    )
    with running(plan.scratch / "large", "os") as site, run_copyparty(plan.scratch / "large-peer") as peer:
        up, down = _up(plan, site, peer, content, size), _down(plan, site, peer, content)
    for name, series in up.items():
        gets = down.get(name)
        part.rows.append(
            [
                name,
                f"{series.median:,.0f} MB/s",
                f"{series.over(up[OWN]):.2f}",
                f"{gets.median:,.0f} MB/s" if gets else "",
                f"{gets.over(down[COPYPARTY]):.2f}" if gets else "",
            ]
        )
    part.goals += [
        Goal(f"chunks over {CONNECTIONS} connections : one body", up[OWN_CHUNKS].over(up[OWN]), CHUNKED),
        Goal(f"download : {COPYPARTY} (sendfile)", down[OWN].over(down[COPYPARTY]), DOWNLOAD),
        Goal(f"upload : {COPYPARTY}", up[OWN].over(up[COPYPARTY]), 0),
    ]
    for way, found in (("upload", up), ("download", down)):
        part.figures[way] = {name: series.rates for name, series in found.items()}
        values = {name: series.median for name, series in found.items()}
        title = f"{way.capitalize()} of {plan.moved // MIB} MiB"
        part.charts.append(Bars(f"large-{way}", title, "MB/s", values, frozenset({OWN, OWN_CHUNKS})))
    return [part]


def _up(plan: Plan, site: Site, peer: Peer, content: Content, size: int) -> dict[str, Series]:
    digests = content.digests(size)

    def whole() -> Moved:
        file_id, chunks = upload_whole(site, content, size)
        return Moved(content.total, lambda: site.free(file_id, chunks))

    def chunked() -> Moved:
        file_id = upload_chunks(site, content, size, digests)

        def clear() -> None:
            settle(site, file_id)
            site.free(file_id, content.count(size))

        return Moved(content.total, clear)

    def to_peer() -> Moved:
        put_copyparty(peer.port, content)
        return Moved(content.total, peer.empty)

    plan.say("One large file: upload")
    return in_turn({OWN: whole, OWN_CHUNKS: chunked, COPYPARTY: to_peer}, plan.rounds, plan.say)


def _down(plan: Plan, site: Site, peer: Peer, content: Content) -> dict[str, Series]:
    file_id, chunks = upload_whole(site, content, MIB)
    path = put_copyparty(peer.port, content)
    plan.say("One large file: download")
    with Connection(HOST, peer.port) as connection:
        variants = {
            OWN: lambda: Moved(download(site, file_id)),
            COPYPARTY: lambda: get_whole(connection, path, content),
        }
        found = in_turn(variants, plan.rounds, plan.say)
    site.free(file_id, chunks)
    return found
