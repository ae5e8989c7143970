"""What encryption at rest costs: one large file up and down, on a site with it and on one without."""

from __future__ import annotations

import contextlib
import os
from base64 import b64encode
from collections.abc import Callable, Mapping

from backoffice.embedded import fscrypt
from backoffice.embedded.data_dir import DataDirectoryError
from backoffice.settings import Settings
from benchmarks.doors import Content, download, upload_whole
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import Site, running
from benchmarks.timing import Moved, Series, in_turn

PLAIN, SEALED, WHOLE = "not encrypted", "bytes of files", "bytes of files, and the data directory"
SHARE = 0.7


def measure(plan: Plan) -> list[Part]:
    """A part for each level. Where the disk of the results encrypts directories, the data directory is encrypted as
    well."""
    ways = {PLAIN: {}, SEALED: {"BACKOFFICE_ENCRYPTION_KEYS": b64encode(os.urandom(32)).decode()}}
    try:
        fscrypt.remove_key(plan.scratch, fscrypt.add_key(plan.scratch, os.urandom(fscrypt.KEY_BYTES)))
        ways[WHOLE] = {**ways[SEALED], "BACKOFFICE_ENCRYPT_DATA": "1"}
    except DataDirectoryError as error:
        plan.say(f"The data directory is not encrypted: {error}")
    return [_at_level(plan, level, ways) for level in ("os", "disk")]


def _at_level(plan: Plan, level: str, ways: Mapping[str, Mapping[str, str]]) -> Part:
    content, size = Content(memoryview(os.urandom(16 * MIB)), plan.moved), Settings().chunk_size
    part = Part(
        f"Encryption at rest, level `{level}`",
        f"{plan.moved // MIB} MiB, up as one body and down over one connection, in turn on a site each. Median of"
        f" {plan.rounds} rounds; ratios are medians of the rounds' ratios.",
        ("", "upload", f": {PLAIN}", "download", f": {PLAIN}"),
    )
    with contextlib.ExitStack() as stack:
        sites = {
            name: stack.enter_context(running(plan.scratch / f"{level} {number}", level, environ))
            for number, (name, environ) in enumerate(ways.items())
        }
        plan.say(f"{part.title}: upload")
        up = in_turn({name: _up(site, content, size) for name, site in sites.items()}, plan.rounds, plan.say)
        plan.say(f"{part.title}: download")
        files = {name: upload_whole(site, content, size) for name, site in sites.items()}
        down = in_turn({name: _down(site, files[name][0]) for name, site in sites.items()}, plan.rounds, plan.say)
    for name in sites:
        rates = [(series[name].median, series[name].over(series[PLAIN])) for series in (up, down)]
        part.rows.append([name, *(cell for rate, share in rates for cell in (f"{rate:,.0f} MB/s", f"{share:.2f}"))])
    part.goals += [_goal("upload", up), _goal("download", down)]
    for way, found in (("upload", up), ("download", down)):
        part.figures[way] = {name: one.rates for name, one in found.items()}
    return part


def _goal(way: str, found: dict[str, Series]) -> Goal:
    return Goal(f"{way}, {SEALED} : {PLAIN}", found[SEALED].over(found[PLAIN]), SHARE)


def _up(site: Site, content: Content, size: int) -> Callable[[], Moved]:
    def whole() -> Moved:
        file_id, chunks = upload_whole(site, content, size)
        return Moved(content.total, lambda: site.free(file_id, chunks))

    return whole


def _down(site: Site, file_id: str) -> Callable[[], Moved]:
    return lambda: Moved(download(site, file_id))
