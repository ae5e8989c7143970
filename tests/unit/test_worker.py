"""The worker's loop: what fails does not keep the rest from its work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from backoffice.domain.access import Actor, granted_by
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.system import NOTHING_DONE
from backoffice.domain.times import now_ms
from backoffice.domain.users import User, UserStatus
from backoffice.errors import IntegrityError, StoreFull, Unavailable
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import pack
from backoffice.worker import loop
from backoffice.worker.loop import Job, Worker
from tests.support.servers import wait_for
from tests.support.website import SHELL, Site, make_whole_site

ADA = Actor("ada", "ada", roles=(("user", granted_by("user")),))


def _site(fake: Redis) -> Site:
    """A site on which Ada is a user."""
    site = make_whole_site(fake)
    event = AuditEvent(Actions.USER_CREATE, SHELL, ObjectRef("user", ADA.id, ADA.name))
    site.services.users.store.insert(User(ADA.id, ADA.name, 1, 1, status=UserStatus.ACTIVE), event)
    return site


class Heart:
    def beat(self, host: str, done: Mapping[str, int] = NOTHING_DONE) -> None: ...


class Once(Worker):
    """Stops when there is nothing more to do."""

    def rest(self, until: float) -> None:
        self.stop.set()


@dataclass(slots=True)
class Counted:
    """A heart that counts."""

    beats: int = 0

    def beat(self, host: str, done: Mapping[str, int] = NOTHING_DONE) -> None:
        self.beats += 1


@dataclass(slots=True)
class Few(Worker):
    given: list[Job] = field(default_factory=list)

    def jobs(self) -> list[Job]:
        return self.given


def fail(error: Exception) -> Callable[[], bool]:
    def run() -> bool:
        raise error

    return run


@pytest.mark.parametrize(
    "error", [StoreFull(), Unavailable(), IntegrityError(), ValueError(), ResponseError(), FileNotFoundError()]
)
def test_a_job_that_fails_does_not_keep_the_next_from_running(error: Exception) -> None:
    """Also by what nobody expected, such as a record that cannot be read: it would end each worker anew."""
    stop, failing = threading.Event(), Job("beat", 10, fail(error))

    def last() -> bool:
        stop.set()
        return False

    Few(cast(Any, None), Heart(), stop=stop, given=[failing, Job("purge", 30, last)]).run()
    assert stop.is_set()
    assert failing.due > 0


def test_a_batch_that_leaves_more_is_followed_by_the_next_at_once() -> None:
    stop, left = threading.Event(), [True, True, False]

    def run() -> bool:
        more = left.pop(0)
        if not left:
            stop.set()
        return more

    Few(cast(Any, None), Heart(), stop=stop, given=[Job("expire", 3600, run)]).run()
    assert not left


def chunked(site: Site, count: int) -> list[str]:
    """Files that came in chunks, so that nobody has taken their SHA-256 yet; their ids."""
    uploads = site.services.uploads
    found = []
    for number in range(count):
        upload = uploads.start(ADA, total_chunks=2)
        for index in range(2):
            uploads.put_chunk(ADA, upload_id=upload.id, index=index, total_chunks=2, data=b"%03d" % number)
        found.append(uploads.complete(ADA, upload.id, FileSpec(f"{number}.txt"), total_size=6).id)
    return found


def test_all_files_that_wait_for_their_digest_get_it_before_the_worker_rests(fake: Redis) -> None:
    site = _site(fake)
    chunked(site, 35)
    Once(site.services, Heart()).run()
    files = site.services.files.page(ADA, Query(limit=100)).items
    assert len([file for file in files if file.sha256]) == 35


def test_damaged_files_do_not_keep_the_worker_busy(fake: Redis) -> None:
    site = _site(fake)
    for file_id in chunked(site, 35)[:30]:
        fake.set(f"file:{{{file_id}}}:chunk:0", b"damaged")
    Once(site.services, Heart()).run()
    files = site.services.files.page(ADA, Query(limit=100)).items
    assert len([file for file in files if file.sha256]) == 5
    assert site.services.audit.log.page((("action", Actions.FILE_DAMAGED),), "", 1).total == 30


def test_uploads_that_somebody_completes_do_not_keep_the_worker_busy(fake: Redis) -> None:
    services = _site(fake).services
    uploads = replace(services.uploads, now=lambda: now_ms() + 30 * 24 * 3600 * 1000)
    for _ in range(3):
        upload = services.uploads.start(ADA, total_chunks=1)
        services.uploads.put_chunk(ADA, upload_id=upload.id, index=0, total_chunks=1, data=b"x")
        uploads.uploads.lease(upload.id, upload.owner, "somebody", 600)
    assert not uploads.cleanup.expire_due(limit=3)
    services.uploads.start(ADA, total_chunks=1)
    assert not uploads.cleanup.expire_due(limit=10)
    assert uploads.uploads.page(Query()).total == 3


def test_a_worker_that_reads_for_long_goes_on_telling_that_it_lives(
    fake: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, heart = _site(fake), Counted()
    chunked(site, 4)
    monkeypatch.setattr(loop, "BEAT_SECONDS", 0.0)  # as if reading one file took that long

    class Busy(Once):
        def jobs(self) -> list[Job]:
            return [job for job in Worker.jobs(self) if job.name == "digest"]

    Busy(site.services, heart).run()
    assert heart.beats == 4


def test_a_new_file_waits_for_its_digest_for_a_moment(fake: Redis) -> None:
    site = _site(fake)
    worker = Worker(site.services, Heart())
    running = threading.Thread(target=worker.run)
    running.start()
    try:
        [file_id] = chunked(site, 1)
        wait_for(lambda: site.services.files.get(ADA, file_id).sha256, "the file has its digest", 5)
    finally:
        worker.stop.set()
        running.join(5)
    assert not running.is_alive()


def test_a_worker_that_rests_leaves_the_store_alone(fake: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens on the site meanwhile: it costs the worker nothing."""
    site = _site(fake)
    calls = list[float]()
    worker = Worker(site.services, Heart())

    def run() -> bool:
        calls.append(time.monotonic())
        return False

    monkeypatch.setattr(Worker, "jobs", lambda _: [Job("digest", 0.5, run)])
    running = threading.Thread(target=worker.run)
    running.start()
    wait_for(lambda: calls, "the first turn")
    chunked(site, 20)
    wait_for(lambda: len(calls) >= 2, "the second turn")
    worker.stop.set()
    running.join(5)
    assert calls[1] - calls[0] >= 0.5


def test_indexes_of_the_log_that_an_earlier_version_left_are_cut(fake: Redis) -> None:
    site = _site(fake)
    log, keys = site.services.audit.log, Keys("bo")
    index = keys.audit_index("action", "user.create")
    [entry] = log.page((("action", "user.create"),), "", 1).items
    older = b"".join(n.to_bytes(8, "big") for n in range(1, 2 * keys.segment_bytes // 8))
    fake.set(index, older + pack(entry.id))
    Once(site.services, Heart()).run()
    assert fake.strlen(index) == 0
    assert fake.strlen(keys.segment(index, 1)) == fake.strlen(keys.segment(index, 2)) == keys.segment_bytes
    page = log.page((("action", "user.create"),), "", 1)
    assert (page.items, page.total) == ((entry,), 2 * keys.segment_bytes // 8)


def test_a_later_form_of_the_store_ends_it() -> None:
    services = SimpleNamespace(migrations=SimpleNamespace(newer=lambda: "A later version has the store."))
    one = Few(cast(Any, services), Heart())
    one.given = [Job("form", 3, one._look_at_form), Job("purge", 30, fail(IntegrityError()))]
    one.run()
    assert one.stop.is_set()
    assert not one.given[1].due, "it does nothing more"
