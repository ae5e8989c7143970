"""Jobs and leaving in the admin site: foreseen on a page, watched, stopped; nothing of it needs a script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from backoffice.domain.files import FileState
from backoffice.domain.jobs import JobState
from backoffice.domain.permissions import Permissions
from backoffice.domain.users import UserStatus
from tests.support.admin_views import Desk, desk


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        yield made


def work(whole: Desk) -> None:
    while whole.site.services.jobs.runner.run_some():
        pass


def test_everything_the_filter_matches_is_foreseen_started_and_reported(whole: Desk) -> None:
    browser, owner = whole.as_("operator"), whole.user()
    files = [whole.file(f"draft {n}.txt", owner) for n in range(3)]
    other = whole.file("draft of mine.txt", whole.user())
    chosen = {"action": "delete", "all": "1", "query": f"flt0_owner_is={owner.username}"}
    page = browser.post("/admin/files/action/", chosen)
    assert page.status_code == 200
    assert "Move to trash: 3 files" in page.text
    assert "draft 2.txt" in page.text
    assert f'name="query" value="flt0_owner_is={owner.username}"' in page.text
    assert "cannot be undone" not in page.text
    answer = browser.post("/admin/files/action/", {**chosen, "start": "1"})
    assert answer.status_code == 303
    job = browser.get(answer.location)
    assert "queued" in job.text
    assert "js/jobs.js" in job.text
    assert "Stop" in job.text
    work(whole)
    done = browser.get(answer.location)
    assert "data-over" in done.text
    assert "Moved to the trash</dt><dd>3</dd>" in done.text
    store = whole.site.services.files.files
    assert [found.state for one in files if (found := store.get(one.id))] == [FileState.TRASHED] * 3
    assert (found := store.get(other.id)) is not None
    assert found.state is FileState.READY
    assert "Move to trash: 3 files" in browser.get("/admin/jobs/").text


def test_a_filter_that_does_not_fit_or_is_unknown_does_nothing_to_all(whole: Desk) -> None:
    browser = whole.as_("operator")
    for asked in ("flt0_owner_is=nobody+at+all", "flt0_colour_is=red", "flt3_size_at_least=much", None):
        sent = {"action": "delete", "all": "1", "start": "1"} | ({} if asked is None else {"query": asked})
        assert browser.post("/admin/files/action/", sent).status_code == 400
    answer = browser.post("/admin/users/action/", {"action": "invite", "all": "1", "start": "1"})
    assert answer.status_code == 400
    assert not whole.site.services.jobs.store.open(5)


def test_what_is_final_asks_for_the_number(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.web.admin.bulk.SMALL_SELECTION", 1)
    browser = whole.as_("operator")
    files = [whole.trashed() for _ in range(2)]
    chosen = {"action": "delete", "rowid": [one.id for one in files]}
    page = browser.post("/admin/trash/action/", chosen)
    assert "Type 2 to go on" in page.text
    assert "cannot be undone" in page.text
    refused = browser.post("/admin/trash/action/", {**chosen, "start": "1", "typed": "3"})
    assert refused.status_code == 400
    assert "Type the number that is shown now." in refused.text
    assert browser.post("/admin/trash/action/", {**chosen, "start": "1", "typed": "2"}).status_code == 303
    work(whole)
    assert [whole.site.services.files.files.get(one.id) for one in files] == [None, None]


def test_tags_and_owners_are_asked_for_and_kept_when_they_are_wrong(whole: Desk) -> None:
    browser, heir = whole.as_("operator"), whole.user(password="violet-harbour-93-lantern")
    file = whole.file()
    chosen = {"action": "transfer", "rowid": file.id}
    assert 'name="owner"' in browser.post("/admin/files/action/", chosen).text
    wrong = browser.post("/admin/files/action/", {**chosen, "start": "1", "owner": "<nobody>"})
    assert wrong.status_code == 400
    assert 'value="&lt;nobody&gt;"' in wrong.text
    assert "There is no user" in wrong.text
    invited = browser.post("/admin/files/action/", {**chosen, "start": "1", "owner": whole.user().username})
    assert "There is no such active user." in invited.text
    assert browser.post("/admin/files/action/", {**chosen, "start": "1", "owner": heir.username}).status_code == 303
    tagged = {"action": "tag", "rowid": file.id, "start": "1"}
    assert browser.post("/admin/files/action/", tagged).status_code == 400
    assert browser.post("/admin/files/action/", {**tagged, "add": "Tax, 2026"}).status_code == 303
    work(whole)
    found = whole.site.services.files.files.get(file.id)
    assert found is not None
    assert (found.owner, found.tags) == (heir.id, ("2026", "tax"))


def test_a_job_is_stopped_and_only_by_who_may(whole: Desk) -> None:
    browser = whole.as_("operator")
    answer = browser.post(
        "/admin/files/action/", {"action": "delete", "all": "1", "start": "1", "query": f"search={whole.file().name}"}
    )
    job_id = re.search(r"id=([0-9A-Za-z]{22})", answer.location)
    assert job_id is not None
    auditor = whole.as_("auditor")
    shown = auditor.get(answer.location)
    assert shown.status_code == 200
    assert 'stop-job">Stop' not in shown.text
    assert auditor.post("/admin/jobs/stop/", {"id": job_id[1]}).status_code == 403
    assert whole.as_("user").get(answer.location).status_code in {403, 404}
    browser = whole.as_("operator")
    assert browser.post("/admin/jobs/stop/", {"id": job_id[1]}).status_code == 303
    work(whole)
    assert "stopped" in browser.get(answer.location).text
    assert browser.post("/admin/jobs/stop/", {"id": "0" * 22}).status_code == 404
    assert browser.get("/admin/jobs/details/?id=nonsense").status_code == 404


def test_whoever_may_start_jobs_and_not_see_everybodys_has_their_own(whole: Desk) -> None:
    permissions = Permissions.JOBS_WRITE, Permissions.FILES_ALL_READ, Permissions.FILES_ALL_DELETE
    starter = whole.role(*permissions, Permissions.FILES_READ, Permissions.FILES_DELETE)
    browser, file = whole.as_(starter), whole.file()
    chosen = {"action": "delete", "all": "1", "start": "1"}
    answer = browser.post("/admin/files/action/", {**chosen, "query": f"search={file.name}"})
    assert answer.status_code == 303
    mine = browser.get("/admin/jobs/")
    assert mine.text.count("/admin/jobs/details/?id=") == 1
    assert ">Jobs<" in browser.get("/admin/files/").text
    assert "Stop" in browser.get(answer.location).text
    other = whole.as_("operator").post("/admin/files/action/", {**chosen, "query": f"search={whole.file().name}"})
    [foreign] = re.findall(r"id=([0-9A-Za-z]{22})", other.location)
    browser = whole.as_(starter)
    assert browser.get(f"/admin/jobs/details/?id={foreign}").status_code == 404
    assert browser.post("/admin/jobs/stop/", {"id": foreign}).status_code == 404
    assert (found := whole.site.services.jobs.store.get(foreign)) is not None
    assert found.state is JobState.OPEN
    assert foreign not in browser.get("/admin/jobs/").text
    assert foreign not in browser.get(f"/admin/jobs/?flt1_by_is={whole.id_of('admin')}").text
    assert foreign in whole.as_("auditor").get("/admin/jobs/").text


def test_somebody_leaves_and_the_files_are_handed_over(whole: Desk) -> None:
    heir, leaver = whole.user(password="violet-harbour-93-lantern"), whole.user(password="violet-harbour-94-lantern")
    file, browser = whole.file("plan.txt", leaver), whole.as_("operator")
    assert f"/admin/users/leave/?id={leaver.id}" in browser.get(f"/admin/users/details/?id={leaver.id}").text
    page = browser.get(f"/admin/users/leave/?id={leaver.id}")
    # A browser adds the fields of a form without an action to the address that it has, and then there are two.
    assert '<form method="post" action="/admin/users/leave/"' in page.text
    assert page.status_code == 200
    assert "1, 5 B with the trash" in page.text
    for wrong in (
        {"files": "transfer"},
        {"files": "transfer", "owner": "nobody"},
        {"files": "transfer", "owner": leaver.username},
    ):
        refused = browser.post("/admin/users/leave/", {"id": leaver.id, **wrong})
        assert refused.status_code == 400
        assert "invalid-feedback" in refused.text
    assert browser.post("/admin/users/leave/", {"id": leaver.id, "files": "burn"}).status_code == 404
    assert whole.reread(leaver).active
    answer = browser.post("/admin/users/leave/", {"id": leaver.id, "files": "transfer", "owner": heir.username})
    assert answer.status_code == 303
    assert "/admin/jobs/details/" in answer.location
    work(whole)
    assert whole.reread(leaver).status is UserStatus.DISABLED
    assert (found := whole.site.services.files.files.get(file.id)) is not None
    assert found.owner == heir.id
    assert whole.as_("librarian").get(f"/admin/users/leave/?id={heir.id}").status_code == 403
