"""`share`: what is on this machine or on the site, by a link, with the exit statuses of `upload`."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.support.client_site import CHUNK, Person, ids, noise
from tests.support.scripted_site import Other

SECRET = "violet-harbour-93-lantern"


def page(address: str) -> str:
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - the site of these tests
        return str(answer.read().decode())


def test_a_file_here_is_uploaded_and_shared(ann: Person) -> None:
    ann.file("report.bin", 3 * CHUNK + 1)
    status, out, err = ann.run("share", "report.bin")
    assert status == 0, err
    [address] = out.splitlines()
    assert "report.bin" in page(address)
    assert ann.files()["report.bin"]["size"] == 3 * CHUNK + 1


def test_what_is_on_the_site_is_shared_by_its_id_as_it_is_wanted(ann: Person, tmp_path: Path) -> None:
    ann.file("a.bin", 10)
    file = ids(ann.run("upload", "a.bin")[1])["a.bin"]
    (tmp_path / "secret").write_text(f"{SECRET}\nnot this\n")
    words = ("--days", "3", "--password-file", str(tmp_path / "secret"), "--max-downloads", "2", "--json")
    status, out, err = ann.run("share", file, *words)
    assert status == 0, err
    link = json.loads(out)
    assert (link["kind"], link["file"], link["max_downloads"], link["has_password"]) == ("file", file, 2, True)
    assert SECRET not in out + err
    assert "a.bin" not in page(link["url"])
    again = ann.run("share", file, "--password-file", "-", typed=f"{SECRET}\n")
    assert again[0] == 0, again[2]
    assert "A file is shared with you" in page(again[1].strip())


def test_a_directory_becomes_a_new_folder_and_nothing_else_is_shared(ann: Person) -> None:
    plans = ann.home / "plans"
    (plans / "inner").mkdir(parents=True)
    (plans / "one.bin").write_bytes(noise(10, 1))
    (plans / "inner" / "two.bin").write_bytes(noise(CHUNK + 1, 2))
    status, out, err = ann.run("share", "plans", "--json")
    assert status == 0, err
    link = json.loads(out)
    assert (link["kind"], link["name"]) == ("folder", "plans")
    assert [name in page(link["url"]) for name in ("one.bin", "inner", "two.bin")] == [True, True, False]
    # Once more: there is a folder of this name, with what somebody may have put into it meanwhile.
    status, out, err = ann.run("share", "plans")
    assert (status, out) == (1, "")
    assert "Share that by its id" in err
    assert ann.run("share", link["folder"])[0] == 0


def test_what_cannot_be_shared_says_so_and_ends_with_1(ann: Person) -> None:
    for words in (("share", "0" * 22), ("share", "no-such.bin")):
        status, out, err = ann.run(*words)
        assert (status, out) == (1, ""), words
        assert "not_found" in err
    status, out, _ = ann.run("share", "0" * 22, "--json")
    assert (status, json.loads(out)["code"]) == (1, "not_found")
    ann.file("a.bin", 10)
    file = ids(ann.run("upload", "a.bin")[1])["a.bin"]
    for words in (("--days", "366"), ("--password-file", str(ann.file("bad", 0)))):
        assert ann.run("share", file, *words)[0] == 1
    status, out, err = ann.run("share", file, "--token", "0" * 65)
    assert (status, out) == (1, "")
    assert "The token is not accepted" in err
    assert list(ann.client.list_items("/links", [])) == []


@pytest.mark.parametrize("words", [("--days", "0"), ("--max-downloads", "-1"), ("--max-downloads", "x")])
def test_odd_numbers_are_no_usage(ann: Person, words: tuple[str, str]) -> None:
    assert ann.run("share", "0" * 22, *words)[0] == 2


def test_standard_input_is_one_thing(ann: Person) -> None:
    status, _, err = ann.run("share", "0" * 22, "--token-file", "-", "--password-file", "-")
    assert (status, "both the password and the token" in err) == (2, True)


def test_nothing_is_shared_where_not_all_was_uploaded(ann: Person) -> None:
    plans = ann.home / "half"
    plans.mkdir()
    (plans / "good.bin").write_bytes(b"x")
    (plans / "bad\u202ename.bin").write_bytes(b"y")
    status, out, err = ann.run("share", "half")
    assert (status, out) == (1, "")
    assert "not all of it was uploaded, so it is not shared" in err
    assert list(ann.client.list_items("/links", [])) == []


def test_an_answer_that_is_none_of_ours_is_told(ann: Person, other: Other) -> None:
    other.answers.append((200, {"Content-Type": "application/json"}, b"{}"))
    status, out, err = ann.run("share", "0" * 22, "--url", other.url)
    assert (status, out, "not that of a backoffice site" in err) == (1, "", True)
    assert len(other.asked) == 1


def test_a_link_is_asked_for_once(ann: Person, other: Other) -> None:
    """Its answer may be lost, and then there is one already, whose address nobody knows."""
    other.answers += [(503, {}, b""), (201, {"Content-Type": "application/json"}, b'{"url": "x"}')]
    assert ann.run("share", "0" * 22, "--url", other.url)[0] == 1
    assert [path for _, path, _, _ in other.asked] == ["/links"]
