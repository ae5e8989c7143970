"""What `up` hands to the programs that it starts, and what it warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.servers import Site, descendants

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to see what processes are given"),
]
PASSWORD, TOKEN = "violet-harbour-93-canary", "bo_canary_of_a_client"


def given(pid: int, path: str) -> str:
    return Path(f"/proc/{pid}/{path}").read_text("utf-8", "replace")


def test_k3_a_program_is_given_no_secret_that_it_has_no_use_for(tmp_path: Path) -> None:
    environ = {
        "BACKOFFICE_ADMIN_PASSWORD": PASSWORD,
        "BACKOFFICE_TOKEN": TOKEN,
        "BACKOFFICE_PUBLIC_URL": "https://files.example.org",
    }
    site = Site.start(tmp_path / "data", "--workers", "1", environ=environ)
    try:
        site.ready()
        site.expect("BACKOFFICE_TRUSTED_PROXIES")
        site.expect("Sign in at https://files.example.org/login")  # so the worker has made the administrator
        site.expect("Press Ctrl-C")
        programs = {pid: given(pid, "cmdline").replace("\0", " ") for pid in descendants(site.process.pid)}
        web = [pid for pid, command in programs.items() if " serve " in command]
        assert len(web) >= 2, programs
        assert not [pid for pid in web if PASSWORD in given(pid, "environ")]
        assert not [pid for pid in programs if TOKEN in given(pid, "environ")]
    finally:
        site.close()
