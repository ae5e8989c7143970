"""Checks of the site as jobs: who starts one, how far it is, what is kept of it, and what a dead worker leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from backoffice.domain.access import Actor
from backoffice.domain.check_reports import MAX_FINDING, MAX_FINDINGS, Checked, CheckReport
from backoffice.domain.jobs import Job, JobState
from backoffice.domain.permissions import Permissions
from backoffice.services import job_runner
from backoffice.services.checks import Checks, Progress
from backoffice.stores.client import Db
from tests.support.admin_views import Desk, desk
from tests.support.website import SHELL


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        yield made


def start(whole: Desk, role: str, **form: str) -> str:
    answer = whole.as_(role).post("/admin/system/check/", form)
    assert answer.status_code == 303, answer.text
    [found] = re.findall(r"id=([0-9A-Za-z]{22})", answer.location)
    return str(found)


def job(whole: Desk, job_id: str) -> Job:
    found = whole.site.services.jobs.store.get(job_id)
    assert found is not None
    return found


def work(whole: Desk) -> None:
    """One worker, until nothing is left to do."""
    runner = whole.site.services.jobs.runner
    while runner.run_some():
        pass


def db_of(whole: Desk) -> Db:
    return whole.site.services.jobs.store._db  # type: ignore[attr-defined, no-any-return]


def test_the_store_is_examined_and_compared_and_the_report_is_kept(whole: Desk) -> None:
    page = whole.as_("operator").get("/admin/system/").text
    assert "Compare the store with itself" in page
    assert "Not started in the last 30 days" in page
    assert "form 1" in page
    ids = [start(whole, "operator", kind=kind) for kind in ("doctor", "fsck")]
    browser = whole.as_("operator")
    assert browser.post("/admin/system/check/", {"kind": "fsck"}).location == "/admin/system/"
    assert "This is under way already" in browser.get("/admin/system/").text
    work(whole)
    doctor, fsck = (job(whole, one) for one in ids)
    assert (doctor.state, fsck.state, fsck.refused) == (JobState.DONE, JobState.DONE, 0)
    assert {one.topic for one in doctor.findings} >= {"memory", "workers", "durability"}
    assert fsck.done == fsck.total > 10
    assert [row for row in fsck.found.checked if row.found] == []
    assert "indexes agree with records" in whole.as_("operator").get(f"/admin/jobs/details/?id={fsck.id}").text
    page = whole.as_("operator").get(f"/admin/jobs/details/?id={doctor.id}").text
    assert "nothing expires" in page
    assert "Undo" not in page
    assert f"/admin/jobs/details/?id={fsck.id}" in whole.as_("operator").get("/admin/system/").text
    assert whole.as_("operator").post("/admin/system/check/", {"kind": "burn"}).status_code == 400


def test_what_repairs_is_asked_about_and_takes_its_right(whole: Desk) -> None:
    assert whole.as_("operator").post("/admin/system/check/", {"kind": "fsck.repair"}).status_code == 403
    confirmed = {"kind": "fsck.repair", "confirmed": "1"}
    assert whole.as_("operator").post("/admin/system/check/", confirmed).status_code == 403
    for role in ("auditor", "user", whole.role(Permissions.JOBS_WRITE)):
        assert whole.as_(role).post("/admin/system/check/", {"kind": "fsck"}).status_code == 403
    assert 'name="kind"' not in whole.as_("auditor").get("/admin/system/").text
    asked = whole.as_("admin").post("/admin/system/check/", {"kind": "fsck.repair"})
    assert (asked.status_code, 'name="kind" value="fsck.repair"' in asked.text) == (200, True)
    file = whole.file()
    files, db = whole.site.services.files.files, db_of(whole)
    created = files.collection.keys.index("files", "created")  # type: ignore[attr-defined]
    db.call("ZREM", created, files.collection.ref(file.id))  # type: ignore[attr-defined]
    found = start(whole, "operator", kind="fsck")
    work(whole)
    assert [one.verdict for one in job(whole, found).findings] == ["found"]
    repair = start(whole, "admin", **confirmed)
    work(whole)
    done = job(whole, repair)
    assert [one.verdict for one in done.findings] == ["repaired"]
    assert done.found.counts == {"found": 1, "repaired": 1}
    log = whole.site.services.audit.log
    [entry] = log.page((("object", f"job:{repair}"), ("action", "system.repair")), "", 5).items
    assert entry.event["object"]["id"] == file.id
    [end] = log.page((("object", f"job:{repair}"), ("action", "job.end")), "", 5).items
    assert (end.event["data"]["found"], end.event["data"]["repaired"]) == (1, 1)


def test_it_is_stopped_and_where_its_worker_is_gone_another_begins_anew(
    whole: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "CHECK_SECONDS", 0)
    monkeypatch.setattr(job_runner, "CHECK_LEASE_MS", 60_000)
    one, two = whole.site.services.jobs.runner, whole.site.services.jobs.runner
    check = start(whole, "operator", kind="fsck")
    assert one.run_some()
    assert not two.run_some()  # the first one has it
    assert one.run_some()
    assert job(whole, check).shown_state == "running"
    db_of(whole).call("HSET", whole.site.services.jobs.store._keys.record("jobs", check), "lease_until", 0)  # type: ignore[attr-defined]
    assert two.run_some()
    assert not one.run_some()
    assert not one.running
    whole.site.services.jobs.stop(SHELL, check)
    assert not two.run_some()
    assert job(whole, check).state is JobState.STOPPED
    assert not two.running


def test_who_was_away_until_another_had_ended_it_leaves_it(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had begun may hold something: a backup has its file, and keeps all others from it."""
    monkeypatch.setattr(job_runner, "CHECK_SECONDS", 0)
    runner, left = whole.site.services.jobs.runner, list[str]()

    def steps(_: Actor) -> Iterator[Progress]:
        try:
            for done in range(3):
                yield Progress(done, 3, CheckReport())
        finally:
            left.append("left")

    kinds = runner.checks.kinds
    checks = Checks({**kinds, "fsck": replace(kinds["fsck"], steps=steps)})
    one, two = (replace(runner, checks=checks, running={}) for _ in range(2))
    check = start(whole, "operator", kind="fsck")
    assert one.run_some()
    db_of(whole).call("HSET", whole.site.services.jobs.store._keys.record("jobs", check), "lease_until", 0)  # type: ignore[attr-defined]
    while two.run_some():
        pass
    assert job(whole, check).state is JobState.DONE
    assert left == ["left"]
    assert not one.run_some()
    assert (one.running, left) == ({}, ["left", "left"])


def test_a_report_is_bounded() -> None:
    report = CheckReport([Checked("indexes", 3, 2, 1)])
    for _ in range(MAX_FINDINGS + 7):
        report.add("found", "indexes", "x" * 1000)
    assert (len(report.findings), report.more, len(report.findings[0].text)) == (MAX_FINDINGS, 7, MAX_FINDING)
    assert len(report.dump()) < 16_384
    assert CheckReport.load(report.dump()).dump() == report.dump()
    assert CheckReport.load("").findings == []
