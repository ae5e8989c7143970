"""The benchmark's own client counts what it should, and a run with errors in it is no figure."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from redis import Redis

from backoffice.domain.files import OnConflict
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.stores.client import Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.users import RedisUsers
from benchmarks import fill
from benchmarks.__main__ import PARTS, main
from benchmarks.load import Load, Outcome, run
from benchmarks.plan import Goal, Part
from benchmarks.records import Crowd
from benchmarks.report import for_document
from benchmarks.site import Failed
from benchmarks.small import Variant

OURS = ""
CLIENTS = [OURS, *filter(None, [shutil.which("wrk")])]
"""Our own, and wrk where it is installed."""


@dataclass
class Server:
    port: int = 0
    seen: Counter[tuple[str, str, bytes]] = field(default_factory=Counter)
    refused: str = "no such path"

    def load(self, path: str, method: str = "GET", body: int = 0) -> Load:
        return Load("127.0.0.1", self.port, path, method, {"X-Mark": "here"}, body)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            assert self.headers["X-Mark"] == "here"
            found.seen[self.command, self.path, body] += 1
            self.send_response(409 if found.refused in self.path else 200)
            # Longer than what comes at once.
            self.send_header("Content-Length", "300000")
            self.end_headers()
            self.wfile.write(b"x" * 300_000)

        do_GET = do_PUT = answer  # noqa: N815 -- names of the library

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield found
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("client", CLIENTS)
def test_every_request_of_a_run_has_its_own_number(server: Server, client: str) -> None:
    outcome = run(server.load("/new/#.bin", "PUT", 1000), 0.5, 3, wrk=client)
    assert outcome.requests > 10
    # Those that were under way at the end are not counted.
    assert outcome.requests <= len(server.seen) <= outcome.requests + 3
    assert set(server.seen.values()) == {1}
    assert {(method, body) for method, _, body in server.seen} == {("PUT", b"x" * 1000)}
    assert 0 < outcome.p50 <= outcome.p99 <= outcome.worst
    assert outcome.rate == pytest.approx(outcome.requests / outcome.seconds)


def test_without_a_number_it_is_the_same_request_again(server: Server) -> None:
    outcome = run(server.load("/same"), 0.3, 2, wrk=OURS)
    [(asked, times)] = server.seen.items()
    assert asked == ("GET", "/same", b"")
    assert outcome.requests <= times <= outcome.requests + 2


@pytest.mark.parametrize("client", CLIENTS)
def test_one_error_spoils_the_figure(server: Server, client: str) -> None:
    server.refused = "/new/9."
    with pytest.raises(Failed, match="1 of"):
        run(server.load("/new/#.bin", "PUT", 10), 0.5, 2, wrk=client)


def test_a_ratio_is_that_of_the_turns() -> None:
    """What both had to bear in a turn falls out."""

    def variant(*rates: int) -> Variant:
        turns = [Outcome(rate, 1.0, 0, 1.0, 2.0, 3.0) for rate in rates]
        return Variant("", "", lambda _: Load("", 0, ""), lambda: pytest.fail("not measured"), turns)

    assert variant(100, 10, 50).over(variant(200, 20, 50)) == 0.5


def test_a_table_can_be_pasted() -> None:
    part = Part("Small", "How it was.", ("kind", "requests/s"), [["PUT", "7"]], [Goal("trips", 3, 2, at_most=True)])
    assert for_document([part]).splitlines() == [
        "**Small.** How it was.",
        "",
        "| kind | requests/s |",
        "| --- | ---: |",
        "| PUT | 7 |",
        "",
        "|  | measured | goal |  |",
        "| --- | ---: | ---: | ---: |",
        "| trips | 3 | ≤ 2 | **missed** |",
    ]


def test_parts_are_named_with_commas(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "small,pag"])
    told = capsys.readouterr().err
    assert "'pag' is none of" in told
    assert all(name in told for name in PARTS)


def dumped(client: Redis) -> dict[bytes, object]:
    """What lies under each key, but for what recognises a repeated commit. Of the log and its indexes what does not
    depend on the moment."""
    found: dict[bytes, object] = {}
    for key in client.scan_iter(count=1000):
        if b":request:" in key:
            continue
        match client.type(key):
            case b"hash":
                found[key] = client.hgetall(key)
            case b"zset":
                found[key] = client.zrange(key, 0, -1, withscores=True)
            case b"stream":
                found[key] = Counter(fields[b"e"] for _, fields in client.xrange(key))
            case _:
                text = client.get(key)
                found[key] = len(text) if b":by:" in key else text
    return found


def test_what_is_filled_in_is_what_commits_write(real: Redis) -> None:
    crowd = Crowd(users=9, files=40)
    users, files = ([*map(make, range(count))] for make, count in ((crowd.user, 9), (crowd.file, 40)))
    fill.add_users(real, users)
    fill.add_files(real, files)
    filled = dumped(real)
    real.flushall()
    people, library = RedisUsers(Db(real), Keys()), RedisFiles(Db(real), Keys())
    for user in users:
        people.insert(user, fill.user_created(user))
    for file in files:
        chunk, event = fill.chunk_of(file), fill.file_created(file)
        library.create(file, chunk, None, quota=UNLIMITED_QUOTA, on_conflict=OnConflict.FAIL, event=event)
    assert dumped(real) == filled
    assert len(filled) > 100
