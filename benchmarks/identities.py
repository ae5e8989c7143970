"""How much a web worker's memory grows with everybody whom it has seen once."""

from __future__ import annotations

from collections.abc import Iterator

from backoffice.app import build_services
from backoffice.domain.access import system_actor
from backoffice.settings import Settings
from benchmarks.http import Connection
from benchmarks.memory import MOST, resident
from benchmarks.plan import Bars, Goal, Part, Plan
from benchmarks.site import Site, running

STEPS = 4
"""Parts in which the growth is told, so that it can be seen to end."""


def measure(plan: Plan) -> list[Part]:
    part = Part(
        "Memory of everybody seen once",
        f"One web worker; {plan.people:,} people with a token each, used once. Resident memory.",
        ("people", "MiB", "growth"),
    )
    with running(plan.scratch / "identities", "memory", {"BACKOFFICE_WEB_WORKERS": "1"}) as site:
        plan.say(f"Identities: making {plan.people:,} people")
        tokens = list(_tokens(site, plan.people))
        [worker] = site.web_workers()
        with Connection(site.host, site.port) as connection:
            for _ in range(500):  # what is loaded on first use is no growth
                _ask(connection, site.token)
            sizes = {0: resident(worker)}
            for step in range(STEPS):
                for token in tokens[step::STEPS]:
                    _ask(connection, token)
                sizes[plan.people * (step + 1) // STEPS] = resident(worker)
    for people, size in sizes.items():
        part.rows.append([f"{people:,}", f"{size:.0f}", f"{size - sizes[0]:.1f}"])
    growth = {f"{people:,}": size - sizes[0] for people, size in sizes.items()}
    most = max(growth.values())
    part.goals.append(Goal(f"growth with {plan.people:,} identities", most, MOST, at_most=True, unit=" MiB"))
    part.figures = {"MiB": sizes}
    part.charts.append(Bars("identities", "Growth of a web worker by people seen", "MiB", growth, frozenset(growth)))
    return [part]


def _ask(connection: Connection, token: str) -> None:
    connection.ask("GET", "/limits", Authorization=f"Bearer {token}")


def _tokens(site: Site, people: int) -> Iterator[str]:
    """Each of somebody else."""
    client, shell = site.own_client(), system_actor("bench", "shell")
    services = build_services(Settings(), client)
    for number in range(people):
        user, _ = services.users.create(shell, username=f"seen{number}")
        yield services.tokens.create(shell, name="bench", user_id=user.id)[1]
    client.close()
