"""The base of the admin views: forms, removing, and the markup of the pages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from backoffice.domain.permissions import Permissions
from backoffice.errors import Invalid, LastAdmin, NotAllowed, Unavailable
from backoffice.web.admin.cells import default_list_cell
from backoffice.web.formats import tags
from tests.support.admin_site import EVIL, Markup, Site, Thing, make_site, reset


@pytest.fixture(scope="module")
def shared() -> Site:
    return make_site()


@pytest.fixture
def site(shared: Site) -> Site:
    return reset(shared)


@pytest.mark.parametrize("path", ["details/?id=no", "edit/?id=no", "details/?id=t1&id=t2", "edit/?id=", "details/"])
def test_a_record_that_is_not_there_is_404(site: Site, path: str) -> None:
    assert site.get(path).status_code == 404


def test_outage_and_refusal_are_not_caught(site: Site) -> None:
    site.things.fail = Unavailable()
    assert site.get().status_code == 503
    assert site.get("export/csv/").status_code == 503
    assert site.post("new/", name="x").status_code == 503
    assert site.post("delete/", id="t1", confirmed="1").status_code == 503
    site.things.fail = NotAllowed()
    assert site.post("edit/?id=t1", name="x", version="1").status_code == 403
    assert site.post("action/", action="delete", rowid="t1", confirmed="1").status_code == 403


def test_an_error_of_type_is_not_masked(site: Site) -> None:
    def wrong(_view: object) -> object:
        return 1 + "x"  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand"):
        site.view._run_view(wrong)


def test_a_form_gives_what_it_has_and_no_more(site: Site) -> None:  # Z3
    response = site.post("new/", name="fresh", roles=["a"], version="9", owner="me", id="t1", size="5")
    assert response.status_code == 302
    assert site.things.given == [{"name": "fresh", "roles": ("a",)}]
    assert "fresh was created" in site.text()


def test_what_can_be_mended_stays_on_the_page(site: Site) -> None:
    site.things.fail = Invalid("Not this name.", field="name")
    text = site.post("new/", name=EVIL).get_data(as_text=True)
    assert 'aria-describedby="name-help name-error"' in text
    assert 'aria-invalid="true"' in text
    assert "Not this name." in text
    assert "&lt;script&gt;alert(1)" in text
    site.things.fail = Invalid("Not today.")
    assert "Not today." in site.post("edit/?id=t1", name="x", version="1").get_data(as_text=True)
    assert "This field is required" in site.post("new/", name="").get_data(as_text=True)


def test_a_change_that_somebody_else_overtook_is_shown_not_lost(site: Site) -> None:
    site.things.rows["t1"] = Thing("t1", "theirs", version=2)
    text = site.post("edit/?id=t1", name="mine", version="1").get_data(as_text=True)
    assert site.things.rows["t1"].name == "theirs"
    assert "Somebody else changed this" in text
    assert 'value="mine"' in text
    assert re.search(r"Name</th><td><bdi>mine</bdi></td><td><bdi>theirs</bdi></td>", text)
    assert re.search(r'name="version"[^>]*value="2"', text)
    assert site.post("edit/?id=t1", name="mine", version="2").status_code == 302
    assert site.things.rows["t1"].name == "mine"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30])
def test_a_form_without_its_version_saves_nothing(site: Site, version: str) -> None:
    assert "incomplete" in site.post("edit/?id=t1", name="mine", version=version).get_data(as_text=True)
    assert site.things.given == []


def test_a_fixed_box_keeps_its_state(site: Site) -> None:
    site.things.rows["t1"] = Thing("t1", "x", roles=("b",))
    text = site.text("edit/?id=t1")
    assert re.search(r'value="b" checked disabled', text)
    assert '<input type="hidden" name="roles" value="b">' in text


def test_a_secret_is_in_the_answer_and_nowhere_else(site: Site) -> None:
    response = site.post("new/", name="secret")
    assert response.status_code == 200
    assert "s3cret-link" in response.get_data(as_text=True)
    with site.client.application.test_request_context(), site.client.session_transaction() as session:
        assert "csrf_token" in session
        assert "s3cret-link" not in str(dict(session))


def test_removing_asks_first(site: Site) -> None:
    assert "Delete this record?" in site.post("delete/", id="t1").get_data(as_text=True)
    assert "t1" in site.things.rows
    response = site.post("delete/", id="t1", confirmed="1", url="/admin/things/?page=2")
    assert response.headers["Location"] == "/admin/things/?page=2"
    assert "t1" not in site.things.rows
    assert site.get("delete/?id=t2").status_code == 405
    assert site.post("delete/", id=["t2", "t3"], confirmed="1").status_code == 404


def test_bulk_removing_asks_names_and_reports(site: Site) -> None:
    site.things.rows["t3"] = Thing("t3", "last")
    ids = ["t1", "t2", "t2", "t3"]
    text = site.post("action/", action="delete", rowid=ids).get_data(as_text=True)
    assert "thing 1" in text
    assert len(site.things.rows) == 230
    site.post("action/", action="delete", rowid=[*ids, "gone"], confirmed="1")
    assert not {"t1", "t2"} & set(site.things.rows)
    text = site.text()
    assert "2 records were deleted." in text
    assert str(LastAdmin()) in text
    assert "gone is not there any more." in text


@pytest.mark.parametrize(("data", "status"), [({"action": "no"}, 404), ({"rowid": [str(n) for n in range(501)]}, 400)])
def test_actions_are_bounded(site: Site, data: dict[str, Any], status: int) -> None:
    assert site.post("action/", **{"action": "delete", "rowid": "t1", "confirmed": "1", **data}).status_code == status


PAGES = ["", "?search=zzz", "?page=99", "new/", "edit/?id=e", "details/?id=e", f"?search={EVIL}&flt0_owner_is={EVIL}"]


@pytest.mark.parametrize("path", [*PAGES, ".."])
def test_pages_hold_nothing_that_the_policy_forbids_and_hostile_text_stays_text(site: Site, path: str) -> None:  # H2
    site.things.rows = {"e": Thing("e", EVIL, 1, (EVIL,)), EVIL: Thing(EVIL, EVIL)}
    text = site.text(path)
    parser = Markup()
    parser.feed(text)
    assert parser.problems() == []
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "49" not in re.sub(r'value="[^"]*"|v=\w+', "", text)


def test_questions_and_forms_hold_nothing_forbidden_either(site: Site) -> None:
    site.things.rows = {"e": Thing("e", EVIL)}
    for response in (
        site.post("delete/", id="e"),
        site.post("action/", action="delete", rowid="e"),
        site.post("new/", name=""),
        site.post("edit/?id=e", name=EVIL, version="7"),
        site.post("new/", name="secret"),
    ):
        parser = Markup()
        parser.feed(response.get_data(as_text=True))
        assert parser.problems() == []
        assert "<script>alert" not in response.get_data(as_text=True)


def test_the_page_shows_only_what_may_be_done(site: Site) -> None:
    site.hold({Permissions.USERS_READ})
    for path in ("", "details/?id=t1"):
        text = site.text(path)
        assert "new/" not in text
        assert "edit/" not in text
        assert "delete" not in text.lower().replace("data-yes>delete", "")
        assert "Export" not in text


def test_of_several_labels_a_list_shows_the_first_and_says_the_others() -> None:
    assert default_list_cell(None, frozenset("a"), "kinds") == tags("a")
    assert default_list_cell(None, ("c", "<b>", "a"), "kinds") == (
        '<span class="labels" title="&lt;b&gt;, a, c"><span class="label">&lt;b&gt;</span> '
        '<span class="label num" aria-hidden="true">+2</span><span class="visually-hidden">, a, c</span></span>'
    )
