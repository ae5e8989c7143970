"""How values look, and what filters make of text."""

from __future__ import annotations

from enum import StrEnum
from types import SimpleNamespace

import pytest
from flask import Flask, render_template
from jinja2 import DictLoader
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict

from backoffice.domain.limits import MAX_FILTER_VALUE
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.web import formats, templating
from backoffice.web.admin import cells
from backoffice.web.admin.applied_filters import applied_filters, sizes_of_search
from backoffice.web.admin.filters import days, equals, one_of, sizes
from backoffice.web.local_paths import is_local_path

DAY = 86_400_000
VIEW = SimpleNamespace(badge_tones={"good": "good"})


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_536_000, "1.5 MB"),
        (999_999, "1.0 MB"),
        (99_960_000, "100 MB"),
        (10**18, "1000 PB"),
        (-1, "unknown"),
    ],
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert formats.filesize(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (30 * 86400 - 960, "30 days ago"),
        (40 * 86400, "40 days ago"),
        (50 * 86400, "2 months ago"),
        (-30 * 86400 + 960, "in 30 days"),
        (-86399, "in 1 day"),
        (800 * 86400, "2 years ago"),
        (-120, "in 2 minutes"),
    ],
)
def test_times_are_distances(seconds: int, text: str) -> None:
    assert formats.ago(10**12 - seconds * 1000, now=10**12) == text


def test_a_time_carries_its_exact_form_and_zero_is_never() -> None:
    tag = formats.time_tag(0)
    assert "none" in tag
    assert 'datetime="2001-09-09T01:46:40.000Z"' in formats.time_tag(10**12)


@pytest.mark.parametrize("start", [*"=+-@\t\r\n\0", "\uff1d", "\uff0b", "\uff0d", "\uff20", "  =", "\u00a0="])
def test_csv_text_is_never_a_formula(start: str) -> None:  # I1
    assert cells.csv_cell(f"{start}cmd|' /C calc'!A0").startswith("'")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=HYPERLINK(1).txt", "x;'=HYPERLINK(1).txt"),
        ("x; +1", "x; '+1"),
        ("x;;-1;a", "x;;'-1;a"),
        ("x\t@a;b=c", "x\t'@a;b=c"),
        ("x\n=1", "x\n'=1"),
        ('x;"=1"', 'x;"\'=1"'),
        ("x;\uff1d1", "x;'\uff1d1"),
        ("=1;=2", "'=1;'=2"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("a - b; c", "a - b; c"),
    ],
)
def test_csv_text_is_no_formula_after_another_separator_either(text: str, cell: str) -> None:  # I1
    assert cells.csv_cell(text) == cell


@pytest.mark.parametrize(("value", "text"), [(-5, "-5"), (1.5, "1.5"), ("", ""), ("a=b", "a=b"), ("report", "report")])
def test_csv_numbers_and_plain_text_stay(value: object, text: str) -> None:
    assert cells.csv_cell(value) == text


@pytest.mark.parametrize("payload", ["<b>", "\"'><img src=x onerror=alert(1)>", "{{7*7}}"])
def test_formatters_escape_what_records_hold(payload: str) -> None:
    record = SimpleNamespace(value=payload, values=(payload,))
    shown = [
        cells.code_cell(None, None, record, "value"),
        cells.truncated_cell(None, None, record, "value"),
        cells.time_cell(None, None, record, "value"),
        cells.badge_cell({payload: "good"})(None, None, record, "value"),
        *(cells.default_cell(VIEW, record.value, name) for name in ("id", "name", "made_at")),
        cells.default_cell(VIEW, record.values, "values"),
    ]
    for html in shown:
        assert "<b>" not in html
        assert "<img" not in html
        assert "49" not in html


class Kind(StrEnum):
    GOOD = "good"


@pytest.mark.parametrize(
    ("name", "value", "shown", "exported"),
    [
        ("created_at", 10**12, formats.when_tag(10**12), "2001-09-09T01:46:40.000Z"),
        ("created_at", 0, formats.NOTHING, ""),
        ("size", 1234, "1,234", 1234),
        ("built_in", True, "yes", "yes"),
        ("id", "abc", '<code class="id" title="abc">abc</code>', "abc"),
        ("name", "abc", "<bdi>abc</bdi>", "abc"),
        ("name", "", formats.NOTHING, ""),
        ("name", None, formats.NOTHING, ""),
        ("kind", Kind.GOOD, '<span class="state state-good">good</span>', "good"),
        ("kinds", frozenset("ba"), formats.tags("ab"), "a, b"),
        ("kinds", ("b", "a"), formats.tags("ab"), "b, a"),
        ("kinds", (), formats.NOTHING, ""),
        ("more", {"a": 1}, '{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_value_looks_as_its_kind_does(name: str, value: object, shown: object, exported: object) -> None:
    assert cells.default_cell(VIEW, value, name) == shown
    assert cells.default_text(VIEW, value, name) == exported


def test_filters_narrow_the_query() -> None:
    least, most = sizes("size", "Size")
    since, until = days("at", "Time")
    query = equals("owner", "Owner").apply(Query(), "ada")
    query = least.apply(query, least.clean("1.5 MB"))
    query = most.apply(query, most.clean("2GiB"))
    query = least.apply(query, least.clean("2 MB"))
    query = since.apply(query, since.clean("1970-01-02"))
    query = until.apply(query, until.clean("1970-01-02"))
    assert query.filters == (("owner", "ada"),)
    assert set(query.ranges) == {("size", 2_000_000, 2 * 1024**3), ("at", DAY, 2 * DAY - 1)}


@pytest.mark.parametrize("text", ["x", "-1", "1e400", "1.0000001", "\u0661 B", "9" * 40, "NaN"])
def test_sizes_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        sizes("size", "Size")[0].clean(text)


@pytest.mark.parametrize("text", ["2026-13-01", "yesterday", "9999-12-31", "2026-01-01T00:00"])
def test_days_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        days("at", "Time")[1].clean(text)


def test_choices_are_asked_for_anew_and_nothing_else_is_taken() -> None:
    offered = [("a", "Ada")]
    flt = one_of("owner", "Owner", lambda: offered)
    assert flt.display("a") == "Ada"
    with pytest.raises(ValueError, match="b"):
        flt.clean("b")
    offered.append(("b", "Bob"))
    assert flt.clean("b") == "b"


@pytest.mark.parametrize("text", ["x" * (MAX_FILTER_VALUE + 1), "a\0b"])
def test_filter_text_is_bounded(text: str) -> None:
    with pytest.raises(ValueError, match=text[:10]):
        equals("owner", "Owner").clean(text)


LOCAL = ["/", "/admin/users/?search=a+b&flt0_status_is=active", "/a/%2F/b", "/./x", "/a#b"]
FOREIGN = [
    "",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "http://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:\\\\evil.example",
    "HTTP://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "mailto:a@b",
    "evil.example",
    "evil.example/path",
    "?x=1",
    "#x",
    "./x",
    "../x",
    "\t//evil.example",
    "/\t/evil.example",
    "/\r/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/ /evil.example",
    "/\u2028/evil.example",
    "/\u3002/evil.example",
    "\uff0f\uff0fevil.example",
    "/\x7f/evil.example",
    "/a\r\nSet-Cookie: x=1",
    "/a\0b",
    "/\\/\\evil.example",
    "//evil.example@localhost",
    "//localhost@evil.example",
    "http://localhost/admin/",
    "ftp://evil.example",
    "//%65vil.example",
]


@pytest.mark.parametrize("target", LOCAL)
def test_paths_of_this_site_are_local(target: str) -> None:
    assert is_local_path(target)


@pytest.mark.parametrize("target", FOREIGN)
def test_everything_else_is_not(target: str) -> None:  # H8, CVE-2018-16516, CVE-2023-49438, CVE-2021-32618
    assert not is_local_path(target)


def test_tags_escape_what_they_are_made_of() -> None:
    assert formats.state_tag("<b>", "'") == '<span class="state state-&#39;">&lt;b&gt;</span>'
    assert formats.tags(["a&b", "%s"]) == (
        '<span class="labels"><span class="label">a&amp;b</span> <span class="label">%s</span></span>'
    )
    assert formats.prose("a <b>\n\n`<%s>`") == "<p>a &lt;b&gt;</p><p><code>&lt;%s&gt;</code></p>"
    assert formats.icon('"><') == '<svg class="icon" aria-hidden="true"><use href="#i-&#34;&gt;&lt;"/></svg>'


def test_what_is_remembered_of_markup_is_not_taken_for_text() -> None:
    for tag in (formats.state_tag, formats.icon, lambda value: formats.tags([value])):
        tag(Markup("<i>x</i>"))
        assert "<i>" not in tag("<i>x</i>")
        tag("<u>x</u>")
        assert "<u>" not in tag("<u>x</u>")
    record = SimpleNamespace(name=Markup("<i>y</i>"))
    for cell in (cells.bidi_cell, cells.truncated_cell):
        cell(None, None, record, "name")
        assert "<i>" not in cell(None, None, SimpleNamespace(name="<i>y</i>"), "name")


VALUES = [
    "",
    "plain",
    "<",
    ">",
    "&",
    "'",
    '"',
    "a<b>&'\"",
    7,
    None,
    Markup("<b>"),
    Permissions.FILES_READ,
    ["<"],
    object,
]


@pytest.mark.parametrize("value", VALUES)
def test_templates_put_out_what_escape_makes(value: object) -> None:
    assert templating.escaped(value) == str(escape(value))
    app = Flask("test")
    app.jinja_options = {"loader": DictLoader({"a.html": "{{ value }}|{% set b %}{{ value }}{% endset %}{{ b }}"})}
    app.jinja_environment = templating.TemplateEnvironment
    with app.app_context():
        assert render_template("a.html", value=value) == f"{escape(value)}|{escape(value)}"


def test_sizes_among_the_words_of_a_search_are_filters() -> None:
    known = dict(zip(("size_at_least", "size_at_most"), enumerate(sizes("size", "Size")), strict=True))
    args = MultiDict([("sort", "1")])
    search, found = sizes_of_search(known, "iso >100MB disk <2GB >much >", args)
    assert search == "iso disk >much >"
    assert [used.value for used in applied_filters(known, found, "", strict=True)] == [100_000_000, 2_000_000_000]
    assert found["sort"] == "1"
    assert sizes_of_search({}, "iso >100MB", args) == ("iso >100MB", args), "a list without sizes"
