"""What nobody expected while a job is carried out: the worker tells it in its log, and everything else goes on."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.jobs import JobState, Selection
from backoffice.services.job_runner import UNEXPECTED
from tests.support.jobs import JobScene


def test_what_nobody_expected_of_a_record_or_a_job_is_in_no_others_way(redis: Any) -> None:
    scene = JobScene(redis)
    [broken, good, *ids] = scene.files_of(scene.owner, 4)
    collection, begin = scene.world.files.collection, scene.people.keys.record
    some = scene.start("file.trash", Selection(ids=(broken, good)))
    lost = scene.start("file.trash", Selection(ids=(ids[0],)))
    other = scene.start("file.trash", Selection(ids=tuple(ids)))
    scene.people.db.call("HSET", begin("files", broken), collection.codec.stored("size"), "none")
    scene.people.db.call("HSET", begin("jobs", lost.id), "query", "{")
    scene.people.db.call("HSET", begin("jobs", lost.id), "ids", "[]")
    with pytest.raises(ValueError):
        scene.finish(other)
    after = [scene.again(one) for one in (some, lost, other)]
    assert [(one.state, one.done, one.refused) for one in after] == [
        (JobState.DONE, 1, 1),
        (JobState.FAILED, 0, 0),
        (JobState.DONE, 2, 0),
    ]
    assert [one.text for one in after[0].why_refused] == [after[1].failure] == [UNEXPECTED]
    scene.finish(other)  # nothing is left that fails again
