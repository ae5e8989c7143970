"""What encryption at rest costs: one large file up and down, on a site with it and on one without."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable

from backoffice.settings import Settings
from benchmarks.doors import Content, download, upload_whole
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import Site, running
from benchmarks.timing import Moved, Series, in_turn

PLAIN, SEALED = "not encrypted", "encrypted"
SHARE = 0.7


def measure(plan: Plan) -> list[Part]:
    """One part."""
    content, size = Content(memoryview(os.urandom(16 * MIB)), plan.moved), Settings().chunk_size
    key = b64encode(os.urandom(32)).decode()
    part = Part(
        "Encryption at rest",
        f"{plan.moved // MIB} MiB at level `os`, up as one body and down over one connection, in turn on two "
        f"sites. Median of {plan.rounds} rounds; ratios are medians of the rounds' ratios.",
        ("", "upload", f": {PLAIN}", "download", f": {PLAIN}"),
    )
    with (
        running(plan.scratch / "plain", "os") as plain,
        running(plan.scratch / "sealed", "os", {"BACKOFFICE_ENCRYPTION_KEYS": key}) as sealed,
    ):
        sites = {PLAIN: plain, SEALED: sealed}
        plan.say("Encryption at rest: upload")
        up = in_turn({name: _up(site, content, size) for name, site in sites.items()}, plan.rounds, plan.say)
        plan.say("Encryption at rest: download")
        files = {name: upload_whole(site, content, size) for name, site in sites.items()}
        down = in_turn({name: _down(site, files[name][0]) for name, site in sites.items()}, plan.rounds, plan.say)
    for name in sites:
        rates = [(series[name].median, series[name].over(series[PLAIN])) for series in (up, down)]
        part.rows.append([name, *(cell for rate, share in rates for cell in (f"{rate:,.0f} MB/s", f"{share:.2f}"))])
    part.goals += [_goal("upload", up), _goal("download", down)]
    for way, found in (("upload", up), ("download", down)):
        part.figures[way] = {name: one.rates for name, one in found.items()}
    return [part]


def _goal(way: str, found: dict[str, Series]) -> Goal:
    return Goal(f"{way}, {SEALED} : {PLAIN}", found[SEALED].over(found[PLAIN]), SHARE)


def _up(site: Site, content: Content, size: int) -> Callable[[], Moved]:
    def whole() -> Moved:
        file_id, chunks = upload_whole(site, content, size)
        return Moved(content.total, lambda: site.free(file_id, chunks))

    return whole


def _down(site: Site, file_id: str) -> Callable[[], Moved]:
    return lambda: Moved(download(site, file_id))
