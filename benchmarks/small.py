"""Small requests over eight kept connections: how many a second, at what cost; beside copyparty and a bare Flask."""

from __future__ import annotations

import contextlib
import json
import secrets
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from benchmarks.cost import Meter, of_peer, of_site, round_trips
from benchmarks.doors import OCTETS
from benchmarks.http import Connection
from benchmarks.load import Load, Outcome, client_name, run
from benchmarks.peer_servers import HOST, Peer, run_bare_flask, run_copyparty
from benchmarks.plan import Bars, Goal, Part, Plan
from benchmarks.site import Site, running

CONNECTIONS = 8
FILE, CHUNK, MOST_CHUNKS, FEW_CHUNKS = 10_000, 64 * 1024, 100_000, 100
TRIPS = "trips"
"""The turn in which round trips are counted, by small bodies."""
LISTED = 60
OS, DISK, COPYPARTY, FLASK = "backoffice, `os`", "backoffice, `disk`", "copyparty", "bare Flask"
PUT, GET, LIST, CHUNKS, ALIVE = "PUT of 10 kB", "GET of 10 kB", "list of 50", "chunk of 64 KiB", "`/livez`"
HEADER = ("request", "server", "requests/s", "p50", "p99", "web", "store", "in commands", "worker", "round trips")
COSTS = ("web", "store", "commands", "worker")
AGAINST = ("of copyparty", "of bare Flask")

Make = Callable[[str], Load]
"""The load of one turn; what it is given is in the names of that turn and of no other."""


@dataclass(slots=True)
class Variant:
    """One kind of request at one server, and what its turns found. Costs in ms of a request, in the same order."""

    kind: str
    server: str
    make: Make
    meter: Meter
    turns: list[Outcome] = field(default_factory=list)
    costs: list[dict[str, float]] = field(default_factory=list)

    def turn(self, seconds: float) -> None:
        load, before = self.make(secrets.token_hex(6)), self.meter()
        outcome = run(load, seconds, CONNECTIONS)
        self.turns.append(outcome)
        self.costs.append(self.meter().since(before).each(outcome.requests))

    def over(self, other: Variant) -> float:
        """Median of the turns' ratios of requests a second."""
        pairs = zip(self.turns, other.turns, strict=True)
        return float(statistics.median(own.rate / its.rate for own, its in pairs))

    @property
    def rate(self) -> float:
        return self.of_turns(lambda turn: turn.rate)

    def cost(self, program: str) -> float:
        return statistics.median(cost.get(program, 0.0) for cost in self.costs)

    @property
    def all_cpu(self) -> float:
        """Of all programs of the server."""
        return sum(map(self.cost, ("web", "store", "worker")))

    def of_turns(self, figure: Callable[[Outcome], float]) -> float:
        return statistics.median(map(figure, self.turns))


Variants = Mapping[tuple[str, str], Variant]


def measure(plan: Plan) -> list[Part]:
    plan.say("Small requests: starting the servers")
    with contextlib.ExitStack() as stack:
        sites = {
            name: stack.enter_context(running(plan.scratch / f"small-{level}", level))
            for name, level in ((OS, "os"), (DISK, "disk"))
        }
        copyparty = stack.enter_context(run_copyparty(plan.scratch / "copyparty"))
        flask = stack.enter_context(run_bare_flask(plan.scratch / "flask"))
        own = {name: _Own(site) for name, site in sites.items()}
        trips = _round_trips(own[OS])
        found = _variants(own, copyparty, flask)
        for variant in found.values():
            # Once without counting: connections, scripts, what is loaded on first use.
            run(variant.make(secrets.token_hex(6)), 1, CONNECTIONS)
        for number in range(plan.turns):
            for variant in found.values():
                variant.turn(plan.turn_seconds)
                plan.say(
                    f"  {number + 1}/{plan.turns} {variant.kind}, {variant.server}: {variant.turns[-1].rate:,.0f}/s"
                )
    return [_part(plan, found, trips)]


def _variants(own: Mapping[str, _Own], copyparty: Peer, flask: Peer) -> Variants:
    found, listed = list[Variant](), own[OS].listed
    for name, asked in own.items():
        meter = of_site(asked.site)
        kinds = asked.kinds() if name == OS else {PUT: asked.put, CHUNKS: asked.chunks}
        found += [Variant(kind, name, make, meter) for kind, make in kinds.items()]
    meter = of_peer(copyparty)
    with Connection(HOST, copyparty.port) as connection:
        connection.ask("PUT", "/small.bin", [b"x" * FILE], FILE)
        _whole(connection, "/small.bin")
    found.append(Variant(PUT, COPYPARTY, lambda turn: _put(HOST, copyparty.port, f"/{turn}-#.bin", {}), meter))
    found.append(Variant(GET, COPYPARTY, lambda _: Load(HOST, copyparty.port, "/small.bin"), meter))
    meter = of_peer(flask)
    found.append(Variant(GET, FLASK, lambda _: Load(HOST, flask.port, f"/bytes/{FILE}"), meter))
    found.append(Variant(LIST, FLASK, lambda _: Load(HOST, flask.port, f"/json/{listed}"), meter))
    # One kind after the other, so that those who are compared meet the same moment of the machine.
    order = list(own[OS].kinds())
    return {(one.kind, one.server): one for one in sorted(found, key=lambda one: order.index(one.kind))}


class _Own:
    """The requests to one site, on which there are some files."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with Connection(site.host, site.port, site.headers) as connection:
            for number in range(LISTED):
                answer = connection.ask("PUT", f"/files/listed-{number}.bin", [b"x" * FILE], FILE).body
            self._file: str = json.loads(answer)["id"]
            _whole(connection, f"/files/{self._file}")
            self.listed = connection.ask("GET", "/files?limit=50").size

    def kinds(self) -> dict[str, Make]:
        return {PUT: self.put, GET: self.get, LIST: self.list, CHUNKS: self.chunks, ALIVE: self.alive}

    def put(self, turn: str) -> Load:
        return _put(self.site.host, self.site.port, f"/files/{turn}-#.bin", self.site.headers)

    def get(self, _turn: str) -> Load:
        return self._load(f"/files/{self._file}")

    def list(self, _turn: str) -> Load:
        return self._load("/files?limit=50")

    def alive(self, _turn: str) -> Load:
        return self._load("/livez")

    def chunks(self, turn: str) -> Load:
        """Each turn into an upload of its own. Small chunks are taken of a file of few."""
        total = FEW_CHUNKS if turn == TRIPS else MOST_CHUNKS
        fields = f"chunk_index={total - 1}&total_chunks={total}"
        with Connection(self.site.host, self.site.port, self.site.headers) as connection:
            answer = connection.ask("POST", f"/upload_chunk?{fields}", [b"x"], 1, Content_Type=OCTETS).body
        file_id = json.loads(answer)["file_id"]
        path = f"/upload_chunk?file_id={file_id}&chunk_index=#&total_chunks={total}"
        headers = self.site.headers | {"Content-Type": OCTETS}
        return Load(self.site.host, self.site.port, path, "POST", headers, CHUNK)

    def _load(self, path: str) -> Load:
        return Load(self.site.host, self.site.port, path, headers=self.site.headers)


def _put(host: str, port: int, path: str, headers: Mapping[str, str]) -> Load:
    return Load(host, port, path, "PUT", {**headers, "Content-Type": OCTETS}, FILE)


def _whole(connection: Connection, path: str) -> None:
    size = connection.ask("GET", path).size
    if size != FILE:
        raise ValueError(f"{path} came back with {size} bytes")


def _round_trips(own: _Own) -> dict[str, int]:
    """Of each kind, with bodies that the store reads at once."""
    site, numbers = own.site, iter(range(MOST_CHUNKS))
    with Connection(site.host, site.port) as connection:

        def ask(load: Load) -> None:
            path, size = load.path.replace("#", str(next(numbers))), min(load.body, 1000)
            headers = {name.replace("-", "_"): text for name, text in load.headers.items()}
            connection.ask(load.method, path, [b"x" * size], size, **headers)

        return {kind: round_trips(site, partial(ask, make(TRIPS))) for kind, make in own.kinds().items()}


# -- results


def _part(plan: Plan, found: Variants, trips: Mapping[str, int]) -> Part:
    part = Part(
        "Small requests",
        f"{CONNECTIONS} kept connections, {client_name()}; {plan.turns} turns of {plan.turn_seconds} s, all of them in "
        "each; medians. Ratios are those of requests a second in the same turn. `p50`, `p99`: ms until the answer is "
        "there. `web`, `store`, `worker`: ms of processor time a request; `in commands`: ms that the store says it "
        "spent in them. Round trips are those of the web to the store. Bare Flask answers as many bytes from one view, "
        "in the same gunicorn with the same settings.",
        (*HEADER, *AGAINST),
    )
    for (kind, server), one in found.items():
        part.rows.append(_row(found, one, str(trips[kind]) if server == OS else ""))
        part.figures[f"{kind}, {server}"] = {
            "requests/s": [turn.rate for turn in one.turns],
            "p99": [turn.p99 for turn in one.turns],
            "costs": one.costs,
        }
    part.figures["round trips"] = dict(trips)
    part.goals += _goals(found, trips)
    part.charts += [_chart(found, kind) for kind in (PUT, GET, LIST)]
    return part


def _row(found: Variants, one: Variant, trips: str) -> list[str]:
    ours = one.server in {OS, DISK}
    times = [f"{one.of_turns(figure):,.1f}" for figure in (lambda turn: turn.p50, lambda turn: turn.p99)]
    costs = [f"{one.cost(name):.2f}" if ours or name == "web" else "" for name in COSTS]
    others = [found.get((one.kind, peer)) if ours else None for peer in (COPYPARTY, FLASK)]
    ratios = [f"{one.over(other):.2f}" if other else "" for other in others]
    return [one.kind, one.server, f"{one.rate:,.0f}", *times, *costs, trips, *ratios]


def _goals(found: Variants, trips: Mapping[str, int]) -> list[Goal]:
    bounds = [
        (PUT, OS, COPYPARTY, 0.30),
        (PUT, DISK, COPYPARTY, 0.27),
        (GET, OS, COPYPARTY, 0.40),
        (GET, OS, FLASK, 0.45),
        (LIST, OS, FLASK, 0.25),
    ]
    goals = [
        Goal(f"{kind}, {server} : {it}", found[kind, server].over(found[kind, it]), bound)
        for kind, server, it, bound in bounds
    ]
    # Steadier than rates where others use the machine as well.
    goals += [
        Goal(f"processor time, {it} : {kind}, {server}", found[kind, it].all_cpu / found[kind, server].all_cpu, 0)
        for kind, server, it, _ in bounds
    ]
    goals += [
        Goal(f"round trips of the web, {kind}", trips[kind], 2, at_most=True) for kind in (GET, LIST, PUT, CHUNKS)
    ]
    return [*goals, Goal(f"store, {PUT}, `os`", found[PUT, OS].cost("store"), 0.45, at_most=True, unit=" ms")]


def _chart(found: Variants, kind: str) -> Bars:
    values = {one.server.replace("`", ""): one.rate for one in found.values() if one.kind == kind}
    own = frozenset(name for name in values if name.startswith("backoffice"))
    return Bars(
        f"small-{kind.split(maxsplit=1)[0].lower()}", f"{kind}, {CONNECTIONS} connections", "requests/s", values, own
    )
