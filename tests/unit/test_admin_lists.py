"""The lists of the admin site: addresses, pages, order, search, filters, export."""

from __future__ import annotations

import pytest

from tests.support.admin_site import Site, Thing, make_site, reset


@pytest.fixture(scope="module")
def shared() -> Site:
    return make_site()


@pytest.fixture
def site(shared: Site) -> Site:
    return reset(shared)


@pytest.mark.parametrize("query", ["_external=1&_scheme=javascript", "endpoint=x&_anchor=y", "x=1&_method=POST"])
def test_unknown_arguments_do_not_reach_the_addresses(site: Site, query: str) -> None:
    text = site.text(f"?{query}")
    assert "javascript:" not in text
    assert "localhost" not in text
    assert "#y" not in text


@pytest.mark.parametrize(
    ("query", "offset", "limit"),
    [
        ("", 0, 50),
        ("page=1", 50, 50),
        ("page=-1", 0, 50),
        ("page=x", 0, 50),
        ("page=" + "9" * 30, 10**6 * 50, 50),
        ("page_size=100", 0, 100),
        ("page_size=100000", 0, 50),
        ("page_size=0", 0, 50),
        ("page_size=-5", 0, 50),
    ],
)
def test_paging_stays_in_bounds(site: Site, query: str, offset: int, limit: int) -> None:  # D2
    site.text(f"?{query}")
    assert (site.things.asked[-1].offset, site.things.asked[-1].limit) == (offset, limit)


@pytest.mark.parametrize(
    ("query", "sort", "descending"),
    [
        ("sort=0&desc=1", "by_name", True),
        ("sort=0", "by_name", False),
        ("sort=1", "size", True),
        ("sort=99", "size", True),
    ],
)
def test_only_sortable_columns_sort(site: Site, query: str, sort: str, descending: bool) -> None:
    site.text(f"?{query}")
    assert (site.things.asked[-1].sort, site.things.asked[-1].descending) == (sort, descending)


def test_counts_say_when_they_are_a_lower_bound(site: Site) -> None:
    assert "1–50 of 230" in site.text()
    site.things.exact = False
    text = site.text("?page=4")
    assert "201–230 of at least 230" in text
    assert "Last page" not in text
    assert "past the end" in site.text("?page=9")


def test_search_and_filters_reach_the_query(site: Site) -> None:
    text = site.text("?search=thing+1&flt0_owner_is=ada&flt1_size_at_least=2kB&flt7_size_at_most=&flt9_no_such=1")
    asked = site.things.asked[-1]
    assert (asked.search, asked.filters, asked.ranges) == ("thing 1", (("owner", "ada"),), (("size", 2000, None),))
    for name in ("Remove the search", "Remove the filter Owner ada", "Remove the filter Size at least 2kB"):
        assert name in text
    assert site.get(f"?search={'x' * 300}").status_code == 400
    site.things.asked.clear()
    text = site.text("?flt1_size_at_least=lots")
    assert "lots does not fit Size at least." in text
    assert "No rows are shown" in text
    assert "Remove the filter Size at least lots" in text
    assert site.things.asked == []


def test_export_is_whole_and_safe(site: Site) -> None:  # I1
    site.things.rows = {f"n{n}": Thing(f"n{n}", f"thing {n}", n) for n in range(1201)}
    site.things.rows["x"] = Thing("x", '=HYPERLINK("http://evil")', -5, ("+a", "b"))
    response = site.get("export/csv/?search=")
    lines = response.get_data(as_text=True).splitlines()
    assert response.mimetype == "text/csv"
    assert lines[0] == "Name,Size,Roles"
    assert len(lines) == 1203
    assert lines[-1] == """"'=HYPERLINK(""http://evil"")",-5,"'+a, b\""""
    assert max(query.limit for query in site.things.asked) == 500
    assert site.get("export/xlsx/").status_code == 404


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("flt1_size_at_least=lots", "lots does not fit Size at least."),
        ("flt0_owner_is=a%00b", "does not fit Owner."),
        ("flt0_ownr_is=ada", "There is no filter ownr_is."),
    ],
)
def test_an_export_is_of_what_was_asked_for_or_not_at_all(site: Site, query: str, says: str) -> None:
    answer = site.get(f"export/csv/?{query}")
    assert answer.status_code == 400
    assert says in answer.get_data(as_text=True)
    assert site.things.asked == []
    assert site.get(f"?{query}").status_code == 200


def test_each_wrong_filter_is_marked(site: Site) -> None:
    many = "&".join(f"flt{n}_size_at_least=much{n}" for n in range(20))
    text = site.text(f"?{many}&flt20_size_at_most=&flt21_no_such=1")
    assert text.count("chip-bad") == 20
    assert site.things.asked == []
    assert site.get(f"?{many}&flt20_size_at_most=much").status_code == 400
