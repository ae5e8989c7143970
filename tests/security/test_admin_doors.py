"""Each page of the operators' site for each built-in role, and every list and page with nonsense in its address. By
HTTP, on an imitated store: what the pages look like is `tests/browser/test_operators_site.py`."""

from __future__ import annotations

import itertools
import re

import pytest
from redis import Redis

from backoffice.domain.access import BUILT_IN
from backoffice.domain.permissions import AUDITOR, OPERATOR, USER
from tests.support.furnished import LISTS, NAUGHTY, Furnished, furnish, pages
from tests.support.website import SHELL, Browser, Site, make_whole_site

EVERYBODY = {"pages.upload", "pages.account", "pages.docs", "pages.shared_with_me", "find.page"}
READERS = {
    "admin.index", "blocked.details_view", "blocked.index_view", "files.details_view", "files.index_view",
    "jobs.details_view", "jobs.index_view", "links.details_view", "links.index_view",
    "roles.details_view", "roles.index_view", "shares.details_view", "shares.index_view", "system.index_view",
    "trash.details_view", "trash.index_view", "uploads.details_view", "uploads.index_view", "users.details_view",
    "users.index_view",
}  # fmt: skip
OPEN = {
    USER: EVERYBODY | {
        "pages.shared", "pages.shared_people", "pages.trash_question", "pages.requests", "pages.request_new",
        "pages.text_new",
    },
    AUDITOR: EVERYBODY | READERS | {"audit.index_view", "audit.details_view"},
    OPERATOR: EVERYBODY | READERS | {
        "pages.shared", "pages.shared_people", "pages.trash_question", "pages.requests", "pages.request_new",
        "pages.text_new",
        "files.ask_view", "files.edit_view", "sessions.details_view", "sessions.index_view", "tokens.details_view",
        "tokens.index_view", "users.ask_view", "users.create_view",
    },
}  # fmt: skip
"""What each built-in role opens; an admin opens all."""
NO_PAGES = re.compile(r"\.(static|ajax_lookup|export)$|^(api|health|static)\b")
NEVER_A_PAGE = {"find.items", "find.people", "pages.openapi", "pages.login", "pages.logout", "pages.setup"}
"""Answers in JSON, and doors of who is not signed in or leaves."""
NONSENSE = ("", "x", "-1", "99999999999999999999", "../..", "%00", "\ud7ff", NAUGHTY[0], "' OR 1=1", "9" * 22, "🏳️‍🌈")


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


@pytest.fixture
def boss(site: Site) -> Browser:
    return site.signed_in("boss", "admin")


@pytest.fixture
def here(site: Site, boss: Browser) -> Furnished:
    found = site.services.tokens.authenticate(site.token("boss"), ip="127.0.0.1", agent="test", request_id="test")
    assert found is not None
    return furnish(site.services, found[0], "d00r")


def test_the_walk_knows_every_page(site: Site, here: Furnished) -> None:
    """Of those that answer GET. A view that is switched off answers as one that is not there."""
    known = set(pages(here))
    there = {
        rule.endpoint
        for rule in site.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not NO_PAGES.search(rule.endpoint)
    }
    boss = site.signed_in("second", "admin")
    closed = {one for one in there - known - NEVER_A_PAGE if boss.get(_address(site, one)).status_code == 200}
    assert known <= there
    assert closed == set(), "pages that nobody looks at"


def _address(site: Site, endpoint: str) -> str:
    return next(rule.rule for rule in site.app.url_map.iter_rules(endpoint))


def test_each_built_in_role_opens_its_pages_and_no_others(site: Site, here: Furnished) -> None:
    opened: dict[str, set[str]] = {}
    for role in BUILT_IN:
        browser = site.signed_in(f"as-{role}", role)
        opened[role] = set()
        for endpoint, addresses in pages(here).items():
            statuses = {browser.get(address).status_code for address in addresses}
            assert statuses <= {200, 403, 404}, (role, endpoint, statuses)
            if 200 in statuses:
                opened[role].add(endpoint)
    assert opened["admin"] == set(pages(here))
    assert {role: pages for role, pages in opened.items() if role != "admin"} == OPEN


def test_no_nonsense_in_an_address_is_a_fault_of_the_server(boss: Browser, here: Furnished) -> None:
    """Stale and foreign identifiers, filters, sorts and pages that there are not."""
    clean = {200, 302, 303, 400, 403, 404, 422}
    names = (
        "page",
        "sort",
        "desc",
        "page_size",
        "search",
        "flt0_owner_is",
        "flt9_nothing",
        "view",
        "cursor",
        "tz",
        "tab",
    )
    for section, value in itertools.product(LISTS, NONSENSE):
        for page in ("details", "edit", "ask"):
            answer = boss.client.get(
                f"/admin/{section}/{page}/", query_string={"id": value, "rowid": value, "action": value}
            )
            assert answer.status_code in clean - {200}, (section, page, value)
        answer = boss.client.get(f"/admin/{section}/", query_string=dict.fromkeys(names, value))
        assert answer.status_code in clean, (section, value)
    foreign = (here.owner.id, here.role, here.file, here.token, here.job, here.block, here.session)
    for section, value in itertools.product(LISTS, foreign):
        answer = boss.client.get(f"/admin/{section}/details/", query_string={"id": value})
        assert answer.status_code in clean, (section, value)


def test_each_filter_and_sort_of_a_list_takes_anything(boss: Browser, here: Furnished) -> None:
    """The filters that a list offers, by their names in the addresses of its form."""
    for section in LISTS:
        page = boss.get(f"/admin/{section}/").text
        filters = set(re.findall(r'name="(flt\d*_[a-z_]+)"', page)) | set(re.findall(r"[?&;](flt\d*_[a-z_]+)=", page))
        for name, value in itertools.product(sorted(filters), NONSENSE[3:8:2]):
            answer = boss.client.get(f"/admin/{section}/", query_string={name: value})
            assert answer.status_code == 200, (section, name, value)
        for sort in (-1, 0, 3, 99, "name"):
            assert boss.get(f"/admin/{section}/?sort={sort}&desc=1&page=7").status_code == 200, (section, sort)


def test_a_view_of_an_owner_who_is_gone_still_opens(site: Site, boss: Browser, here: Furnished) -> None:
    other = site.signed_in("leaver", "operator")
    found = site.services.tokens.authenticate(site.token("leaver"), ip="127.0.0.1", agent="test", request_id="test")
    assert found is not None
    site.services.views.create(found[0], section="files", name="left behind", query="search=x", shared=True)
    site.services.users.disable(SHELL, site.users["leaver"])
    site.services.users.delete(SHELL, site.users["leaver"])
    assert other.get("/admin/files/").status_code == 303
    answer = boss.get("/admin/files/?search=x")
    assert answer.status_code == 200
    assert "left behind" in answer.text
