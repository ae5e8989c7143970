"""What slow clients, idle ones and many sign-ins at once do to somebody who only wants a small file."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any, Final

from backoffice.app import build_services
from backoffice.domain.access import system_actor
from backoffice.settings import Settings
from benchmarks.http import Connection
from benchmarks.pages import HTML
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import Failed, Site, running

FILE: Final = 10_000
LARGE: Final = 8 * MIB
OF_AN_ADDRESS: Final = 20
"""Connections from each address: many addresses are worse than one, which is held to a number."""
PEOPLE: Final = 8
DRIP_SECONDS: Final = 1.0
BEGIN_SECONDS: Final = 20.0
"""In which all slow clients have been at it once, or the site does not let them."""
PATIENCE: Final = 10.0
"""An honest client gives up then; that counts as so long a wait."""
PAUSE: Final = 0.02
SIGN_INS: Final = 32
MOST: Final = 1000.0
"""ms that an honest client's p99 may be with 200 slow ones."""
COUNTS: Final = (40, 200, 1000)


@dataclass(frozen=True, slots=True)
class Kind:
    """What slow clients send first, in turns, and then each second; None: they read a little of the answer instead."""

    begin: Sequence[bytes]
    drip: bytes | None


@contextlib.contextmanager
def slow(site: Site, kind: Kind, count: int, of_an_address: int = OF_AN_ADDRESS) -> Iterator[Callable[[], int]]:
    """So many connections of one kind, each begun anew when it is ended; how many are held now. They come from
    127.0.0.0/8, and from a process of their own."""
    spawn = multiprocessing.get_context("spawn")
    stop, held = spawn.Event(), spawn.Value("i", -1)
    address = (site.host, site.port)
    process = spawn.Process(target=_drive, args=(address, kind, count, of_an_address, stop, held), daemon=True)
    process.start()
    try:
        until = time.monotonic() + BEGIN_SECONDS
        while held.value < 0 and time.monotonic() < until:
            time.sleep(0.1)
        yield lambda: int(held.value)
    finally:
        stop.set()
        process.join()


def _drive(address: tuple[str, int], kind: Kind, count: int, of_an_address: int, stop: Event, now: Any) -> None:
    held: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        while not stop.is_set():
            began = time.monotonic()
            _forget_ended(selector, held, reading=kind.drip is None)
            for number in range(count):
                if stop.is_set():
                    return
                with contextlib.suppress(OSError):
                    if number in held:
                        _go_on(held[number], kind.drip)
                    else:
                        one = _begin(address, number // of_an_address, kind.begin[number % len(kind.begin)])
                        held[number] = one
                        selector.register(one, selectors.EVENT_READ, number)
            now.value = len(held)
            stop.wait(max(0.0, began + DRIP_SECONDS - time.monotonic()))


def _begin(address: tuple[str, int], place: int, data: bytes) -> socket.socket:
    one = socket.socket()
    one.settimeout(0.2)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.bind((f"127.0.{1 + place // 250}.{1 + place % 250}", 0))
        one.connect(address)
        one.sendall(data)
    except OSError:
        one.close()
        raise
    one.setblocking(False)
    return one


def _go_on(one: socket.socket, drip: bytes | None) -> None:
    if drip is None:
        one.recv(100)
    elif drip:
        one.send(drip)


def _forget_ended(selector: selectors.BaseSelector, held: dict[int, socket.socket], *, reading: bool) -> None:
    """Those that were answered, or closed on the other side; of readers, only the latter."""
    for key, _ in selector.select(0):
        one = held[key.data]
        try:
            gone = not one.recv(1, socket.MSG_PEEK) or not reading
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            selector.unregister(one)
            one.close()
            del held[key.data]


@dataclass(slots=True)
class Honest:
    """Somebody who opens a connection, gets a small file, and comes again; ms until it was there."""

    site: Site
    path: str

    def ask(self) -> float:
        began = time.monotonic()
        connection = http.client.HTTPConnection(self.site.host, self.site.port, timeout=PATIENCE)
        try:
            connection.request("GET", self.path, headers=self.site.headers)
            answer = connection.getresponse()
            if answer.status != 200 or len(answer.read()) != FILE:
                return PATIENCE * 1000
        except (OSError, http.client.HTTPException):
            return PATIENCE * 1000
        finally:
            connection.close()
        return min(PATIENCE, time.monotonic() - began) * 1000

    def go_on(self, seconds: float) -> list[float]:
        found, until = list[float](), time.monotonic() + seconds
        while time.monotonic() < until:
            found.append(self.ask())
            time.sleep(PAUSE)
        return found


def measure(plan: Plan) -> list[Part]:
    part = Part(
        "Slow clients",
        f"An honest client opens a connection and gets {FILE // 1000} kB, again and again, while others hold "
        f"connections ({OF_AN_ADDRESS} from each address, begun anew when they are ended): heads and bodies of which a "
        f"little comes each second, bodies of {PEOPLE} people who are signed in, readers who take 100 bytes a second "
        f"of {LARGE // MIB} MiB, idle connections of one address; and while {SIGN_INS} people sign in at once. Who has "
        f"no answer after {PATIENCE:.0f} s gives up.",
        ("beside", "held at the end", "answers", "p50", "p99", "longest", "gave up"),
    )
    password = secrets.token_urlsafe(24)
    with running(plan.scratch / "slow", "os") as site:
        honest, kinds = _prepared(site, _tokens(site, password))
        seconds = 3 if plan.quick else 10
        _add(plan, part, "nobody", honest.go_on(seconds))
        for name, kind in kinds.items():
            for count in COUNTS:
                with slow(site, kind, count) as held:
                    waited = honest.go_on(seconds)
                    _add(plan, part, f"{count:,} slow {name}", waited, held(), bound=count <= 200)
                _recovered(honest)
        with slow(site, Kind([b""], b""), 2000, of_an_address=2000) as held:
            _add(plan, part, "2,000 idle connections", honest.go_on(seconds), held(), bound=True)
        _recovered(honest)
        with _signing_in(site, password) as (signed_in, going_on):
            found = list[float]()
            while going_on():
                found.append(honest.ask())
                time.sleep(PAUSE)
            _add(plan, part, f"{SIGN_INS} sign-ins at once", found, bound=True)
        plan.say(f"  sign-ins: longest {max(signed_in):.0f} ms")
        part.figures["sign-ins"] = signed_in
    return [part]


def _add(plan: Plan, part: Part, name: str, waited: list[float], held: int = 0, *, bound: bool = False) -> None:
    ordered = sorted(waited)
    p50, p99 = (ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 99))
    gave_up = sum(ms >= PATIENCE * 1000 for ms in ordered)
    row = [
        name,
        str(held or ""),
        str(len(ordered)),
        f"{p50:.0f} ms",
        f"{p99:.0f} ms",
        f"{ordered[-1]:.0f} ms",
        str(gave_up),
    ]
    part.rows.append(row)
    part.figures[name] = ordered
    if bound:
        part.goals.append(Goal(f"p99 beside {name}", p99, MOST, at_most=True, unit=" ms"))
    plan.say(f"  {' · '.join(row)}")


def _prepared(site: Site, tokens: Sequence[str]) -> tuple[Honest, Mapping[str, Kind]]:
    with Connection(site.host, site.port, site.headers) as connection:
        small = json.loads(connection.ask("PUT", "/files/small.bin", [b"x" * FILE], FILE).body)["id"]
    to = f"Host: {site.host}:{site.port}\r\n".encode()
    by = [b"Authorization: Bearer %s\r\n" % token.encode() for token in tokens]
    large = []
    with Connection(site.host, site.port) as connection:
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}"}
            answer = connection.ask("PUT", "/files/large.bin", [b"x" * LARGE], LARGE, **headers)
            large.append(json.loads(answer.body)["id"].encode())
    form = b"POST /login HTTP/1.1\r\n%sContent-Type: application/x-www-form-urlencoded\r\n%s\r\n\r\n"
    return Honest(site, f"/files/{small}"), {
        "heads": Kind([b"GET /livez HTTP/1.1\r\n" + to + b"X: "], b"x"),
        "forms": Kind([form % (to, b"Transfer-Encoding: chunked"), form % (to, b"Content-Length: 200000")], b"1"),
        "bodies": Kind(
            [b"PUT /files/slow HTTP/1.1\r\n%s%sContent-Length: 10000000\r\n\r\n" % (to, who) for who in by],
            b"x" * 5000,
        ),
        "readers": Kind(
            [b"GET /files/%s HTTP/1.1\r\n%s%s\r\n" % (file, to, who) for file, who in zip(large, by, strict=True)],
            None,
        ),
        "readers of pages": Kind([b"GET /openapi.json HTTP/1.1\r\n%s\r\n" % to], None),
    }


def _tokens(site: Site, password: str) -> list[str]:
    """Of some of the people who sign in later."""
    client, shell = site.own_client(), system_actor("bench", "shell")
    services = build_services(Settings(), client)
    users = [services.users.create(shell, username=f"slow{n}", password=password)[0] for n in range(SIGN_INS)]
    tokens = [services.tokens.create(shell, name="bench", user_id=user.id)[1] for user in users[:PEOPLE]]
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
