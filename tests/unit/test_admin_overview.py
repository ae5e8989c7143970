"""The first page says what needs a hand and leads there; the system's page says how it is, and no secret."""

from __future__ import annotations

import re
from html import unescape

import pytest

from backoffice.domain import diagnosis
from backoffice.domain.diagnosis import Verdict
from backoffice.domain.system import Heartbeat
from backoffice.domain.times import now_ms
from backoffice.secret import Secret
from backoffice.services.system import HOUR_MS, Activity
from backoffice.settings import Settings
from backoffice.settings.in_use import in_use
from backoffice.web.admin import needs
from backoffice.web.admin.activity_plot import HEIGHT, plot_of
from tests.support.admin_views import Desk
from tests.support.website import KEY, PASSWORD, SHELL


def lines(text: str) -> dict[str, str]:
    """What needs a hand, and where each line leads."""
    found = re.findall(r'<li class="need-\w+">.*?</svg><a href="([^"]+)">(.+?)</a></li>', text)
    return {unescape(re.sub("<[^>]+>", "", words)): unescape(url) for url, words in found}


def test_who_was_invited_and_never_came_is_said_and_found(whole: Desk) -> None:
    whole.user()
    admin = whole.as_("admin")
    said = lines(admin.get("/admin/").text)
    [(text, url)] = [(text, url) for text, url in said.items() if "never came" in text]
    assert url == "/admin/users/?flt0_status_is=invited"
    count = re.findall(r'<h1>Users<span class="count">([\d,]+)', admin.get(url).text)
    assert text.startswith(count[0])
    assert not [line for line in lines(whole.as_("librarian").get("/admin/").text) if "never came" in line]


def test_whose_account_expires_is_said_of_those_who_can_sign_in_and_as_many_are_found(whole: Desk) -> None:
    soon, users = now_ms() + 3 * 24 * HOUR_MS, whole.site.services.users
    active, shut = (whole.user("", "user", password=PASSWORD) for _ in range(2))
    for user in (active, shut, whole.user()):
        users.update(SHELL, user.id, expires_at=soon)
    users.disable(SHELL, shut.id)
    admin = whole.as_("admin")
    [(text, url)] = [pair for pair in lines(admin.get("/admin/").text).items() if "within 14 days" in pair[0]]
    assert text == "1 account expires within 14 days"
    page = admin.get(url).text
    assert re.findall(r'<h1>Users<span class="count">([\d,]+)', page) == ["1"]
    assert active.username in page
    users.update(SHELL, active.id, expires_at=0)
    assert not [line for line in lines(admin.get("/admin/").text) if "within 14 days" in line]


def test_an_upload_that_stands_still_is_said(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = whole.as_("admin")
    whole.upload()
    assert not [line for line in lines(admin.get("/admin/").text) if "still" in line]
    monkeypatch.setattr(needs, "STILL_MS", -120_000)
    said = [url for line, url in lines(admin.get("/admin/").text).items() if "still for more than an hour" in line]
    assert said
    assert admin.get(said[0]).status_code == 200


def test_dead_workers_are_said_until_one_lives(whole: Desk) -> None:
    auditor = whole.as_("auditor")
    assert [url for line, url in lines(auditor.get("/admin/").text).items() if "Workers: none" in line] == [
        "/admin/system/"
    ]
    whole.site.services.system.heartbeats.beat("web-1")
    assert "Workers: none" not in auditor.get("/admin/").text
    assert "web-1" in auditor.get("/admin/system/").text
    whole.store.delete(*whole.store.keys("{bo}:worker*"))


@pytest.mark.parametrize(("before", "today", "there"), [(0, 10, False), (0, 11, True), (20, 60, False), (20, 61, True)])
def test_refusals_above_the_usual(
    whole: Desk, monkeypatch: pytest.MonkeyPatch, before: int, today: int, there: bool
) -> None:
    monkeypatch.setattr(needs, "may", lambda _act: True)
    step, now = 24 * HOUR_MS, now_ms()
    counts = {name: (*([before] * 29), today) for name in ("uploads", "downloads", "refusals")}
    with whole.site.app.test_request_context("/admin/"):
        found = needs.refusals(Activity(tuple(range(30)), step, counts), now)
    assert bool(found) is there
    assert all(one.url.startswith("/admin/audit/?flt0_outcome_is=denied&flt1_when_since=") for one in found)


def test_the_first_page_has_four_tiles_one_plot_and_the_last_entries(whole: Desk) -> None:
    admin = whole.as_("admin")
    whole.file("latest.txt")
    text = admin.get("/admin/").text
    tiles = re.findall(r'<a class="panel" href="([^"]+)">\s*<span class="card-value">', text)
    assert tiles == ["/admin/files/", "/admin/users/", "/admin/uploads/", "/admin/system/"]
    assert "Sections" not in text
    assert text.count('role="img"') == 1
    assert "latest.txt" in text
    assert text.count("data-entry=") <= 10
    assert "read the log" not in text, "what this page does itself is not what happened"
    witness = whole.as_("witness").get("/admin/").text
    assert "data-entry=" in witness
    assert 'role="img"' not in witness
    assert "data-entry=" not in whole.as_("operator").get("/admin/").text


def test_the_parts_of_a_bar_stand_on_each_other() -> None:
    plot = plot_of(Activity((0, 1), HOUR_MS, {"uploads": (3, 0), "downloads": (1, 0), "refusals": (4, 1)}))
    assert plot.top == 10
    [bar, other] = plot.bars
    assert [piece.series for piece in bar.pieces] == ["uploads", "downloads", "refusals"]
    edges = [HEIGHT, *(piece.y for piece in bar.pieces)]
    for piece, below in zip(bar.pieces, edges, strict=False):
        assert piece.y + piece.height == pytest.approx(below)
    assert edges[-1] == pytest.approx(HEIGHT * 0.2)
    assert [piece.series for piece in other.pieces] == ["refusals"]
    assert plot_of(Activity((0,), HOUR_MS, dict.fromkeys(("uploads", "downloads", "refusals"), (0,)))).top == 2


def test_the_system_page_shows_settings_with_their_source_and_no_secret(whole: Desk) -> None:
    text = whole.as_("auditor").get("/admin/system/").text
    assert "BACKOFFICE_MAX_FILE_SIZE" in text
    assert "64 GiB (68.7 GB)" in text
    assert KEY not in text
    assert re.search(r"APP_SECRET_KEY</code></th><td[^>]*><bdi>set</bdi>", text)
    for role in ("witness", "librarian", "user"):
        assert whole.as_(role).get("/admin/system/").status_code == 403
    assert "/admin/system/" not in whole.as_("librarian").get("/admin/files/").text


def test_where_a_setting_comes_from() -> None:
    read = Settings.from_env({"APP_SECRET_KEY": KEY, "BACKOFFICE_PORT": "5001", "REDIS_PASSWORD": "hush-hush"})
    found = {one.name: one for one in in_use(read)}
    assert (found["BACKOFFICE_PORT"].value, found["BACKOFFICE_PORT"].origin) == (5001, "environment")
    assert found["BACKOFFICE_HOST"].origin == "default"
    assert (found["REDIS_PASSWORD"].value, found["REDIS_PASSWORD"].given) == (None, True)
    assert "hush-hush" not in repr(found)
    assert KEY not in repr(found)
    assert read == Settings(
        port=5001, secret_keys=(Secret(KEY),), redis_password=Secret("hush-hush"), web_workers=read.web_workers
    )


@pytest.mark.parametrize(
    ("info", "topic", "verdict"),
    [
        ({"maxmemory_policy": "allkeys-lru"}, "eviction", Verdict.BAD),
        ({"durability": "memory"}, "durability", Verdict.WARNING),
        ({"durability": "os"}, "durability", Verdict.WARNING),
        ({"aof_last_write_status": "err"}, "persistence", Verdict.BAD),
        ({"rdb_last_bgsave_status": "err"}, "persistence", Verdict.BAD),
        ({"role": "slave", "master_link_status": "down"}, "replication", Verdict.BAD),
        ({"role": "slave", "master_link_status": "up"}, "replication", Verdict.WARNING),
        ({"used_memory": "90", "maxmemory": "100"}, "memory", Verdict.BAD),
        ({"maxmemory": "0"}, "memory", Verdict.WARNING),
        ({"room": "false"}, "room", Verdict.BAD),
    ],
)
def test_what_is_wrong_with_the_store_comes_first(info: dict[str, str], topic: str, verdict: Verdict) -> None:
    sound = {"durability": "disk", "maxmemory": "100", "used_memory": "1", "role": "master", "room": "true"}
    assert {one.verdict for one in diagnosis.of_store(sound)} == {Verdict.GOOD}
    found = diagnosis.worst_first(diagnosis.of_store({**sound, **info}))
    assert (found[0].topic, found[0].verdict) == (topic, verdict)
    assert diagnosis.workers([]).verdict is Verdict.WARNING
    assert diagnosis.workers([Heartbeat("web-1", 100)]).verdict is Verdict.GOOD
