"""The worker's loop: what fails does not keep the rest from its work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from backoffice.domain.audit import AuditEntry
from backoffice.errors import BackofficeError, IntegrityError, StoreFull, Unavailable
from backoffice.worker.loop import Job, Worker


class Quiet:
    def wait(self, after: str, milliseconds: int) -> list[AuditEntry]:
        return []


class Heart:
    def beat(self, host: str, seconds: int) -> None: ...


@dataclass(slots=True)
class Few(Worker):
    given: list[Job] = field(default_factory=list)

    def jobs(self) -> list[Job]:
        return self.given


def fail(error: BackofficeError) -> Callable[[], int]:
    def run() -> int:
        raise error

    return run


@pytest.mark.parametrize("error", [StoreFull(), Unavailable(), IntegrityError()])
def test_a_job_that_fails_does_not_keep_the_next_from_running(error: BackofficeError) -> None:
    stop, failing = threading.Event(), Job("beat", 10, fail(error))

    def last() -> int:
        stop.set()
        return 0

    Few(cast(Any, None), Quiet(), Heart(), stop=stop, given=[failing, Job("purge", 30, last)]).run()
    assert stop.is_set()
    assert failing.due > 0


def test_a_full_batch_is_followed_by_the_next_at_once() -> None:
    stop, left = threading.Event(), [100, 100, 7]

    def run() -> int:
        done = left.pop(0)
        if not left:
            stop.set()
        return done

    Few(cast(Any, None), Quiet(), Heart(), stop=stop, given=[Job("expire", 3600, run)]).run()
    assert not left
