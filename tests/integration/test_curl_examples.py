"""The examples of the README's section on scripts, run as printed, against the running product."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import ROOT, Site, need

README = ROOT / "README.md"
SECTION = re.compile(r"^## Use it from scripts$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?:console|sh)$(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:5000"

pytestmark = pytest.mark.slow


def examples() -> str:
    """What a reader would paste."""
    section = SECTION.search(README.read_text())
    assert section is not None, "the README has no section on scripts"
    return "".join(BLOCK.findall(section[1]))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a site with an administrator, and its data directory."""
    data = tmp_path_factory.mktemp("curl") / "var"
    site = Site.start(data, "--workers", "1", environ={"BACKOFFICE_ADMIN_PASSWORD": "violet-harbour-93"})
    try:
        yield site.ready(), data
    finally:
        site.close()


def test_the_section_shows_what_it_should() -> None:
    text = examples()
    for part in (
        "curl --fail -T",
        "/upload_complete",
        "/rename",
        "-X DELETE",
        "/files?",
        "/files/$ID",
        "-F chunk_data=@",
        "/versions",
        "/folders",
        "/links",
        *(f"manage.py {name}" for name in ("upload", "download", "share", "request")),
    ):
        assert part in text, part
    first = text[text.index("curl --fail -s") : text.index('/upload_chunk"')]
    assert "file_id=" not in first


def test_the_examples_work_as_printed(running: tuple[str, Path], tmp_path: Path) -> None:
    """In one shell, in order: a line that fails, or an answer over 399, fails the test."""
    need(shutil.which("curl"), "curl")
    address, data = running
    for name in (README.name, "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    # The port is another one here, and manage.py is not where the file is; all else is as printed.
    pasted = examples().replace(ADDRESS, address).replace("python3 manage.py", f"python3 '{ROOT / 'manage.py'}'")
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", f"python3() {{ '{sys.executable}' \"$@\"; }}\n{pasted}"],
        cwd=tmp_path,
        env={**os.environ, "BACKOFFICE_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"name":"readme.md"' in done.stdout
    assert '"name":"read me first.md"' in done.stdout
    assert '"missing_count":0' in done.stdout
    assert README.read_text()[:80] in done.stdout, "the range was not sent"
    assert "+ cmp README.md readme.copy" in done.stderr
    assert len(re.findall(rf"^{address}/s/\S+$", done.stdout, re.MULTILINE)) == 2, "a link and a request"
    assert '"number":2' in done.stdout, "other content"
