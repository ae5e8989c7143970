"""What tests do with a page that uploads."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, Request, expect

MB = 1_000_000
SIZE = 4 * MB
COUNT = 4
"""Bytes of a file that was begun elsewhere, and its pieces, where nothing else is said."""
LONG = 240_000
"""Milliseconds that many megabytes may take on a busy machine."""
BROKEN = r"Failed to load resource"


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file on this machine and what it has."""

    path: Path
    sha256: str


MakeFile = Callable[[str, int], Bytes]
Slow = Callable[[Page, int], None]


def awake(page: Page) -> None:
    """Have the page load what it takes to upload, as it does when somebody moves the pointer."""
    page.locator("body").dispatch_event("pointermove")
    expect(page.locator("input[data-picker=files]")).to_be_attached()


def pick(page: Page, *files: Bytes | Path | dict[str, object], kind: str = "files") -> None:
    """As the file dialogue does it."""
    awake(page)
    chosen = [file.path if isinstance(file, Bytes) else file for file in files]
    page.locator(f"input[data-picker={kind}]").set_input_files(chosen)  # type: ignore[arg-type]


def row(page: Page, name: str) -> Locator:
    """The upload of that name."""
    return page.locator("[data-transfers] .transfer").filter(has=page.get_by_text(name, exact=True))


def stored(page: Page, name: str, timeout: float = 90_000) -> None:
    expect(row(page, name)).to_have_attribute("data-state", "done", timeout=timeout)


def under_way(page: Page, name: str, least: int = 50) -> None:
    """Wait until some of it has arrived, in thousandths."""
    bar = row(page, name).get_by_role("progressbar")
    for _ in range(1200):
        if bar.count() and int(bar.get_attribute("value") or 0) >= least:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{name} does not move")


def chunks_sent(page: Page) -> list[int]:
    """Grows by the index of each chunk that the page sends from now on."""
    found: list[int] = []
    page.on("request", lambda request: found.extend(_chunk(request)))
    return found


@contextlib.contextmanager
def sending(page: Page) -> Iterator[list[int]]:
    """As `chunks_sent`, while it lasts."""
    found: list[int] = []

    def note(request: Request) -> None:
        found.extend(_chunk(request))

    page.on("request", note)
    yield found
    page.remove_listener("request", note)


def _chunk(request: Request) -> list[int]:
    return [int(index) for index in re.findall(r"/upload_chunk\?.*chunk_index=(\d+)", request.url)]
