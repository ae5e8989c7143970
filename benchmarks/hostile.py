"""What slow clients, idle ones and many sign-ins at once do to people who only want a small file or send one slowly."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from backoffice.composition import build_services
from backoffice.domain.access import system_actor
from backoffice.settings import Settings
from benchmarks.attackers import OF_AN_ADDRESS, READ, Attack, Kind, attack
from benchmarks.honest import DOORS, EVERY, FILE, LINK, PATIENCE, UPLOAD, Honest, Uploaded, Waited
from benchmarks.http import Connection
from benchmarks.pages import HTML
from benchmarks.plan import MIB, Bars, Goal, Part, Plan
from benchmarks.site import Failed, Site, running

LARGE: Final = 8 * MIB
PEOPLE: Final = 8
UPLOADERS: Final = 2
SIGN_INS: Final = 32
MOST: Final = 1000.0
"""ms that an honest client's p99 may be."""
COUNTS: Final = (40, 200, 1000)
IDLE: Final = 2000
HEADER: Final = ("beside", "held at the end", "begun", "their processor time", "answers", "p50", "p99", "longest")
SHARES: Final = ("refused", "uploads", "failed")


def measure(plan: Plan) -> list[Part]:
    part = Part("Hostile clients", _about(), (*HEADER, *SHARES))
    password = secrets.token_urlsafe(24)
    with running(plan.scratch / "hostile", "os") as site:
        honest, kinds = _prepared(site, _tokens(site, password))
        rows = _Rows(plan, part, honest, seconds=3 if plan.quick else 10)
        rows.add("nobody")
        for name, kind in kinds.items():
            for count in COUNTS:
                with attack(site, kind, count) as them:
                    rows.add(f"{count:,} {name}", them)
                _recovered(honest)
        with attack(site, Kind([b""], b""), IDLE, of_an_address=IDLE) as them:
            rows.add(f"{IDLE:,} idle connections", them)
        _recovered(honest)
        with _signing_in(site, password) as (signed_in, going_on):
            found = Waited()
            while going_on():
                found.ms.append(honest.ask())
                time.sleep(EVERY)
            rows.put(f"{SIGN_INS} sign-ins at once", found, Uploaded())
        plan.say(f"  sign-ins: longest {max(signed_in):.0f} ms")
        part.figures["sign-ins"] = signed_in
    rows.finish()
    return [part]


def _about() -> str:
    return (
        f"An honest client opens a connection and gets {FILE // 1000} kB, {1 / EVERY:.0f} times a second, and "
        f"{UPLOADERS} people upload files of {UPLOAD // 1000} kB at {LINK // 1000} kB/s over {UPLOADERS * len(DOORS)} "
        f"connections (as one body, as a chunk, as a form), while others hold connections ({OF_AN_ADDRESS} from each "
        "address; every second they all go on, and those that were ended begin anew): heads and forms of which a byte "
        f"comes each second, bodies of {PEOPLE} people who are signed in, readers who take {READ} bytes a second of "
        f"{LARGE // MIB} MiB, idle connections of one address; and while {SIGN_INS} people sign in at once. Who has no "
        f"answer after {PATIENCE:.0f} s gives up, which counts as so long a wait, as a refusal does."
    )


class _Rows:
    """The table as it grows."""

    def __init__(self, plan: Plan, part: Part, honest: Honest, seconds: float) -> None:
        self._plan, self._part, self._honest, self._seconds = plan, part, honest, seconds
        self._p99 = dict[str, float]()
        self._failed = 0

    def add(self, name: str, them: Attack | None = None) -> None:
        """What the honest ones find beside `them`."""
        began, cpu = time.monotonic(), them.cpu if them else 0.0
        waited, uploaded = self._honest.go_on(self._seconds)
        if them is None:
            self.put(name, waited, uploaded)
            return
        spent = (them.cpu - cpu) / (time.monotonic() - began)
        self.put(name, waited, uploaded, f"{them.held:,}", f"{them.begun:,}", f"{spent:.0%}")

    def put(self, name: str, waited: Waited, uploaded: Uploaded, *theirs: str) -> None:
        p99 = waited.share(99)
        row = [
            name,
            *(theirs or ("", "", "")),
            str(len(waited.ms)),
            *(f"{ms:.0f} ms" for ms in (waited.share(50), p99, max(waited.ms))),
            f"{waited.refused / len(waited.ms):.1%}",
            str(uploaded.begun or ""),
            str(len(uploaded.failed) if uploaded.begun else ""),
        ]
        self._part.rows.append(row)
        self._part.figures[name] = {"ms": sorted(waited.ms), "failed": uploaded.failed}
        self._p99[name] = p99
        self._failed += len(uploaded.failed)
        self._plan.say(f"  {' · '.join(row)}")
        for answer in sorted(set(uploaded.failed)):
            self._plan.say(f"    upload: {answer}")

    def finish(self) -> None:
        """The goals and the plot."""
        beside = {name: p99 for name, p99 in self._p99.items() if name != "nobody"}
        worst = max(beside, key=lambda name: beside[name])
        self._part.goals += [
            Goal(f"p99 of a small request, at worst (beside {worst})", beside[worst], MOST, at_most=True, unit=" ms"),
            Goal(f"uploads at {LINK // 1000} kB/s that failed", self._failed, 0, at_most=True),
        ]
        self._part.charts.append(
            Bars("hostile", "Small request beside hostile clients, p99", "ms", self._p99, frozenset({"nobody"}), MOST)
        )


def _prepared(site: Site, tokens: Sequence[str]) -> tuple[Honest, Mapping[str, Kind]]:
    with Connection(site.host, site.port, site.headers) as connection:
        small = json.loads(connection.ask("PUT", "/files/small.bin", [b"x" * FILE], FILE).body)["id"]
    uploaders, hostile = tokens[:UPLOADERS], tokens[UPLOADERS:]
    to = f"Host: {site.host}:{site.port}\r\n".encode()
    by = [b"Authorization: Bearer %s\r\n" % token.encode() for token in hostile]
    large = []
    with Connection(site.host, site.port) as connection:
        for token in hostile:
            headers = {"Authorization": f"Bearer {token}"}
            answer = connection.ask("PUT", "/files/large.bin", [b"x" * LARGE], LARGE, **headers)
            large.append(json.loads(answer.body)["id"].encode())
    form = b"POST /login HTTP/1.1\r\n%sContent-Type: application/x-www-form-urlencoded\r\n%s\r\n\r\n"
    return Honest(site, f"/files/{small}", tuple(uploaders)), {
        "slow heads": Kind([b"GET /livez HTTP/1.1\r\n" + to + b"X: "], b"x"),
        "slow forms": Kind([form % (to, b"Transfer-Encoding: chunked"), form % (to, b"Content-Length: 200000")], b"1"),
        "slow bodies": Kind(
            [b"PUT /files/slow HTTP/1.1\r\n%s%sContent-Length: 10000000\r\n\r\n" % (to, who) for who in by],
            b"x" * 5000,
        ),
        "slow readers": Kind(
            [b"GET /files/%s HTTP/1.1\r\n%s%s\r\n" % (file, to, who) for file, who in zip(large, by, strict=True)],
            None,
        ),
        "readers of pages": Kind([b"GET /openapi.json HTTP/1.1\r\n%s\r\n" % to], None),
    }


def _tokens(site: Site, password: str) -> list[str]:
    """Of some of the people who sign in later: first of those who upload, then of those who are hostile."""
    client, shell = site.own_client(), system_actor("bench", "shell")
    services = build_services(Settings(), client)
    users = [services.users.create(shell, username=f"slow{n}", password=password)[0] for n in range(SIGN_INS)]
    asking = users[: UPLOADERS + PEOPLE]
    tokens = [services.tokens.create(shell, name="bench", user_id=user.id)[1] for user in asking]
    client.close()
    return tokens


def _recovered(honest: Honest) -> None:
    until = time.monotonic() + 90
    while honest.ask() > MOST:
        if time.monotonic() > until:
            raise Failed("the site does not answer any more")


@contextlib.contextmanager
def _signing_in(site: Site, password: str) -> Iterator[tuple[list[float], Callable[[], bool]]]:
    """So many people with the right password, from as many addresses, at once; ms until each was in, and whether they
    are still at it."""
    ready, waited = threading.Barrier(SIGN_INS), list[float]()

    def sign_in(number: int) -> None:
        source = (f"127.0.9.{1 + number}", 0)
        connection = http.client.HTTPConnection(site.host, site.port, timeout=60, source_address=source)
        connection.request("GET", "/login", headers=HTML)
        answer = connection.getresponse()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        token = answer.read().decode().partition('name="csrf_token" value="')[2].partition('"')[0]
        ready.wait()
        began = time.monotonic()
        origin = f"http://{site.host}:{site.port}"
        headers = HTML | {"Cookie": cookie, "Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", f"csrf_token={token}&username=slow{number}&password={password}", headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != 303:
            raise Failed(f"signing in: {answer.status} {text}")
        waited.append((time.monotonic() - began) * 1000)

    with ThreadPoolExecutor(SIGN_INS) as pool:
        people = [pool.submit(sign_in, number) for number in range(SIGN_INS)]
        yield waited, lambda: not all(one.done() for one in people)
    for one in people:
        one.result()
