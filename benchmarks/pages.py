"""What the pages cost that people and operators open: processor time of the web, bytes, store, round trips."""

from __future__ import annotations

import json
import secrets
import statistics
import urllib.parse
import urllib.request
from functools import partial
from http.cookiejar import CookieJar

from benchmarks.cost import of_site, round_trips
from benchmarks.http import Connection
from benchmarks.plan import Bars, Goal, Part, Plan
from benchmarks.site import USER, Failed, Site, running

PAGES = ("/", "/files", "/admin/", "/admin/files/", "/admin/audit/", "/admin/users/")
FILES = 60
"""And as many users: every list has a full page of 50 rows."""
BOUNDS = {"/": (8, 3), "/admin/files/": (8, 3), "/admin/audit/": (8, 3), "/admin/": (None, 4)}
"""ms of processor time of the web, and round trips."""
COSTS = ("web", "store", "commands")
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def measure(plan: Plan) -> list[Part]:
    password = secrets.token_urlsafe(24)
    part = Part(
        "Pages",
        f"Signed in, {FILES} files and users, lists of 50 rows; one connection, {plan.turns} turns of {plan.loads} "
        "loads, medians. `web`, `store`: ms of processor time a load; `in commands`: ms that the store "
        "says it spent in them.",
        ("page", "bytes", "web", "store", "in commands", "round trips"),
    )
    with running(plan.scratch / "pages", "os", {"BACKOFFICE_ADMIN_PASSWORD": password}) as site:
        _fill(site)
        headers = HTML | {"Cookie": sign_in(site, password)}
        with Connection(site.host, site.port, headers) as connection:
            sizes = {page: _loaded(connection, page) for page in PAGES}
            trips = {page: round_trips(site, partial(connection.ask, "GET", page)) for page in PAGES}
            costs = _turns(plan, site, connection)
    web = dict[str, float]()
    for page in PAGES:
        spent = {name: statistics.median(turn[name] for turn in costs[page]) for name in COSTS}
        web[page] = spent["web"]
        part.rows.append([f"`{page}`", f"{sizes[page]:,}", *(f"{spent[name]:.1f}" for name in COSTS), str(trips[page])])
        part.goals += _goals(page, spent["web"], trips[page])
    part.figures = {"costs": costs, "bytes": sizes, "round trips": trips}
    part.charts.append(Bars("pages", "Processor time of the web for a page", "ms", web, frozenset(web)))
    return [part]


def _turns(plan: Plan, site: Site, connection: Connection) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {page: [] for page in PAGES}
    meter = of_site(site)
    for number in range(plan.turns):
        for page in PAGES:
            before = meter()
            for _ in range(plan.loads):
                connection.ask("GET", page)
            found[page].append(meter().since(before).each(plan.loads))
            plan.say(f"  {number + 1}/{plan.turns} {page}: {found[page][-1]['web']:.1f} ms")
    return found


def _goals(page: str, web: float, trips: int) -> list[Goal]:
    most, most_trips = BOUNDS.get(page, (None, None))
    goals = [] if most is None else [Goal(f"web, `{page}`", web, most, at_most=True, unit=" ms")]
    return goals if most_trips is None else [*goals, Goal(f"round trips, `{page}`", trips, most_trips, at_most=True)]


def _fill(site: Site) -> None:
    with Connection(site.host, site.port, site.headers) as connection:
        for number in range(FILES):
            connection.ask("PUT", f"/files/report-{number}.txt", [b"x" * 1000], 1000)
            body = json.dumps({"username": f"person{number}"}).encode()
            connection.ask("POST", "/admin/users", [body], len(body), Content_Type="application/json")


def sign_in(site: Site, password: str) -> str:
    """As a browser does it; the cookies."""
    jar, base = CookieJar(), f"http://{site.host}:{site.port}"
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.addheaders = [*HTML.items(), ("Origin", base)]
    page = browser.open(f"{base}/login").read().decode()
    _, found, rest = page.partition('name="csrf_token" value="')
    if not found:
        raise Failed("the page for signing in has no form")
    fields = {"csrf_token": rest.partition('"')[0], "username": USER, "password": password}
    browser.open(f"{base}/login", urllib.parse.urlencode(fields).encode()).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _loaded(connection: Connection, page: str) -> int:
    """Bytes of the page. Every process has made it before it is measured."""
    return max(connection.ask("GET", page).size for _ in range(20))
