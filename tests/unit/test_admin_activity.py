"""The pages of the log: sentences, filters, bars, the entry beside the list, and files of what is shown."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote

import pytest

from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms, rfc3339
from backoffice.services import archive, log_search
from backoffice.services.file_reading import record_counted_reads
from tests.support.admin_views import Desk
from tests.support.website import SHELL

LIST = "/admin/audit/"


def lines(text: str) -> list[str]:
    """The sentences of a list."""
    found = re.findall(r'<p class="log-text">(.*?)</p>', text, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", one)).split()) for one in found]


def exports(whole: Desk) -> list[dict[str, object]]:
    found = whole.site.services.audit.page(SHELL, filters=(("action", "audit.export"),), limit=100).items
    return [dict(entry.event["data"]) for entry in found]


def test_an_entry_is_a_sentence_with_ways_to_who_and_what(whole: Desk) -> None:
    file = whole.file("ok.txt")
    whole.site.services.files.trash(SHELL, file.id)
    text = whole.as_("admin").get(f"{LIST}?flt2_object_is=file:{file.id}").text
    assert lines(text)[0] == "test moved ok.txt to the trash"
    assert f'href="/admin/audit/?flt0_actor_is={SHELL.id}"' in text
    assert f'href="/admin/audit/?flt0_object_is=file%3A{file.id}"' in text
    today = datetime.now(UTC)
    assert f"{today.day} {today:%B %Y}</time></h2>" in text
    assert "state-" not in text, "what is as it should be is not said"
    assert ">shell<" in text


def test_the_beginning_and_the_end_of_an_upload_are_one_line(whole: Desk) -> None:
    upload = whole.upload("two.bin")
    whole.site.services.uploads.cancel(SHELL, upload.id)
    text = whole.as_("admin").get(f"{LIST}?flt2_object_is=file:{upload.id}").text
    [line] = lines(text)
    assert re.fullmatch(r"test cancelled the upload of two.bin in \d+ (ms|s)", line)
    [began] = re.findall(r'class="log-began" href="([^"]+)"', text)
    assert "upload.start" in whole.as_("admin").get(unescape(began)).text
    # A list without the end has the beginning.
    started = whole.as_("admin").get(f"{LIST}?flt2_object_is=file:{upload.id}&flt1_action_is=upload.start").text
    assert lines(started) == [line.replace("test cancelled the upload of", "").split(" in ")[0].strip()] or lines(
        started
    )
    assert "began to upload two.bin" in lines(started)[0]


def test_repeated_downloads_show_their_number(whole: Desk) -> None:
    admin, file = whole.as_("admin"), whole.file("often.txt")
    for _ in range(4):
        assert admin.get(f"/files/{file.id}").status_code == 200
    services, later = whole.site.services, now_ms() + 3_600_000
    record_counted_reads(services.audit.log, later, 100)
    said = lines(admin.get(f"{LIST}?flt2_object_is=file:{file.id}").text)
    assert said[0] == "the-admin downloaded often.txt 3 more times, 15 B in all"


def test_a_refusal_says_what_was_asked_and_why(whole: Desk) -> None:
    assert whole.as_("witness").get("/admin/users/").status_code == 403
    text = whole.as_("admin").get(f"{LIST}?flt0_actor_is={whole.id_of('witness')}&flt4_outcome_is=denied").text
    assert "the-witness was refused “See users”: no right to it" in lines(text)
    assert '<span class="state state-warn">refused</span>' in text
    assert not [line for line in lines(text) if "read the log" in line]


def test_filters_by_group_words_and_time(whole: Desk) -> None:
    admin, name = whole.as_("admin"), f"needle-{new_id()[:6]}.txt"
    file = whole.file(name)
    whole.site.services.files.trash(SHELL, file.id)
    assert {line.split()[1] for line in lines(admin.get(f"{LIST}?flt1_action_is=user.*").text)} <= {
        "created",
        "changed",
    }
    assert f"test moved {name} to the trash" in lines(admin.get(f"{LIST}?search={name}").text)
    assert f"test moved {name} to the trash" in lines(admin.get(f"{LIST}?search={name.upper()}+trash").text)
    now = datetime.now(UTC)
    for since, until, there in (
        (now - timedelta(hours=1), now + timedelta(minutes=2), True),
        (now - timedelta(hours=2), now - timedelta(hours=1), False),
        (now + timedelta(hours=1), None, False),
    ):
        query = f"?search={name}&flt5_when_since={since:%Y-%m-%dT%H:%M}"
        query += f"&flt6_when_until={until:%Y-%m-%dT%H:%M}" if until else ""
        assert bool(lines(admin.get(f"{LIST}{query}").text)) is there, query
    assert lines(admin.get(f"{LIST}?search={name}&flt6_when_until={now:%Y-%m-%d}").text), "the day is in it"
    for wrong in (
        "flt5_when_since=yesterday",
        "flt6_when_until=1969-01-01",
        "flt4_outcome_is=fine",
        "flt1_action_is=x.*",
    ):
        text = admin.get(f"{LIST}?{wrong}").text
        assert "No rows are shown" in text
        assert not lines(text)


def test_a_search_that_does_not_look_at_everything_says_how_far_it_came(
    whole: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"early-{new_id()[:6]}.txt"
    whole.file(name)
    for _ in range(12):
        whole.user()
    monkeypatch.setattr(log_search, "BATCH", 5)
    monkeypatch.setattr(log_search, "LOOKED", 5)
    admin, address, said = whole.as_("admin"), f"{LIST}?search={name}", list[str]()
    page = admin.get(address).text
    assert "Looked back to" in page
    assert "Nothing found so far" in page
    for _ in range(50):
        said += lines(page)
        older = re.search(r'rel="next" href="([^"]+)">([^<]+)<', page)
        if said or older is None:
            break
        assert older[2] == "Go on looking"
        page = admin.get(unescape(older[1])).text
    assert said
    assert name in said[0]


def test_a_name_is_found_among_what_there_is_and_in_the_log(whole: Desk) -> None:
    admin, name = whole.as_("admin"), f"plan-{new_id()[:6]}.txt"
    file, other = whole.file(name), whole.upload(f"{name[:-4]}-half.txt")
    whole.trashed(f"{name[:-4]}-gone.txt")
    text = admin.get(f"{LIST}?flt2_object_is={name[:-4]}").text
    assert not lines(text)
    assert "Which" in text
    for one in (file, other):
        assert f'href="/admin/audit/?flt0_object_is=file:{one.id}"' in text
    [words] = re.findall(r'href="([^"]+)">Look for these words', text)
    said = lines(admin.get(unescape(words)).text)
    assert any(name in line for line in said)
    assert any("-gone.txt to the trash" in line for line in said)
    # Whoever may not see files learns no more than that there is a name.
    assert file.id not in whole.as_("witness").get(f"{LIST}?flt2_object_is={name[:-4]}").text


def test_each_bar_narrows_the_list_to_its_time(whole: Desk) -> None:
    admin = whole.as_("admin")
    whole.user()
    text = admin.get(LIST).text
    bars = re.findall(r'<a href="([^"]+)" tabindex="-1"><title>([^<]+): ([\d,]+)</title>', text)
    assert 30 <= len(bars) <= 32
    [full] = [bar for bar in bars if bar[2] != "0"]
    narrowed = admin.get(unescape(full[0])).text
    [shown] = re.findall(r'<h1>Activity<span class="count">([\d,]+)', narrowed)
    assert int(shown.replace(",", "")) in range(int(full[2].replace(",", "")), int(full[2].replace(",", "")) + 3)
    empty = admin.get(unescape(bars[0][0]))
    assert empty.status_code == 200
    assert not lines(empty.text)
    inner = re.findall(r"<title>([^<]+): [\d,]+</title>", narrowed)
    assert len(inner) <= 32
    assert re.search(r"\d\d:\d\d$", inner[1]), "a day is shown by its hours, its beginning by its minutes"


def test_an_entry_stands_beside_the_list_and_alone(whole: Desk) -> None:
    admin, user = whole.as_("admin"), whole.user("", "user")
    whole.site.services.users.update(SHELL, user.id, email="diff@example.org", roles=["auditor"])
    address = f"{LIST}?flt2_object_is=user:{user.id}"
    [first, *_] = re.findall(r'data-entry="([\d-]+)"', admin.get(address).text)
    for page in (f"{address}&entry={first}", f"/admin/audit/details/?id={first}"):
        text = admin.get(page).text
        [shown] = re.findall(r"<article.*?</article>", text, re.DOTALL)
        [table] = re.findall(r'<table class="diff">.*?</table>', shown, re.DOTALL)
        assert "<bdi>diff@example.org</bdi>" in table
        assert "<bdi>auditor</bdi>" in table
        assert "&#34;action&#34;: &#34;user.update&#34;" in shown
        assert f'href="/admin/users/details/?id={user.id}"' in shown
    assert admin.get(f"{LIST}?entry=1-1").status_code == 404
    assert admin.get(f"{LIST}?entry=nonsense").status_code == 404


def test_a_file_has_exactly_what_the_list_shows(whole: Desk) -> None:
    admin = whole.as_("admin")
    names = [f"=cmd{number}-{new_id()[:6]}.txt" for number in range(3)]
    files = [whole.file(name) for name in names]
    since = f"{rfc3339(now_ms() - 60_000)[:16]}"
    query = f"?flt1_action_is=file.create&flt5_when_since={since}"
    shown = re.findall(r'data-entry="([\d-]+)"', admin.get(f"{LIST}{query}&page_size=100").text)
    answer = admin.get(f"/admin/audit/export/jsonl/{query}")
    assert answer.mimetype == "application/jsonl"
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["id"] for entry in entries] == shown
    assert entries[0]["event"]["object"]["id"] == files[-1].id
    rows = list(csv.DictReader(io.StringIO(admin.get(f"/admin/audit/export/csv/{query}").text)))
    assert [row["id"] for row in rows] == shown
    assert rows[0]["object"] == f"'{names[-1]}", "no cell is a formula"
    assert rows[0]["sentence"].endswith(f"uploaded {names[-1]}, 5 B")
    last, before, *_ = exports(whole)
    assert (last["form"], before["form"]) == ("csv", "jsonl")
    assert last["sha256"] == before["sha256"]
    assert last["entries"] == len(shown)
    assert last["asked"] == {
        "actions": ["file.create"],
        "since": int(datetime.fromisoformat(f"{since}Z").timestamp() * 1000),
    }


def test_an_empty_file_stays_empty_and_a_wrong_filter_makes_none(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = whole.as_("admin")
    query = f"?search={quote('nothing says this')}"
    assert admin.get(f"/admin/audit/export/jsonl/{query}").data == b""
    assert exports(whole)[0] == {"asked": {"words": "nothing says this"}, "entries": 0, "form": "jsonl"}
    assert len(admin.get("/admin/audit/export/csv/?search=nor+this+here").text.splitlines()) == 1
    count = len(exports(whole))
    assert admin.get("/admin/audit/export/csv/?flt2_object_is=backup.iso").status_code == 400
    assert admin.get("/admin/audit/export/xlsx/").status_code == 404
    monkeypatch.setattr(archive, "MOST_FOUND", 2)
    assert admin.get("/admin/audit/export/csv/").status_code == 400
    assert len(exports(whole)) == count


def test_who_may_not_export_gets_no_file_and_no_link(whole: Desk) -> None:
    witness, auditor = whole.as_("witness"), whole.as_("auditor")
    for form in ("csv", "jsonl"):
        assert witness.get(f"/admin/audit/export/{form}/").status_code == 403
        assert auditor.get(f"/admin/audit/export/{form}/?flt1_action_is=role.*").status_code == 200
        assert f"/admin/audit/export/{form}/" not in witness.get(LIST).text
        assert f"/admin/audit/export/{form}/" in auditor.get(LIST).text
