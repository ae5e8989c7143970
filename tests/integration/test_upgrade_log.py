"""A site that lived long with an earlier version: its log has an index in one piece, longer than a segment."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.times import rfc3339
from backoffice.embedded.data_dir import Layout
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import pack, segments_of, unpack
from tests.integration.test_upgrade import VERSIONS, opened
from tests.support.commands import typed_in
from tests.support.servers import Store, run_store, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to count processes"),
]
LIVED, LONG = Actions.LIST_EXPORT, 140_000
"""An act that is not in the archive, and how often it is added."""

A_THOUSAND = """
local added = {}
for number = 1, 1000 do
    added[number] = redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
end
return added
"""


def live_long(data: Path) -> None:
    """More entries of one action than a segment has, in an index in one piece, as that version made it."""
    with run_store(data) as store, closing(store.client()) as client:
        keys, event = Keys("bo"), AuditEvent(LIVED, ANONYMOUS).canonical()
        index, entries = keys.audit_index("action", str(LIVED)), []
        for _ in range(LONG // 1000):
            entries += client.eval(A_THOUSAND, 1, keys.audit, event)
        client.append(index, b"".join(pack(entry.decode()) for entry in entries))
        assert client.strlen(index) > keys.segment_bytes


def test_a_long_index_of_the_log_is_cut_and_found_all_the_time(tmp_path: Path) -> None:
    with opened(VERSIONS[0], tmp_path, live_long) as own:
        keys = Keys("bo")
        index = keys.audit_index("action", str(LIVED))
        layout = Layout.at(own.data)
        store = Store(layout.socket(), layout.store_password.read_text("ascii").strip(), 0)
        with closing(store.client()) as client:
            wait_for(lambda: client.hexists(keys.install, "segments"), "the worker has cut the indexes", 60)
            log, filters = RedisAudit(Db(client), keys), (("action", str(LIVED)),)
            assert log.page(filters, "", 1).total == LONG
            [oldest] = unpack(segments_of(client.get(keys.segments(index)))[0].first)
            sizes = [client.strlen(index), *(client.strlen(keys.segment(index, number)) for number in (1, 2))]
        assert sum(sizes) == LONG * 8
        assert max(sizes) <= keys.segment_bytes
        until = rfc3339(int(oldest.partition("-")[0]) + 1)
        found = own.command("audit", "search", "--action", str(LIVED), "--until", until, "-n", str(LONG), "--json")
        assert json.loads(found.splitlines()[-1])["id"] == oldest
        wanted = [entry for entry in own.held["log"] if entry["event"]["action"] == "file.rename"]
        assert own.log("--action", "file.rename") == wanted


@pytest.mark.parametrize("version", VERSIONS)
def test_the_worker_migrates_and_says_when_nothing_is_left(version: str, tmp_path: Path) -> None:
    with opened(version, tmp_path) as own:

        def left() -> str:
            return typed_in({"BACKOFFICE_DATA_DIR": str(own.data)}, "migrate", "--check").stdout

        wait_for(lambda: "Nothing is left to do." in left(), "all migrations are done", 60)
        assert "words" in left()
        assert own.command("migrate").endswith("Nothing is left to do.\n")
        for file in own.ready:
            query = urlencode({"q": file["name"][1:], "owner": "*", "limit": 500})
            found = own.ask("GET", f"/files?{query}", "admin")["items"]
            assert file["id"] in {one["id"] for one in found}, "by a part of its name, too"
