"""A file's own page for operators, the trash and what is arriving."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import pytest

from backoffice.domain.access import Actor
from backoffice.domain.uploads import Upload
from backoffice.errors import Invalid
from backoffice.services.uploads.pace import Pace, pace_of
from backoffice.web.admin.file_forms import split_tags, written_tags
from tests.support.admin_views import Desk, version_in
from tests.support.links import names_in
from tests.support.uploads import LIMITS
from tests.support.website import PASSWORD, SHELL

EVIL = "\"'><img src=x onerror=alert(1)>{{7*7}}"


def details(file_id: str, tab: str = "") -> str:
    return f"/admin/files/details/?id={file_id}&tab={tab}"


# -- form


@pytest.mark.parametrize("tags", [(), ("a", "b c"), ("a,b", "c"), ('x"y',), ('"', ","), ('"a" b', "c")])
def test_tags_in_a_line_are_read_as_they_were_written(tags: tuple[str, ...]) -> None:
    assert tuple(split_tags(written_tags(tags))) == tags


@pytest.mark.parametrize(("line", "tags"), [(" a ,, b,", ["a", "b"]), ('5" disk, x', ['5" disk', "x"]), ("", [])])
def test_tags_are_read_as_people_write_them(line: str, tags: list[str]) -> None:
    assert split_tags(line) == tags


@pytest.mark.parametrize("line", ['"a, b', '"a" b, c'])
def test_a_line_that_is_no_line_of_tags(line: str) -> None:
    with pytest.raises(Invalid):
        split_tags(line)


def test_name_tags_and_owner_are_changed_in_one_form(whole: Desk) -> None:
    heir, file = whole.user(password=PASSWORD), whole.file(tags=("old",))
    admin = whole.as_("admin")
    address = f"/admin/files/edit/?id={file.id}"
    page = admin.get(address)
    assert 'value="old"' in page.text
    wanted = {"name": "b.txt", "tags": "Tax, 2026", "owner": heir.username, "version": version_in(page)}
    assert admin.post(address, wanted).status_code == 302
    new = whole.site.services.files.get(SHELL, file.id)
    assert (new.name, new.tags, new.owner, new.version) == ("b.txt", ("2026", "tax"), heir.id, 2)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("owner", "nobody-at-all", "There is no user nobody-at-all."),
        ("tags", '"a, b', "A tag with a comma in it stands in quotation marks."),
        ("tags", "x" * 51, "A tag has 1 to 50 printable characters."),
        ("name", "a/b", "The name contains a slash."),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_nothing_is_done(
    whole: Desk, field: str, value: str, said: str
) -> None:
    file = whole.file(tags=("old",))
    admin = whole.as_("admin")
    address = f"/admin/files/edit/?id={file.id}"
    entered = {"name": "new.txt", "tags": "new", "owner": "the-user", field: value}
    answer = admin.post(address, {**entered, "version": version_in(admin.get(address))})
    assert answer.status_code == 200
    assert re.search(rf'id="{field}-error">.*{re.escape(said)}', answer.text)
    assert whole.site.services.files.get(SHELL, file.id) == file


def test_the_forms_beside_the_facts_change_one_thing_each(whole: Desk) -> None:
    """They are sent to the address of the whole form, with the other fields as they are."""
    file = whole.file(tags=("a,b",))
    admin = whole.as_("admin")
    page = admin.get(details(file.id, "details")).text
    forms = re.findall(r'<form method="post" action="([^"]*/edit/[^"]*)">(.*?)</form>', page, re.DOTALL)
    assert len(forms) == 2
    [(action, body)] = [one for one in forms if 'id="quick-tags"' in one[1]]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', body))
    assert fields["tags"] == "&#34;a,b&#34;"
    sent = {**fields, "tags": '"a,b", new'}
    answer = admin.post(action.replace("&amp;", "&"), sent)
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"/admin/files/details/?id={file.id}&tab=details")
    new = whole.site.services.files.get(SHELL, file.id)
    assert (new.tags, new.name, new.owner) == (("a,b", "new"), file.name, file.owner)


def test_who_looks_after_files_and_sees_no_users_changes_names_and_tags(whole: Desk) -> None:
    file = whole.file()
    librarian = whole.as_("librarian")
    address = f"/admin/files/edit/?id={file.id}"
    page = librarian.get(address)
    entered = {"name": "c.txt", "tags": "x", "owner": "the-user", "version": version_in(page)}
    assert librarian.post(address, entered).status_code == 302
    assert whole.site.services.files.get(SHELL, file.id).tags == ("x",)


# -- panels


def test_the_timeline_says_what_happened_and_takes_no_name_for_markup(whole: Desk) -> None:
    services, file = whole.site.services, whole.file()
    heir = whole.user(password=PASSWORD)
    services.files.rename(SHELL, file.id, EVIL)
    services.files.tag(SHELL, file.id, [EVIL[:40], "b"])
    services.files.transfer(SHELL, file.id, heir.id)
    page = whole.as_("admin").get(details(file.id, "activity")).text
    assert "<img src=x" not in page
    assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\S\S)", page)
    for said in ("renamed it from", "added the tags", f"to <bdi>{heir.username}</bdi>", "stored it"):
        assert said in page
    assert "Activity" not in re.findall(r'aria-current="page">(\w+)', whole.as_("librarian").get(details(file.id)).text)
    assert "tab=activity" not in whole.as_("librarian").get(details(file.id)).text


def test_verify_now_says_what_came_of_it(whole: Desk) -> None:
    admin, file = whole.as_("admin"), whole.file()
    there = {"action": "verify", "rowid": file.id, "url": details(file.id, "details")}
    admin.get(details(file.id))
    assert admin.post("/admin/files/action/", there).status_code == 302
    assert f"{file.name} is whole: 5 B in 1 chunk compared." in admin.get("/admin/files/").text
    whole.store.delete(*whole.store.keys(f"*{file.id}*chunk:0"))
    admin.post("/admin/files/action/", there)
    page = admin.get(details(file.id, "activity")).text
    assert f"{file.name} is damaged: chunk 0 of 1 chunk." in page
    assert "verified it: 1 of 1 chunks damaged (0)" in page
    assert "Verify now" not in whole.as_("auditor").get(details(file.id, "details")).text


def test_selected_files_are_one_archive_and_each_a_download(whole: Desk) -> None:
    first, second, gone = whole.file(), whole.file(), whole.file()
    operator = whole.as_("operator")
    form = {"action": "download", "rowid": [first.id, second.id], "url": "/admin/files/?search=x"}
    assert 'value="download"' in operator.get("/admin/files/").text
    answer = operator.post("/admin/files/action/", form)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert sorted(names_in(answer.data)) == sorted([first.name, second.name])
    log = whole.site.services.audit.page(SHELL, filters=(("action", "file.download"),))
    found = [one.event["object"]["id"] for one in log.items if one.event["actor"]["name"] == "the-operator"]
    assert set(found) == {first.id, second.id}
    whole.site.services.files.trash(SHELL, gone.id)
    form["rowid"] = [first.id, gone.id]
    refused = operator.post("/admin/files/action/", form)
    assert refused.location == "/admin/files/?search=x"
    assert "Some of these files are not there any more, so nothing was sent." in operator.get("/admin/files/").text


def test_who_may_not_read_everybodys_files_gets_no_archive_of_them(whole: Desk) -> None:
    file = whole.file()
    form = {"action": "download", "rowid": [file.id]}
    user = whole.as_("user")
    assert user.post("/admin/files/action/", form).status_code == 403
    assert user.get(f"/admin/files/download/?rowid={file.id}").status_code == 403
    log = whole.site.services.audit.page(SHELL, filters=(("object", f"file:{file.id}"), ("action", "file.download")))
    assert not log.items


def test_who_may_only_read_has_them_by_an_address(whole: Desk) -> None:
    first, second = whole.file(), whole.file()
    auditor = whole.as_("auditor")
    page = auditor.get("/admin/files/").text
    [form] = re.findall(r'<form ([^>]*id="bulk"[^>]*)>(.*?)</form>', page, re.DOTALL)
    assert 'action="/admin/files/download/"' in form[0]
    assert "method" not in form[0]
    assert "csrf" not in form[1]
    answer = auditor.get(f"/admin/files/download/?rowid={first.id}&rowid={second.id}")
    assert sorted(names_in(answer.data)) == sorted([first.name, second.name])
    for none in ("", "?rowid=nonsense", f"?rowid={'0' * 22}"):
        assert auditor.get(f"/admin/files/download/{none}").location == "/admin/files/"


# -- trash


def test_the_trash_offers_to_restore_and_purges_from_a_menu(whole: Desk) -> None:
    file = whole.trashed("treasure map.txt")
    admin = whole.as_("admin")
    page = admin.get("/admin/trash/?search=treasure").text
    assert re.search(r'<h1>Trash<span class="count">1 · 5 B</span></h1>', page)
    assert "Deleted on" in page
    assert f'form="act-one" name="rowid" value="{file.id}"' in page
    row = page[page.index("<tbody") :]
    assert row.index('form="act-one"') < row.index("<details") < row.index("Delete for good")
    assert admin.post("/admin/trash/action/", {"action": "restore", "rowid": file.id}).status_code == 302
    assert whole.site.services.files.get(SHELL, file.id).name == file.name
    assert 'form="act-one"' not in whole.as_("auditor").get("/admin/trash/").text


# -- uploads


BEGAN = 1_700_000_000_000
UPLOAD = Upload(id="u" * 22, owner="u1", created_at=BEGAN, expires_at=0, dies_at=BEGAN + 10**12, size=10_000_000)


@pytest.mark.parametrize(
    ("arrived", "last", "now", "size", "expected"),
    [
        (2_000_000, 4_000, 5_000, 10_000_000, Pace(500_000, 16, 0)),
        (2_000_000, 4_000, 5_000, -1, Pace(500_000, None, 0)),
        (2_000_000, 4_000, 124_000, 10_000_000, Pace(500_000, None, 120_000)),
        (2_000_000, 500, 900, 10_000_000, Pace(0, None, 0)),
        (0, 0, 70_000, 10_000_000, Pace(0, None, 70_000)),
    ],
)
@pytest.mark.parametrize("one_shot", [False, True])
def test_the_pace_of_an_upload(arrived: int, last: int, now: int, size: int, expected: Pace, one_shot: bool) -> None:
    limits = LIMITS.for_one_connection() if one_shot else LIMITS
    upload = replace(UPLOAD, size=size, bytes=arrived, expires_at=limits.expires_at(BEGAN + last, UPLOAD.dies_at))
    assert pace_of(upload, LIMITS, BEGAN + now) == expected


def test_an_upload_is_shown_with_what_has_arrived_and_from_where(whole: Desk) -> None:
    owner = whole.user()
    actor = replace(SHELL, id=owner.id, name=owner.username, ip="192.0.2.9")
    upload = whole.site.services.uploads.put_chunk(
        actor, upload_id=None, index=0, total_chunks=4, data=b"x" * 1000, size=4000, name="big.bin"
    ).upload
    page = whole.as_("admin").get("/admin/uploads/?search=big").text
    assert '<progress class="bar" max="4000" value="1000" aria-label="25 % of big.bin"></progress>' in page
    assert "25 % · 1.0 kB of 4.0 kB" in page
    assert "192.0.2.9" in page
    export = whole.as_("admin").get("/admin/uploads/export/csv/?search=big").text
    assert export.splitlines()[1].startswith(f"big.bin,{owner.username},1 of 4,1000,4000,")
    whole.site.services.uploads.cancel(SHELL, upload.id)


def test_operators_see_what_a_file_held_and_take_it_along(whole: Desk) -> None:
    file, admin = whole.file(), whole.as_("admin")
    assert "tab=versions" not in admin.get(details(file.id)).text, "there are none"
    owner = Actor(file.owner, EVIL, SHELL.roles)
    whole.site.services.uploads.replace_content(owner, file.id, BytesIO(b"second").readinto, 6)
    page = admin.get(details(file.id, "versions")).text
    [version] = whole.site.services.files.history(SHELL, file.id).earlier
    assert f'href="/files/{file.id}/versions/{version.id}"' in page
    assert version.sha256 in page
    assert admin.get(f"/files/{file.id}/versions/{version.id}").data == b"hello"
