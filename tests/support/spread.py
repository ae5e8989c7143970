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
    *GROUPS,
    EVERY_PAGE,
    "tests/contract/test_upload_faults.py",
    "tests/integration/test_crashes.py",
    "tests/integration/test_data_directory.py",
    "tests/integration/test_up.py",
    "tests/unit/api/test_api_description.py",
    "tests/security/test_slow_bodies.py",
    "tests/security/test_every_way_in.py",
    "tests/contract/test_folder_faults.py",
    "tests/integration/test_odd_commands.py",
    "tests/integration/test_tus.py",
    "tests/contract/test_store_memory_doors.py",
    "tests/integration/test_long_acts.py",
    "tests/security/test_slow_people.py",
    "tests/recorded/test_recorded_answers.py",
    "tests/integration/test_upgrade.py",
    "tests/integration/test_round_trips.py",
    "tests/contract/test_paging.py",
    "tests/contract/test_chunks_ahead.py",
    "tests/integration/test_listening.py",
    "tests/unit/test_acts.py",
    "tests/unit/test_admin_views.py",
    "tests/contract/test_shared_files.py",
    "tests/contract/test_review_full_store.py",
    "tests/security/test_admin_doors.py",
    "tests/integration/test_hung_store.py",
    "tests/contract/test_takeover_machine.py",
    "tests/contract/test_jobs.py",
    "tests/contract/test_log_long_indexes.py",
    "tests/integration/client/test_client_slow.py",
    "tests/integration/test_other_clients.py",
    "tests/integration/test_mutations.py",
    "tests/integration/test_manage.py",
    "tests/integration/test_curl_examples.py",
    "tests/integration/test_upgrade_log.py",
    "tests/security/test_debugger.py",
    "tests/integration/test_upload_bodies.py",
    "tests/integration/test_web_server.py",
)
"""What takes longest, the longest first: begun at the end, one process would work while the others have nothing."""


def scope(nodeid: str) -> str:
    """What one process does in one go: a file, for its tests share what they start. The browser tests are two, for they
    share a site and a Chromium; but the file that looks at every page takes as long as half of the rest of them."""
    file = nodeid.partition("::")[0]
    if file == EVERY_PAGE or PurePosixPath(BROWSER) not in PurePosixPath(file).parents:
        return file
    return GROUPS[crc32(PurePosixPath(file).name.encode()) % len(GROUPS)]


def turn(nodeid: str) -> int:
    """The less, the earlier; of the same turn all stay in their order."""
    found = scope(nodeid)
    return LONG.index(found) if found in LONG else len(LONG)


class Spread(LoadFileScheduling):
    """By what shares something; the order is that of the collection (tests/conftest.py sorts it)."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
