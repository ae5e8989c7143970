"""Names and tags at every door: with joiners, and as a download offers them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from werkzeug.http import parse_options_header

from tests.support.api_site import Person, problem

PERSIAN, FAMILY, SINHALA = "می‌خواهم.txt", "family 👨‍👩‍👧.jpg", "ශ්‍රී.pdf"


@pytest.mark.parametrize("name", [PERSIAN, FAMILY, SINHALA, "❤️‍🔥.txt", "葛\U000e0100城.txt"])
def test_joiners_at_every_door(ann: Person, name: str) -> None:
    stored = ann.put(quote(name))
    assert (stored.status_code, stored.json["name"]) == (201, name)
    upload = ann.start(b"x", name=f"1{name}")
    assert ann.get(f"/uploads/{upload}").json["name"] == f"1{name}"
    done = ann.complete(upload, 1, f"2{name}", tags=[name.rpartition(".")[0]])
    assert (done.status_code, done.json["name"]) == (201, f"2{name}")
    assert done.json["tags"] == [name.rpartition(".")[0]]
    renamed = ann.call("POST", f"/files/{done.json['id']}/rename", json={"new_name": f"3{name}"})
    assert renamed.json["name"] == f"3{name}"
    found = ann.get("/files", query_string={"tag": name.rpartition(".")[0]}).json["items"]
    assert [one["id"] for one in found] == [done.json["id"]]


def test_names_that_differ_in_joiners_alone_are_the_same_to_one_owner(ann: Person) -> None:
    without = PERSIAN.replace("\u200c", "")
    first = ann.put(quote(PERSIAN))
    problem(ann.put(f"{quote(without)}?on_conflict=fail"), 409, "name_taken")
    assert ann.put(quote(without)).json["name"] == without.replace(".txt", " (2).txt")
    found = ann.get("/files", query_string={"q": without.removesuffix(".txt")}).json["items"]
    assert first.json["id"] in {one["id"] for one in found}, "typed without its joiner it is found"


@pytest.mark.parametrize(
    "name", ["می\u202eخواهم.txt", "a\u200db.txt", "\u200c", "خ\u200c.txt", "a\u2028b", "a\u3164", "a\ufe0f"]
)
def test_what_hides_is_refused_at_every_door(ann: Person, name: str) -> None:
    problem(ann.put(quote(name)), 400, "invalid")
    problem(ann.chunk(b"x", name=name), 400, "invalid")
    problem(ann.complete(ann.start(b"x"), 1, name), 400, "invalid")
    problem(ann.complete(ann.start(b"x"), 1, "a", tags=[name]), 400, "invalid")
    problem(ann.call("POST", f"/files/{ann.upload()}/rename", json={"new_name": name}), 400, "invalid")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("．．／．．／etc／passwd", "etc_passwd"),
        ("a℅b.txt", "ac_ob.txt"),
        ("会議.xlsx", "file.xlsx"),
        ("файл.pdf", "file.pdf"),
        ("ＮＵＬ.txt", "_NUL.txt"),
        ("%2e%2e%2fetc", "_2e_2e_2fetc"),
        (PERSIAN, "file.txt"),
    ],
)
def test_the_names_that_a_download_offers(ann: Person, name: str, plain: str) -> None:
    stored = ann.put(quote(name, safe=""))
    assert stored.json["name"] == name
    header = ann.get(f"/files/{stored.json['id']}").headers["Content-Disposition"]
    assert f'filename="{plain}"' in header
    assert parse_options_header(header)[1]["filename"] == name
