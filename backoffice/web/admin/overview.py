"""What the first page of the admin site shows: a few figures, and what happened lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import request

from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permission, Permissions
from backoffice.services.system import HOUR_MS, Activity, Span
from backoffice.web.admin.formats import filesize, number
from backoffice.web.admin.gate import Card
from backoffice.web.context import services
from backoffice.web.identity import actor

WIDTH, HEIGHT, GAP = 360, 72, 2
"""Of a plot, in the units of its drawing; bars are that far apart."""
LABELS = {"uploads": "Files uploaded", "downloads": "Downloads", "refusals": "Refused"}


def allowed(permission: Permission) -> bool:
    """Whether the person asking holds it; the services ask again."""
    return permission in actor().permissions


def cards() -> list[Card]:
    """The numbers on the first page, as far as the person may know them."""
    one = Query(limit=1)
    offered = services()
    found: list[Card] = []
    if allowed(Permissions.FILES_ALL_READ):
        found.append(("Files", number(offered.files.page(actor(), one, everybody=True).total), "files.index_view"))
        found.append(("Uploads in progress", number(offered.uploads.page(actor(), one).total), "uploads.index_view"))
    if allowed(Permissions.USERS_READ):
        found.append(("Users", number(offered.users.page(actor(), one).total), "users.index_view"))
    if allowed(Permissions.SYSTEM_READ):
        status = offered.system.status(actor())
        used, most = int(status.get("used_memory", -1)), int(status.get("maxmemory", 0))
        found.append(("Store memory" + (f" of {filesize(most)}" if most else ""), filesize(used), ""))
        found.append(("Durability", status["durability"], ""))
        found.append(("Workers alive", number(len(offered.system.workers(actor()))), ""))
    return found


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of time, where it stands in the drawing, and how it is called."""

    x: float
    y: float
    width: float
    height: float
    count: int
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One series."""

    label: str
    total: int
    most: int
    bars: tuple[Bar, ...]


def plots() -> dict[str, Any]:
    """The plots, and the spans of time to choose from."""
    if not allowed(Permissions.SYSTEM_READ):
        return {"plots": []}
    span = Span.DAY if request.args.get("span") == Span.DAY else Span.MONTH
    activity = services().system.activity(actor(), span)
    return {
        "plots": [plot(activity, name) for name in activity.counts],
        "span": span,
        "spans": ((Span.DAY, "24 hours"), (Span.MONTH, "30 days")),
        "size": (WIDTH, HEIGHT),
    }


def plot(activity: Activity, name: str) -> Plot:
    """The series of this name as bars; something that happened at all is seen."""
    counts = activity.counts[name]
    most, width = max(counts), WIDTH / len(counts)
    bars = []
    for at, (start, count) in enumerate(zip(activity.starts, counts, strict=True)):
        height = max(2.0, HEIGHT * count / most) if count else 0.0
        label = datetime.fromtimestamp(start / 1000, UTC).strftime(
            "%d %b, %H:00" if activity.step == HOUR_MS else "%d %b"
        )
        bars.append(
            Bar(round(at * width, 2), round(HEIGHT - height, 2), round(width - GAP, 2), round(height, 2), count, label)
        )
    return Plot(LABELS[name], sum(counts), most, tuple(bars))
