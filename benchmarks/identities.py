"""How much a web worker's memory grows with every identity that it has seen once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from backoffice.composition import build_services
from backoffice.domain.access import system_actor
from backoffice.services.sign_in.passwords import Passwords
from backoffice.settings import Settings
from benchmarks.http import Connection
from benchmarks.memory import MOST, resident
from benchmarks.plan import Bars, Goal, Part, Plan
from benchmarks.site import Site, running

TOKENS, STEPS = 20, 4
"""How many tokens a person has; in how many parts the growth is told, so that it can be seen to end."""


def measure(plan: Plan) -> list[Part]:
    part = Part(
        "Memory of identities",
        f"One web worker; {plan.identities:,} tokens, {TOKENS} of each person, used once each. Resident memory.",
        ("tokens", "MiB", "growth"),
    )
    with running(plan.scratch / "identities", "memory", {"BACKOFFICE_WEB_WORKERS": "1"}) as site:
        plan.say(f"Identities: making {plan.identities:,} tokens")
        tokens = list(_tokens(site, plan.identities))
        [worker] = site.web_workers()
        with Connection(site.host, site.port) as connection:
            for _ in range(500):  # what is loaded on first use is no growth
                _ask(connection, site.token)
            sizes = {0: resident(worker)}
            for step in range(STEPS):
                for token in tokens[step::STEPS]:
                    _ask(connection, token)
                sizes[plan.identities * (step + 1) // STEPS] = resident(worker)
    for seen, size in sizes.items():
        part.rows.append([f"{seen:,}", f"{size:.0f}", f"{size - sizes[0]:.1f}"])
    growth = {f"{seen:,}": size - sizes[0] for seen, size in sizes.items()}
    most = max(growth.values())
    part.goals.append(Goal(f"growth with {plan.identities:,} identities", most, MOST, at_most=True, unit=" MiB"))
    part.figures = {"MiB": sizes}
    part.charts.append(
        Bars("identities", "Growth of a web worker by identities seen", "MiB", growth, frozenset(growth))
    )
    return [part]


def _ask(connection: Connection, token: str) -> None:
    connection.ask("GET", "/limits", Authorization=f"Bearer {token}")


def _tokens(site: Site, count: int) -> Iterator[str]:
    """`TOKENS` of each person. Their passwords are hashed at next to no cost: nobody uses them."""
    client, shell, password = site.own_client(), system_actor("bench", "shell"), secrets.token_urlsafe(12)
    services = build_services(Settings(), client, passwords=Passwords(memory_kib=8, passes=1))
    for number in range(count // TOKENS):
        user, _ = services.users.create(shell, username=f"seen{number}", password=password)
        for _ in range(TOKENS):
            yield services.tokens.create(shell, name="bench", user_id=user.id)[1]
    client.close()
