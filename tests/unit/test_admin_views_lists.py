"""The admin site's views on real services: lists, filters, pages, and the log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.admin_views import CountedDb, Desk, desk
from tests.support.website import SHELL


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        for number in range(60):
            owner = made.user(f"person{number:02}", email=f"p{number}@example.org")
            made.file(f"report {number:02}.txt", owner, ("finance",) if number % 2 else ())
            made.upload(f"video {number}.mp4", owner)
        yield made


def _rows(whole: Desk, path: str) -> list[str]:
    """The first column of a list."""
    answer = whole.as_("admin").get(path)
    assert answer.status_code == 200, path
    found = re.findall(r'<th scope="row".*?</th>', answer.text, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in found]


# --- finding


@pytest.mark.parametrize(
    ("path", "first", "last", "count"),
    [
        ("users/?search=person&sort=0", "person00", "person49", 50),
        ("users/?search=person&sort=0&page=1", "person50", "person59", 10),
        ("users/?search=person&sort=0&desc=1", "person59", "person10", 50),
        ("users/?search=p7%40example", "person07", "person07", 1),
        ("users/?flt1_role_is=user&flt0_status_is=invited&sort=0&page_size=20", "person00", "person19", 20),
        ("files/?sort=0&page_size=100", "report 00.txt", "report 59.txt", 60),
        ("files/?flt0_owner_is=person07", "report 07.txt", "report 07.txt", 1),
        ("files/?flt0_owner_is=P7%40example.org", "report 07.txt", "report 07.txt", 1),
        ("files/?flt2_tag_is=Finance&sort=0", "report 01.txt", "report 59.txt", 30),
        ("files/?flt1_mime_type_is=text/plain&sort=0&page_size=20", "report 00.txt", "report 19.txt", 20),
        (
            "files/?flt3_size_at_least=5&flt4_size_at_most=5+B&sort=0&search=report",
            "report 00.txt",
            "report 49.txt",
            50,
        ),
        (
            "files/?flt5_created_since=2020-01-01&flt6_created_until=2999-12-31&sort=4",
            "report 00.txt",
            "report 49.txt",
            50,
        ),
        ("uploads/?search=video+7&sort=0", "video 7.mp4", "video 7.mp4", 1),
        ("uploads/?flt0_owner_is=person09", "video 9.mp4", "video 9.mp4", 1),
        ("roles/?search=reads", "auditor", "auditor", 1),
        ("roles/?sort=0&desc=1", "witness", "admin", 8),
    ],
)
def test_search_filters_order_and_pages(whole: Desk, path: str, first: str, last: str, count: int) -> None:
    rows = _rows(whole, f"/admin/{path}")
    assert (rows[0], rows[-1], len(rows)) == (first, last, count)


@pytest.mark.parametrize("view", ["users", "roles", "files", "trash", "uploads", "audit"])
@pytest.mark.parametrize(
    "query",
    [
        "page=-1",
        "page=99999999999",
        "page=x",
        "page_size=10000",
        "page_size=0",
        "sort=99",
        "sort=-1&desc=x",
        "flt9_x=1",
    ],
)
def test_addresses_out_of_bounds_show_a_list(whole: Desk, view: str, query: str) -> None:
    answer = whole.as_("admin").get(f"/admin/{view}/?{query}")
    assert answer.status_code == 200
    assert answer.text.count('scope="row"') <= 50


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("files/?flt0_owner_is=nobody-here", "There is no user nobody-here."),
        ("uploads/?flt0_owner_is=nobody-here", "There is no user nobody-here."),
        ("trash/?flt0_trash_is=nobody-here", "There is no user nobody-here."),
        ("audit/?flt0_actor_is=nobody-here", "There is no user nobody-here."),
        ("audit/?flt2_object_is=abc", "Which “abc” is meant?"),
        ("audit/?flt1_action_is=abc", "does not fit Action"),
        ("files/?flt3_size_at_least=much", "does not fit Size at least"),
        ("users/?flt2_created_since=yesterday", "does not fit Created since"),
        ("users/?flt1_role_is=a%00b", "does not fit Role"),
    ],
)
def test_a_filter_that_does_not_fit_shows_no_rows_and_says_why(whole: Desk, address: str, says: str) -> None:
    name, value = re.findall(r"flt\d_(\w+?)_(?:is|at_least|since)=(.*)", address)[0]
    assert name
    assert value
    answer = whole.as_("admin").get(f"/admin/{re.sub(r'flt(.)_(.*?)_(is|at_least|since)=', _named, address)}")
    assert answer.status_code == 200
    assert says in answer.text
    assert "No rows are shown" in answer.text
    assert "data-open" not in answer.text


def _named(found: re.Match[str]) -> str:
    """The filters' names in addresses come from their labels."""
    label = {"trash": "owner"}.get(found[2], found[2])
    return f"flt{found[1]}_{label}_{found[3]}="


def test_whoever_may_not_look_users_up_is_told_so(whole: Desk) -> None:
    librarian = whole.as_("librarian")
    answer = librarian.get("/admin/files/?flt0_owner_is=person07")
    assert "You may not look users up by name." in answer.text
    owner = whole.site.services.users.find(SHELL, "person07").id
    answer = librarian.get(f"/admin/files/?flt0_owner_is={owner}")
    assert "report 07.txt" in answer.text
    assert "report 08.txt" not in answer.text
    assert "/admin/users/" not in answer.text


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("users/?page_size=100", 4),
        ("users/?search=person&flt1_role_is=user", 8),
        ("roles/", 5),
        ("files/?page_size=100", 5),
        ("files/?flt0_owner_is=person07&sort=0&search=report", 12),
        ("trash/", 6),
        ("uploads/?page_size=100", 6),
        ("audit/?page_size=100", 6),
        ("audit/?flt0_actor_is=the-admin&flt1_action_is=session.start", 12),
        ("", 8),
    ],
)
def test_a_page_takes_few_round_trips(whole: Desk, path: str, most: int) -> None:
    admin = whole.as_("admin")
    admin.get(f"/admin/{path}")
    CountedDb.trips = 0
    assert admin.get(f"/admin/{path}").status_code == 200
    assert CountedDb.trips <= most, path


# --- the log


def test_the_log_pages_by_cursor_without_gap_or_repetition(whole: Desk) -> None:
    admin, seen = whole.as_("admin"), list[str]()
    address, pages = "/admin/audit/?flt1_action_is=upload.start&page_size=20", 0
    while address:
        answer = admin.get(address)
        seen += re.findall(r'href="/admin/audit/details/\?id=([\d-]+)', answer.text)
        assert ("Newest" in answer.text) == (pages > 0)
        older = re.search(r'rel="next" href="([^"]+)"', answer.text)
        address, pages = older[1].replace("&amp;", "&") if older else "", pages + 1
    made = [
        one.id for one in whole.site.services.audit.page(SHELL, filters=(("action", "upload.start"),), limit=500).items
    ]
    assert seen == made
    assert pages == -(-len(made) // 20)
    assert admin.get("/admin/audit/?cursor=nonsense").status_code == 400


@pytest.mark.parametrize("path", ["/admin/jobs/", "/admin/sessions/"])
def test_a_list_without_a_search_forgets_what_is_searched_for(whole: Desk, path: str) -> None:
    admin = whole.as_("admin")
    answer = admin.get(path, query_string={"search": "nothing is called so"})
    assert answer.status_code == 200
    assert answer.text.count("<tbody") == admin.get(path).text.count("<tbody")
    assert "nothing is called so" not in answer.text


def test_an_entry_shows_all_that_is_recorded(whole: Desk) -> None:
    admin, user = whole.as_("admin"), whole.user("", "user")
    whole.site.services.users.update(SHELL, user.id, email="changed@example.org")
    text = admin.get(f"/admin/audit/?flt2_object_is=user:{user.id}").text
    entries = re.findall(r'href="(/admin/audit/details/[^"]+)"', text)
    assert len(entries) == 2
    text = admin.get(entries[0].replace("&amp;", "&")).text
    assert "<bdi>changed@example.org</bdi>" in text
    assert "&#34;action&#34;: &#34;user.update&#34;" in text
    assert f'href="/admin/users/details/?id={user.id}"' in text
    text = whole.as_("witness").get(entries[0].replace("&amp;", "&")).text
    assert "/admin/users/" not in text
    assert admin.get("/admin/audit/details/?id=1-1").status_code == 404


def lives(whole: Desk, state: str) -> tuple[str, str]:
    """The identifier of a file in this state, and the section of the admin site where it is."""
    services = whole.site.services
    match state:
        case "ready":
            return whole.file().id, "files"
        case "trashed":
            return whole.trashed().id, "trash"
        case "purged":
            file_id = whole.file().id
            services.files.purge(SHELL, file_id)
            return file_id, ""
        case "unfinished":
            return whole.upload().id, "uploads"
        case "cancelled":
            upload_id = whole.upload().id
            services.uploads.cancel(SHELL, upload_id)
            return upload_id, ""
    raise ValueError(state)


@pytest.mark.parametrize("state", ["ready", "trashed", "purged", "unfinished", "cancelled"])
def test_an_entry_leads_to_where_its_file_is_now(whole: Desk, state: str) -> None:
    """Uploads and files have one history: what an entry is about may be either, in the trash, or gone."""
    admin = whole.as_("admin")
    identifier, section = lives(whole, state)
    text = admin.get(f"/admin/audit/?flt2_object_is=file:{identifier}").text
    entries = re.findall(r'href="(/admin/audit/details/[^"]+)"', text)
    assert entries
    for entry in entries:
        text = admin.get(entry.replace("&amp;", "&")).text
        opens = re.findall(rf'href="(/admin/\w+/details/\?id={identifier})"', text)
        assert opens == ([f"/admin/{section}/details/?id={identifier}"] if section else [])
        assert ("Open the upload" in text) == (section == "uploads")
        assert ("Open the file" in text) == (section in {"files", "trash"})
        assert all(admin.get(way).status_code == 200 for way in opens)
        assert f'href="/admin/audit/?flt0_object_is=file:{identifier}"' in text
        assert "Open the" not in whole.as_("witness").get(entry.replace("&amp;", "&")).text


def test_an_entry_about_somebody_who_is_gone_leads_nowhere(whole: Desk) -> None:
    admin, role = whole.as_("admin"), whole.role()
    whole.site.services.roles.delete(SHELL, role)
    text = admin.get(f"/admin/audit/?flt2_object_is=role:{role}").text
    entries = re.findall(r'href="(/admin/audit/details/[^"]+)"', text)
    assert len(entries) == 2
    for entry in entries:
        assert "Open the" not in admin.get(entry.replace("&amp;", "&")).text


# --- the first page


def test_the_first_page_counts_what_happened(whole: Desk) -> None:
    admin, file = whole.as_("admin"), whole.file()
    assert admin.get(f"/files/{file.id}").status_code == 200
    files = whole.site.services.audit.page(SHELL, filters=(("action", "file.create"),)).total
    downloads = whole.site.services.audit.page(SHELL, filters=(("action", "file.download"),)).total
    for span, steps in (("day", 24), ("month", 30), ("nonsense", 30)):
        text = admin.get(f"/admin/?span={span}").text
        assert f"Uploads: {files} in all" in text
        assert f"Downloads: {downloads} in all" in text
        assert text.count('class="plot-hit"') == steps
        assert "10.0 MB" in text
    for role in ("librarian", "witness"):
        assert "<figure" not in whole.as_(role).get("/admin/").text
    assert "<figure" in whole.as_("operator").get("/admin/").text
