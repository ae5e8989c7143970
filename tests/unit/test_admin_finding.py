"""Filters by day in the reader's zone, the filter menu, the palette and its page, exports as JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape

import pytest

from backoffice.web.admin.zones import day_end, day_start, zone_name, zone_of
from tests.support.admin_views import Desk, desk
from tests.support.website import SHELL

MS = 1000


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        ada = made.user("ada", email="lovelace@example.org")
        made.user("adalbert")
        made.file("analytical engine.pdf", ada, ("red", "blue"))
        made.file("Résumé — Zoë.txt", ada, ("red",))
        yield made


@pytest.fixture(scope="module")
def twice(whole: Desk) -> Desk:
    """The same name among the files of the user, too."""
    whole.file("Résumé — Zoë.txt")
    return whole


def moment(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * MS  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("day", "zone", "start", "end"),
    [
        ("2026-11-27", "", moment(2026, 11, 27), moment(2026, 11, 28) - 1),
        ("2026-11-27", "Asia/Tokyo", moment(2026, 11, 26, 15), moment(2026, 11, 27, 15) - 1),
        ("2026-03-29", "Europe/Berlin", moment(2026, 3, 28, 23), moment(2026, 3, 29, 22) - 1),  # 23 hours
        ("2026-10-25", "Europe/Berlin", moment(2026, 10, 24, 22), moment(2026, 10, 25, 23) - 1),  # 25 hours
        ("2018-11-04", "America/Sao_Paulo", moment(2018, 11, 4, 3), moment(2018, 11, 5, 2) - 1),  # no midnight
    ],
)
def test_days_begin_and_end_where_the_reader_is(day: str, zone: str, start: int, end: int) -> None:
    assert (day_start(day, zone_of(zone)), day_end(day, zone_of(zone))) == (start, end)


@pytest.mark.parametrize("text", ["2026-02-30", "9999-12-31", "0000-01-01", "2026-W01-1", "20260131", "", "today"])
def test_what_is_no_day_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        day_end(text, zone_of("Asia/Tokyo"))


def test_zones_are_looked_up_and_nothing_else() -> None:
    assert zone_name("Europe/Berlin") == "Europe/Berlin"
    assert zone_name("Asia/Calcutta") in {"Asia/Calcutta", "Asia/Kolkata"}
    for text in ("", "Europe", "../etc/passwd", "/etc/localtime", "Europe/Berlin\0", "x" * 1000, "Mars/Phobos"):
        assert zone_name(text) == ""


def test_a_link_with_days_shows_the_same_rows_everywhere(whole: Desk) -> None:
    admin = whole.as_("admin")
    admin.client.set_cookie("tz", "Pacific/Kiritimati")
    text = admin.get("/admin/files/").text
    [address] = re.findall(r'<a href="([^"]+)">Today</a>', text)
    assert "tz=Pacific/Kiritimati" in address
    assert "Days are those of Pacific/Kiritimati." in text
    admin.client.set_cookie("tz", "Pacific/Pago_Pago")  # where it is never the same day
    elsewhere = admin.get(unescape(address)).text
    assert elsewhere.count("data-open") == 2
    assert "(Pacific/Kiritimati)" in elsewhere
    assert 'name="tz" value="Pacific/Kiritimati"' in elsewhere
    admin.client.delete_cookie("tz")
    assert "Days are in UTC." in admin.get("/admin/files/").text
    wrong = admin.get("/admin/files/?flt0_created_since=2020-01-01&tz=Mars/Phobos").text
    assert "There is no time zone Mars/Phobos." in wrong
    assert "data-open" not in wrong
    assert admin.get("/admin/files/?flt0_created_since=2020-01-01").text.count("data-open") == 2


def test_several_tags_have_to_be_there_together(whole: Desk) -> None:
    admin = whole.as_("admin")
    both = "/admin/files/?flt0_tag_is=red&flt1_tag_is=blue"
    assert admin.get("/admin/files/?flt0_tag_is=red").text.count("data-open") == 2
    answer = admin.get(both).text
    assert answer.count("data-open") == 1
    assert answer.count('value="red"') == 1, "the menu keeps it"


def test_people_are_offered_to_who_may_see_users(whole: Desk) -> None:
    found = whole.as_("operator").get("/admin/find/people?q=ada").get_json()["items"]
    assert {one["name"] for one in found} == {"ada", "adalbert"}
    assert whole.as_("operator").get("/admin/find/people?q=lovel").get_json()["items"][0]["name"] == "ada"
    assert whole.as_("operator").get("/admin/find/people?q=").get_json() == {"items": []}
    assert whole.as_("user").get("/admin/find/people?q=ada").status_code == 403


def names(whole: Desk, role: str, text: str) -> list[str]:
    answer = whole.as_(role).get("/admin/find/items", query_string={"q": text})
    assert answer.status_code == 200
    return [one["name"] for one in answer.get_json()["items"]]


def test_the_palette_finds_what_the_person_may_open(whole: Desk) -> None:
    assert {"ada", "adalbert"} <= set(names(whole, "admin", "ada"))
    assert names(whole, "admin", "analytical engine.pdf") == ["analytical engine.pdf"]
    assert names(whole, "admin", "resume zoe") == ["Résumé — Zoë.txt"]
    assert "auditor" in names(whole, "admin", "audit")
    assert {"Users", "New user", "Activity"} <= set(names(whole, "admin", ""))
    assert names(whole, "user", "ada") == []
    assert names(whole, "user", "") == ["My files", "Shared with me", "Shared by me", "Account"]
    assert whole.as_("admin").get("/admin/find/items", query_string={"q": "x" * 2000}).status_code == 200


def test_an_act_by_name_leads_to_its_question(whole: Desk) -> None:
    admin = whole.as_("admin")
    items = admin.get("/admin/find/items?q=disable+ada").get_json()["items"]
    assert [one["name"] for one in items] == ["Disable ada", "Disable adalbert"]
    question = admin.get(items[0]["url"])
    assert "<bdi>ada</bdi>" in question.text
    assert whole.site.services.users.find(SHELL, "ada").status == "invited"
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', question.text))
    assert sent["action"] == "disable"
    [where] = re.findall(r'<form method="post" action="([^"]+)" class="panel', question.text)
    assert admin.post(where, sent).status_code == 302
    assert whole.site.services.users.find(SHELL, "ada").status == "disabled"
    assert names(whole, "auditor", "disable ada") == []
    assert whole.as_("auditor").get(items[0]["url"]).status_code == 403
    assert admin.get("/admin/users/ask/?action=no&rowid=x").status_code == 404
    assert admin.get("/admin/users/ask/?action=disable&rowid=x").status_code == 404
    assert admin.get("/admin/users/ask/?action=disable").status_code == 404


@pytest.mark.parametrize("text", ["leave ada", "offboard ada"])
def test_the_palette_leads_to_where_somebody_is_let_leave(whole: Desk, text: str) -> None:
    found = whole.as_("admin").get("/admin/find/items", query_string={"q": text}).json
    assert found is not None
    acts = {one["name"]: one["url"] for one in found["items"] if one["group"] == "Do"}
    assert acts["Offboard ada"].startswith("/admin/users/leave/?id=")
    auditor = whole.as_("auditor").get("/admin/find/items", query_string={"q": text}).json
    assert auditor is not None
    assert [one for one in auditor["items"] if one["group"] == "Do"] == []


def test_the_page_shows_what_the_palette_does(whole: Desk) -> None:
    text = whole.as_("admin").get("/admin/find/?q=analytical").text
    assert "analytical engine.pdf" in text
    assert "Nothing is called so" in whole.as_("admin").get("/admin/find/?q=nosuchthing").text


def test_json_lines_have_what_the_list_shows(whole: Desk) -> None:
    admin = whole.as_("admin")
    answer = admin.get("/admin/files/export/jsonl/?search=resume")
    assert answer.mimetype == "application/jsonl"
    [record] = map(json.loads, answer.text.splitlines())
    assert (record["name"], record["size"], record["owner"]) == ("Résumé — Zoë.txt", 5, "ada")
    assert record["created_at"].endswith("Z")
    assert admin.get("/admin/files/export/jsonl/?flt0_size_at_least=much").status_code == 400
    assert whole.as_("user").get("/admin/files/export/jsonl/").status_code == 403


@pytest.mark.parametrize(
    "text", ["Résumé — Zoë.txt", "resume", "zoe.txt", "ésum", "RESUME zoe", ".txt", "Résumé - Zoe.txt"]
)
def test_a_file_is_found_by_any_part_of_its_name_at_every_door(twice: Desk, text: str) -> None:
    owner = twice.site.services.users.find(SHELL, "ada")
    admin = twice.as_("admin")
    found = admin.get("/admin/files/", query_string={"search": text, "flt0_owner_is": owner.id}).text
    assert "Résumé — Zoë.txt" in found
    assert found.count("data-open") == 1
    token = twice.site.token("the-admin")
    head = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    client = twice.site.app.test_client()
    listed = client.get("/files", query_string={"q": text, "owner": owner.id}, headers=head)
    assert [one["name"] for one in listed.get_json()["items"]] == ["Résumé — Zoë.txt"]
    assert "Résumé — Zoë.txt" in twice.as_("user").get("/", query_string={"q": text}).text
