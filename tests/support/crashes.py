"""A process that does what a web worker does and dies, or kills the store, after a given call of the store.

Run as a program it forks one child for each line it reads (JSON, see `Run`), waits for its end, and writes its exit
status: so each child is a process of its own, without the time it takes to start Python. Where nobody is to be killed
it plays itself, and writes what there is to kill after: from then on its children need not read a module or enrol
anybody anew.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from backoffice.domain.files import File, FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.errors import Unavailable
from backoffice.services.uploads.chunks import GRACE_SECONDS
from backoffice.stores import uploads as upload_store
from backoffice.stores.bounds import Bounds
from backoffice.stores.chunks import redis as redis_chunks
from backoffice.stores.client import Client, connect
from tests.support.chunks import Place, unsynced
from tests.support.delivery_crashes import DELIVERED, expect_counted, prepare_request, waiting
from tests.support.journal import Journal
from tests.support.killing import KillingDb, KillingDisk
from tests.support.uploads import ALICE, LIMITS, World, reader
from tests.support.version_crashes import VERSIONED, expect_content, expect_whole, prepare_file

PARTS = [b"a" * 1000, b"b" * 900, b"c" * 7]
CONTENT = b"".join(PARTS)
CUTS = (300, 700, 1400, len(CONTENT))
"""Within the first chunk, twice, so that its beginning is replaced; over a chunk's end; before the end of all."""
SMALL = 900
"""Bytes of a body that fits in a chunk."""
EVERYTHING = Query()
BOUNDS = Bounds(versions=1)


@dataclass(frozen=True, slots=True)
class Run:
    """`kill`: the process to be killed after call number `after`, 0 = itself; after = 0: none. `chunks`: the directory
    with the bytes, "" = Redis."""

    scenario: str
    url: str
    password: str
    journal: str
    after: int
    kill: int
    chunks: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


Scenario = Callable[[World, Journal], None]


# --- what clients want; each goes on where the journal says it was left


def by_chunks(world: World, journal: Journal) -> None:
    """A resumable upload. Chunks that were acknowledged are not sent again."""
    started = journal.of("started")
    upload_id = started[0][0] if started else world.begin(ALICE, PARTS).id
    if not started:
        journal.note("started", upload_id)
    if world.files.get(upload_id) is None:
        missing = world.service.state(ALICE, upload_id).missing
        for index in (one for first, last in missing for one in range(first, last + 1)):
            assert [index] not in journal.of("chunk"), "an acknowledged chunk was lost"
            world.put(ALICE, upload_id, index, PARTS)
            journal.note("chunk", index)
    done(journal, world.service.complete(ALICE, upload_id, FileSpec("a.txt"), total_size=len(CONTENT)))


def by_stream(world: World, journal: Journal) -> None:
    """A stream that is cut again and again. The offset never falls, and is never more than what arrived."""
    started = journal.of("started")
    upload_id = started[0][0] if started else world.service.create_stream(ALICE).id
    if not started:
        journal.note("started", upload_id)
    for cut in CUTS if world.files.get(upload_id) is None else ():
        offset = world.service.state(ALICE, upload_id).upload.bytes
        assert offset >= max((kept for [kept] in journal.of("kept")), default=0), "acknowledged bytes were lost"
        if offset >= cut:
            continue
        with suppress(ConnectionResetError):
            world.service.append(ALICE, upload_id, offset, reader(CONTENT[offset:cut], fail_at=cut - offset))
        kept = world.service.state(ALICE, upload_id).upload.bytes
        assert kept == cut, "what arrived before the cut was not kept"
        journal.note("kept", kept)
    done(journal, world.service.complete(ALICE, upload_id, FileSpec("a.txt"), total_size=len(CONTENT)))


def by_body(world: World, journal: Journal) -> None:
    """One long body. It is sent anew as long as it was not acknowledged."""
    if not journal.of("done"):
        done(journal, world.service.upload_stream(ALICE, FileSpec("a.txt"), reader(CONTENT)))


def by_small_body(world: World, journal: Journal) -> None:
    """Two bodies that fit in a chunk; the second finds the name taken."""
    for number in range(2):
        if len(journal.of("done")) <= number:
            body = reader(CONTENT[:SMALL], step=300)
            done(journal, world.service.upload_stream(ALICE, FileSpec("a.txt"), body))


def staged(scenario: Scenario) -> Scenario:
    """The same, with bytes that are put under a key of their own before the script."""

    def play_staged(world: World, journal: Journal) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(redis_chunks, "_WITHIN_SCRIPT", 0)
            scenario(world, journal)

    return play_staged


def done(journal: Journal, file: File) -> None:
    journal.note("done", file.id)


def purged(world: World, journal: Journal) -> None:
    """A file that goes, by way of the trash."""
    file_id = journal.of("started")[0][0]
    if not journal.of("trashed") and world.library.page(ALICE, EVERYTHING).total:
        world.library.trash(ALICE, file_id)
        journal.note("trashed")
    if world.library.trash_page(ALICE, EVERYTHING).total:
        world.library.purge(ALICE, file_id)


def cancelled(world: World, journal: Journal) -> None:
    """An upload that is given up."""
    upload_id = journal.of("started")[0][0]
    if world.service.mine(ALICE, EVERYTHING).total:
        world.service.cancel(ALICE, upload_id)


def prepare(world: World, scenario: str, journal: Journal) -> None:
    """There is what is to go: how it comes and what may go wrong there, is the business of `by_chunks`."""
    if scenario == "purged":
        journal.note("started", world.stored(ALICE, PARTS).id)
    elif scenario == "cancelled":
        journal.note("started", world.partly(ALICE, PARTS, 2).id)
    elif scenario in VERSIONED:
        prepare_file(world, journal)
    elif scenario in DELIVERED:
        prepare_request(world, scenario, journal)


EXPECTED = {**dict.fromkeys(VERSIONED, expect_whole), **dict.fromkeys(DELIVERED, expect_counted)}
STAGED = ("by_chunks_staged", "by_small_body_staged")
"""Only where the bytes are in Redis do these differ from those of the name before."""
SCENARIOS: dict[str, Scenario] = {
    "by_chunks": by_chunks,
    "by_chunks_staged": staged(by_chunks),
    "by_stream": by_stream,
    "by_body": by_body,
    "by_small_body": by_small_body,
    "by_small_body_staged": staged(by_small_body),
    "purged": purged,
    "cancelled": cancelled,
    **{name: act for name, (act, _) in VERSIONED.items()},
    **DELIVERED,
}


def over(run: Run, client: Client, db: KillingDb | None = None) -> World:
    """The service, with bytes where the run has them."""
    Place(Path(run.chunks) if run.chunks else None).enter()
    disk = KillingDisk(Path(run.chunks), db) if run.chunks and db is not None else None
    return World.over(client, db=db, disk=disk, bounds=BOUNDS)


def play(run: Run) -> None:
    """Carry a scenario out, until somebody is killed."""
    client, journal = connect(run.url, run.password), Journal(Path(run.journal))
    prepare(over(run, client), run.scenario, journal)
    db = KillingDb(client, run.after, run.kill or os.getpid())
    try:
        SCENARIOS[run.scenario](over(run, client, db), journal)
    except Unavailable:
        assert run.kill, "the store is away and nobody killed it"


def play_well(run: Run) -> tuple[list[int], int]:
    """Carry a scenario out to its end: the numbers of the calls after which the store, the directory or the journal is
    another than before, and how many calls there are. Who dies after one of the others leaves what was there before
    it."""
    client, journal = connect(run.url, run.password), Path(run.journal)

    def look() -> object:
        written = journal.stat().st_size if journal.exists() else 0
        return client.info("persistence")["rdb_changes_since_last_save"], written

    with closing(client):
        prepare(over(run, client), run.scenario, Journal(journal))
        db = KillingDb(client, 0, 0, look)
        SCENARIOS[run.scenario](over(run, client, db), Journal(journal))
    return db.differing, db.calls


@contextmanager
def a_minute_later() -> Iterator[None]:
    """The leases of those who died have ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload_store, "now_ms", lambda: now_ms() + 61_000)
        yield


def replay(run: Run) -> None:
    """The client comes back to a process that lives, and finds what it should."""
    client = connect(run.url, run.password)
    come_back(over(run, client), run.scenario, Journal(Path(run.journal)))
    client.close()


def come_back(world: World, scenario: str, journal: Journal) -> None:
    """Go on where the journal ends. Then all that the client was told is true, and nothing else is there."""
    expect = EXPECTED.get(scenario)
    if expect is not None:
        world.assert_sound()
        expect(world, scenario, journal, end=False)
    SCENARIOS[scenario](world, journal)
    if expect is not None:
        expect(world, scenario, journal, end=True)
    else:
        expect_content(world, journal, CONTENT[:SMALL] if "small_body" in scenario else CONTENT)
    world.assert_sound()

    # What no client knows of goes by itself.
    world.clock.forward(LIMITS.upload_max_seconds + 61)
    world.service.cleanup.expire_due()
    world.service.cleanup.collect()
    world.library.collect()
    world.clock.forward(GRACE_SECONDS)
    world.service.cleanup.sweep()
    world.assert_sound()
    files = world.library.page(ALICE, EVERYTHING).items
    held = [one for file in (*files, *waiting(world)) for one in (file, *world.files.versions(file))]
    assert world.files.usage("alice") == (sum(one.size for one in held), 0)
    left = {file.id for file in files}
    if Place.current.directory is not None:
        assert {one for one, _, _ in world.chunks.scan()} <= {one.content_id for one in held}
        assert sorted(one.name for one in Place.current.directory.glob("held/*/*")) == []
        assert list(Place.current.directory.glob("tmp/*")) == []
    assert left.issuperset(one for [one] in journal.of("done"))
    # Whose id no client was told, may be there, whole; what was to go is gone.
    assert scenario.startswith("by_") or left.isdisjoint(one for [one] in journal.of("started"))


def main() -> None:
    os.fsync = unsynced
    gc.freeze()  # no child goes through what they share
    for line in sys.stdin:
        run = Run(**json.loads(line))
        if not run.after:
            print(json.dumps(play_well(run)), flush=True)
            gc.collect()
            gc.freeze()
            continue
        child = os.fork()
        if not child:
            play(run)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main()
