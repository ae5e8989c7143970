"""How `manage.py test` deals the tests out to its processes (pytest-xdist)."""

from __future__ import annotations

from pathlib import PurePosixPath
from zlib import crc32

from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser"
EVERY_PAGE = "tests/browser/test_operators_site.py"
GROUPS = tuple(f"{BROWSER} {number}" for number in range(2))
"""Two processes drive a Chromium each."""
LONG = (
    EVERY_PAGE,
    *GROUPS,
    "tests/integration/test_restart.py",
    "tests/integration/test_up.py",
    "tests/integration/test_crashes.py",
    "tests/integration/test_data_directory.py",
    "tests/contract/test_upload_faults.py",
    "tests/integration/test_tus.py",
    "tests/security/test_slow_people.py",
    "tests/security/test_debugger.py",
    "tests/integration/test_long_acts.py",
    "tests/recorded/test_recorded_answers.py",
    "tests/integration/test_upgrade.py",
    "tests/integration/test_listening.py",
    "tests/integration/test_backup_commands.py",
    "tests/integration/test_upload_bodies.py",
    "tests/integration/test_doctor.py",
    "tests/integration/test_trace_collector.py",
)
"""What takes longest, the longest first: begun at the end, one process would work while the others have nothing."""


def scope(nodeid: str) -> str:
    """What one process does in one go: a file, for its tests share what they start. The browser tests are two, for they
    share a site and a Chromium; but the file that looks at every page takes as long as half of the rest of them."""
    file = nodeid.partition("::")[0]
    if file == EVERY_PAGE or PurePosixPath(BROWSER) not in PurePosixPath(file).parents:
        return file
    return GROUPS[crc32(file.encode()) % len(GROUPS)]


def turn(nodeid: str) -> int:
    """The less, the earlier; of the same turn all stay in their order."""
    found = scope(nodeid)
    return LONG.index(found) if found in LONG else len(LONG)


class Spread(LoadFileScheduling):
    """By what shares something; the order is that of the collection (tests/conftest.py sorts it)."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
