"""The lists of the operators' site beside those of stock Flask-Admin over SQLAlchemy and SQLite, with the same rows."""

from __future__ import annotations

import re
import secrets
import statistics
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar
from typing import Final
from urllib.parse import urlencode

from benchmarks.cost import Meter, of_peer, of_site
from benchmarks.fill import fill
from benchmarks.http import Connection
from benchmarks.pages import HTML, sign_in
from benchmarks.peer_servers import HOST, Peer, run_stock_admin
from benchmarks.plan import Bars, Goal, Part, Plan
from benchmarks.records import BUSY, FIRST, RARE, TYPES, WORDS, Crowd
from benchmarks.site import Failed, Site, running
from benchmarks.stock_rows import load

OWN, STOCK = "backoffice", "Flask-Admin, SQLAlchemy"
ROWS: Final = 50
HALF, TENTH = 0.5, 0.1
"""Of stock's time: the most that a page may take, and a search."""
WARM: Final = 3
_NAMES = {"files": re.compile(r"\b[a-z]+ [a-z]+ \d+\.[a-z0-9]{3,4}\b"), "users": re.compile(r"\b[a-z]+\.[a-z]+\.\d+\b")}


@dataclass(frozen=True, slots=True)
class View:
    """A page of both sites. `search`: in whatever order each has what is found."""

    section: str
    name: str
    own: Mapping[str, str | int]
    stock: Mapping[str, str | int]
    search: bool = False

    @property
    def label(self) -> str:
        return f"{self.section}, {self.name}"

    def path(self, arguments: Mapping[str, str | int]) -> str:
        return f"/admin/{self.section}/?{urlencode(arguments)}" if arguments else f"/admin/{self.section}/"


@dataclass(slots=True)
class Server:
    """One of the two, and what its loads took: ms until the page was there, ms of its processors for one."""

    name: str
    host: str
    port: int
    cookie: str
    meter: Meter
    counted: Sequence[str]
    waited: dict[str, list[float]] = field(default_factory=dict)
    spent: dict[str, list[float]] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return HTML | {"Cookie": self.cookie}

    def connect(self) -> Connection:
        return Connection(self.host, self.port, self.headers)

    def read(self, path: str) -> str:
        """The whole page, as text."""
        request = urllib.request.Request(f"http://{self.host}:{self.port}{path}", headers=self.headers)
        return str(urllib.request.build_opener().open(request, timeout=120).read().decode())


def views(crowd: Crowd) -> list[View]:
    """What is measured. Arguments are called alike on both, but for those of filters."""
    kind, owner = TYPES[0][0], crowd.user(BUSY).username
    type_is, type_equals = {"flt0_type_is": kind}, {"flt0_type_equals": kind}
    large_is, large_equals = {"flt1_size_at_least": 5_000_000}, {"flt1_size_greater_than": 4_999_999}
    disabled_is, disabled_equals = {"flt0_status_is": "disabled"}, {"flt0_status_equals": "disabled"}
    active_is, active_equals = {"flt0_status_is": "active"}, {"flt0_status_equals": "active"}
    auditor_is, auditor_equals = {"flt1_role_is": "auditor"}, {"flt1_role_equals": "auditor"}

    def owned(number: int) -> tuple[dict[str, str], dict[str, str]]:
        return {f"flt{number}_owner_is": owner}, {f"flt{number}_owner_equals": owner}

    return [
        *_pages("files", crowd.files),
        *_searches("files", WORDS[0]),
        View("files", "of a type", type_is, type_equals),
        View("files", "of an owner", *owned(0)),
        View("files", "of a type, of an owner", type_is | owned(1)[0], type_equals | owned(1)[1]),
        View("files", "of a type, large", {**type_is, **large_is}, {**type_equals, **large_equals}),
        *_pages("users", crowd.users),
        *_searches("users", FIRST[1]),
        View("users", "of a status", disabled_is, disabled_equals),
        View("users", "of a status, with a role", active_is | auditor_is, active_equals | auditor_equals),
    ]


def _pages(section: str, records: int) -> list[View]:
    pages = -(-records // ROWS)
    middle, last = {"page": pages // 2 - 1}, {"page": pages - 1}
    first = View(section, "first page", {}, {})
    return [first, View(section, f"page {pages // 2:,}", middle, middle), View(section, "last page", last, last)]


def _searches(section: str, common: str) -> list[View]:
    few, many = {"search": RARE}, {"search": common}
    return [
        View(section, "a word with few hits", few, few, search=True),
        View(section, "a word with many hits", many, many, search=True),
    ]


def measure(plan: Plan) -> list[Part]:
    crowd, password = Crowd(*plan.crowd), secrets.token_urlsafe(24)
    with ExitStack() as stack:
        environ = {"BACKOFFICE_ADMIN_PASSWORD": password}
        site = stack.enter_context(running(plan.scratch / "admin", "memory", environ))
        plan.say(f"Admin: {crowd.users:,} users and {crowd.files:,} files, twice")
        fill(site.store_url, crowd, plan.say)
        stock = stack.enter_context(run_stock_admin(plan.scratch / "stock", partial(load, crowd=crowd)))
        return [compare(plan, crowd, of_product(site, password), of_stock(stock))]


def of_product(site: Site, password: str) -> Server:
    return Server(OWN, site.host, site.port, sign_in(site, password), of_site(site), ("web", "store"))


def of_stock(peer: Peer) -> Server:
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(f"http://{HOST}:{peer.port}/login").read()
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    return Server(STOCK, HOST, peer.port, cookie, of_peer(peer), ("web",))


def compare(plan: Plan, crowd: Crowd, own: Server, stock: Server) -> Part:
    """Load every page from both in turn, so that what the machine does besides meets both."""
    part = Part(
        "Lists of operators",
        f"{crowd.files:,} files and {crowd.users:,} users, {ROWS} rows a page, the same on both; signed in, "
        f"uncompressed, one connection each, {plan.turns * plan.pairs} loads of each page from both, one after the "
        f"other. {STOCK}: Flask-Admin's own backend over indexed SQLite, in gunicorn with as many processes and "
        "threads. ms until the whole page is there; `CPU`: ms of processor time of the server's processes, with the "
        "store. `:` is the ratio, that of time the median of neighbours.",
        ("page", "p50", "p95", "CPU", "stock p50", "p95", "CPU", "time, we : it", "CPU, we : it"),
    )
    asked = views(crowd)
    for view in asked:
        _check(view, own, stock)
    with own.connect() as to_own, stock.connect() as to_stock:
        for number in range(plan.turns):
            for view in asked:
                _turn(plan, view, (own, to_own), (stock, to_stock))
            plan.say(f"  {number + 1}/{plan.turns}")
    ratios = {view.label: _report(part, view, own, stock) for view in asked}
    part.figures = {one.name: {"ms": one.waited, "processor ms": one.spent, "bytes": one.bytes} for one in (own, stock)}
    part.charts.append(Bars("admin", f"Time for a page, of that of {STOCK}", "", ratios, frozenset(ratios), HALF))
    return part


def _check(view: View, own: Server, stock: Server) -> None:
    """Raises Failed unless both show the same rows: of a search, as many. Afterwards every process has made it."""
    found = []
    for server, arguments in ((own, view.own), (stock, view.stock)):
        for _ in range(WARM):
            text = server.read(view.path(arguments))
        server.bytes[view.label] = len(text.encode())
        found.append([*dict.fromkeys(_NAMES[view.section].findall(text.partition("<table")[2]))])
    ours, theirs = found
    if not ours or (len(ours) != len(theirs) if view.search else ours != theirs):
        raise Failed(f"{view.label}: {len(ours)} and {len(theirs)} rows that differ, such as {ours[:2]}, {theirs[:2]}")


def _turn(plan: Plan, view: View, own: tuple[Server, Connection], stock: tuple[Server, Connection]) -> None:
    """The processors are looked at around each load: what goes on beside the other one's does not count."""
    spent = {server.name: 0.0 for server, _ in (own, stock)}
    for _ in range(plan.pairs):
        for (server, connection), arguments in zip((own, stock), (view.own, view.stock), strict=True):
            before, started = server.meter(), time.perf_counter()
            connection.ask("GET", view.path(arguments))
            server.waited.setdefault(view.label, []).append((time.perf_counter() - started) * 1000)
            each = server.meter().since(before).each(plan.pairs)
            spent[server.name] += sum(each[name] for name in server.counted)
    for server, _ in (own, stock):
        server.spent.setdefault(view.label, []).append(spent[server.name])


def _report(part: Part, view: View, own: Server, stock: Server) -> float:
    """A row and a goal; the ratio of the times."""
    label = view.label
    pairs = zip(own.waited[label], stock.waited[label], strict=True)
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    cost, other = (statistics.mean(server.spent[label]) for server in (own, stock))
    figures = [figure for server in (own, stock) for figure in _figures(server, label)]
    part.rows.append([label, *(f"{figure:.1f}" for figure in figures), f"{ratio:.2f}", f"{cost / other:.2f}"])
    bound = TENTH if view.search else HALF
    part.goals.append(Goal(f"time, {label} : stock", ratio, bound, at_most=True))
    part.goals.append(Goal(f"processor time, {label} : stock", cost / other, bound, at_most=True))
    return ratio


def _figures(server: Server, label: str) -> tuple[float, float, float]:
    waited = sorted(server.waited[label])
    p95 = waited[min(len(waited) - 1, len(waited) * 95 // 100)]
    return statistics.median(waited), p95, statistics.mean(server.spent[label])
