"""What is told to whoever watches the site: the numbers themselves, the paper about them, dashboard and alerts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.backups import BackupNote
from backoffice.stores import durability
from tests.support.servers import need
from tests.support.website import SHELL, make_whole_site

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "backoffice.json"
PAPER = (ROOT / "docs" / "watching.md").read_text("utf-8")
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"][0]["rules"]
TESTED = sorted(RULES.parent.glob("*_test.yml"))
TESTS: list[dict[str, Any]] = [one for path in TESTED for one in yaml.safe_load(path.read_text("utf-8"))["tests"]]
FACTS = {"used_memory": 10_000_000, "maxmemory": 20_000_000, "connected_clients": 3}
DONE = {
    "runs:purge": 2,
    "ms:purge": 1500,
    "failures:purge": 1,
    "chunks:read": 7,
    "runs:expire": 4,
    "trips:read": 8,
    "trip_us:read": 2_500_000,
}


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    need(found, "promtool (Debian's package prometheus has it)")
    assert found is not None
    return subprocess.run(
        [found, *arguments], input=given, capture_output=True, text=True, check=False, timeout=60, cwd=RULES.parent
    )


@pytest.fixture
def scrape(fake: Redis, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a site says on which something has been done."""
    monkeypatch.setattr(durability, "server_info", lambda _db: FACTS)
    site = make_whole_site(fake)
    site.add_user("rosa", "admin")
    client, own = site.app.test_client(), {"Authorization": f"Bearer {site.token('rosa')}"}
    assert client.put("/files/a.txt", data=b"hello", headers=own).status_code == 201
    [file] = client.get("/files", headers=own).json["items"]
    assert client.get(f"/files/{file['id']}", headers=own).data == b"hello"
    assert client.post("/upload_chunk?chunk_index=9&total_chunks=3", data=b"x", headers=own).status_code >= 400
    stranger = {"Authorization": "Bearer bo_" + "a" * 22 + "_" + "b" * 43}
    assert client.get("/files", headers=stranger).status_code == 401
    site.services.system.heartbeats.beat("somewhere", DONE)
    backups = site.services.backup_schedule.backups.store
    event = AuditEvent(Actions.SYSTEM_BACKUP, SHELL)
    backups.note_made(BackupNote(1_700_000_000_000, "a", "monday.backup"), event)
    backups.note_failed(1_700_000_100_000, "The disk is full.")
    answer = client.get("/metrics", headers=own)
    assert answer.status_code == 200
    return str(answer.text)


def families(text: str) -> dict[str, Metric]:
    """By the names that a query uses, without what each counter has beside it."""
    found = text_string_to_metric_families(text)
    named = {one.name + ("_total" if one.type == "counter" else ""): one for one in found}
    return {name: one for name, one in named.items() if not name.endswith("_created")}


def values(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_what_was_done_is_counted(scrape: str) -> None:
    found = values(scrape)
    assert found['backoffice_chunks_total{act="stored"}'] == 1
    assert found['backoffice_chunks_total{act="read"}'] == 1
    assert found['backoffice_chunk_bytes_total{act="read"}'] == 5
    assert found['backoffice_chunks_total{act="damaged"}'] == 0
    assert found['backoffice_refused_credentials_total{credential="token"}'] == 1
    assert found['backoffice_errors_total{code="not_signed_in"}'] >= 1
    assert found['backoffice_store_trip_seconds_count{kind="script"}'] > 0
    assert found["backoffice_files"] == 1
    assert found["backoffice_workers"] == 1
    assert found["backoffice_store_memory_max_bytes"] == 20_000_000


def test_what_workers_did_is_told_in_seconds(scrape: str) -> None:
    found = values(scrape)
    assert found['backoffice_worker_task_runs_total{task="purge"}'] == 2
    assert found['backoffice_worker_task_seconds_total{task="purge"}'] == 1.5
    assert found['backoffice_worker_task_failures_total{task="purge"}'] == 1
    assert found['backoffice_worker_chunks_total{act="read"}'] == 7
    assert found['backoffice_worker_chunks_total{act="damaged"}'] == 0


def test_a_task_that_never_failed_has_a_number_so_that_its_first_failure_is_a_rise(scrape: str) -> None:
    assert values(scrape)['backoffice_worker_task_failures_total{task="expire"}'] == 0


def test_the_workers_trips_to_the_store_are_told_in_seconds(scrape: str) -> None:
    found = values(scrape)
    assert found['backoffice_worker_store_trips_total{kind="read"}'] == 8
    assert found['backoffice_worker_store_seconds_total{kind="read"}'] == 2.5
    assert found['backoffice_worker_store_failures_total{kind="script"}'] == 0


def test_of_backups_it_is_told_when_and_whether_the_last_one_failed(scrape: str) -> None:
    found = values(scrape)
    assert found["backoffice_backup_made_timestamp_seconds"] == 1_700_000_000
    assert found["backoffice_backup_failed"] == 1
    assert "backoffice_backup_proven_timestamp_seconds" not in found


def test_no_label_takes_one_that_prometheus_sets_or_one_that_has_no_end(scrape: str) -> None:
    labels = {label for one in families(scrape).values() for sample in one.samples for label in sample.labels}
    assert not labels & {"job", "instance", "id", "user", "path", "ip", "file", "host"}


def test_promtool_finds_nothing_wrong_with_names_and_help(scrape: str) -> None:
    done = promtool("check", "metrics", given=scrape)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_paper_has_every_metric_with_its_type_labels_and_help(scrape: str) -> None:
    rows = re.findall(r"^\| `(backoffice_\w+)` \| (\w+) \|([^|]*)\| (?:process|site) \| (.+) \|$", PAPER, re.MULTILINE)
    told = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}
    said = {
        name: (one.type, {label for sample in one.samples for label in sample.labels} - {"le"})
        for name, one in families(scrape).items()
    }
    # Nobody waits for replicas here: it has no children.
    said["backoffice_durability_barrier_seconds"] = ("histogram", {"kind"})
    assert told == said


# --- dashboard and alerts


def test_what_waits_for_a_body_is_not_taken_for_slow(fake: Redis) -> None:
    """Its answer begins when the body has come, however long its sender takes."""
    app = make_whole_site(fake).app
    asked = {one for text in expressions().values() for one in re.findall(r'endpoint!~"([^"]+)"', text)}
    assert len(asked) == 1
    left_out = re.compile(asked.pop())
    sends = re.compile(
        r"(put|append|batch|send)_|chunk|content$|_send$|_complete$|upload(_form|_batch|_whole)?$|version_form"
    )
    found = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.methods & {"POST", "PUT", "PATCH"} and sends.search(rule.endpoint.rpartition(".")[2])
    }
    assert {"api.uploads.upload_whole", "api.files.put_content", "api.tus.send_bytes", "pages.guest_send"} <= found
    assert {one for one in found if not left_out.fullmatch(one)} == set()
    assert not left_out.fullmatch("api.files.download")
    assert not left_out.fullmatch("api.files.list_files")


def expressions() -> dict[str, str]:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    shown = {
        f"{one['title']}: {target['refId']}": target["expr"] for one in panels for target in one.get("targets", [])
    }
    return {**shown, **{one["alert"]: one["expr"] for one in ALERTS}}


def test_dashboard_and_alerts_ask_for_what_there_is(scrape: str) -> None:
    known = {"up"}
    for name, one in families(scrape).items():
        known |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if one.type == "histogram" else {name}
    for where, expression in expressions().items():
        asked = set(re.findall(r"\b(backoffice_\w+|up)(?=[{\[ )])", expression))
        assert asked, where
        assert asked <= known, where


def test_labels_that_they_choose_by_are_there(scrape: str) -> None:
    labels = {label for one in families(scrape).values() for sample in one.samples for label in sample.labels}
    for where, expression in expressions().items():
        asked = set(re.findall(r"[{,](\w+)[!=]", expression)) | {
            label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.replace(" ", "").split(",")
        }
        assert asked <= labels | {"job", "instance", "le"}, where


def test_everything_in_the_dashboard_is_a_query(tmp_path: Path) -> None:
    rules = [{"record": f"asked:{n}", "expr": one} for n, one in enumerate(expressions().values())]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    done = promtool("check", "rules", str(tmp_path / "asked.yml"))
    assert done.returncode == 0, done.stderr


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    for one in panels:
        at = one["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, one["title"]
        assert max(x for x, _ in cells) < 24, one["title"]
        taken |= cells
    assert len({one["id"] for one in panels}) == len(panels)


def test_promtool_accepts_the_alerts() -> None:
    done = promtool("check", "rules", "alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_where_they_should_and_nowhere_else() -> None:
    done = promtool("test", "rules", *(path.name for path in TESTED))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_test_that_it_fires_and_one_that_it_does_not() -> None:
    cases = [case for one in TESTS for case in one["alert_rule_test"]]
    names = {one["alert"] for one in ALERTS}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == names


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one["alert"])
def test_each_alert_says_what_to_do_and_where_more_is_written(alert: dict[str, Any]) -> None:
    assert set(alert["annotations"]) == {"summary", "description", "action", "runbook"}
    assert alert["labels"]["severity"] in {"page", "ticket"}
    paper, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / paper).read_text("utf-8"), re.MULTILINE)
    assert anchor in {one.lower().replace(" ", "-") for one in headings}
