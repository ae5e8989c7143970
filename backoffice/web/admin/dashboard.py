"""The first page of the admin site: a few figures, what happened lately, and the way to the sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView

from backoffice.domain.acts import Act, Acts
from backoffice.domain.paging import Query
from backoffice.services.system import HOUR_MS, Activity, Span
from backoffice.web.admin.access import ViewAccess
from backoffice.web.context import services
from backoffice.web.formats import filesize, number
from backoffice.web.identity import actor, may
from backoffice.web.route_access import access_to

Card = tuple[str, str, str]
"""A number on the first page: its label, the number as text, and the endpoint it leads to ("" = none)."""

WIDTH, HEIGHT, GAP = 360, 72, 2
"""Of a plot, in the units of its drawing; bars are that far apart."""
ONE = Query(limit=1)
"""For the number of all."""
LABELS = {"uploads": "Files uploaded", "downloads": "Downloads", "refusals": "Refused"}


class HomeView(AdminIndexView):  # type: ignore[misc]  # Flask-Admin ships no type marker
    """For whoever may open one of the sections: those acts are given, as are the figures, each for some."""

    def __init__(
        self,
        cards: Sequence[Callable[[], list[Card]]],
        plots: Callable[[], dict[str, Any]],
        sections: Iterable[Act],
    ) -> None:
        super().__init__(name="Overview", menu_icon_type="svg", menu_icon_value="home")
        self.cards, self.plots = cards, plots
        listed = sorted(set(sections), key=lambda act: str(act.foreign))
        self.access = ViewAccess(self.endpoint, {"index": access_to(*listed, everybody=True)})
        # Flask-Admin would serve its 21 MB of old scripts to anybody; our pages use none of them.
        self.static_folder = None

    def is_accessible(self) -> bool:
        return self.access.is_permitted("index")

    def _handle_view(self, name: str, **_kwargs: Any) -> ResponseReturnValue | None:
        self.access.check(name)
        return None

    def render(self, template: str, **kwargs: Any) -> str:
        *found, plots = services().together(*self.cards, self.plots)
        cards = [card for part in found for card in part]
        return str(super().render(template, cards=cards, **plots, **kwargs))


def file_cards() -> list[Card]:
    if not may(Acts.FILES_LIST_ALL):
        return []
    return [("Files", number(services().files.page(actor(), ONE, everybody=True).total), "files.index_view")]


def upload_cards() -> list[Card]:
    if not may(Acts.FILES_LIST_ALL):
        return []
    return [("Uploads in progress", number(services().uploads.page(actor(), ONE).total), "uploads.index_view")]


def user_cards() -> list[Card]:
    if not may(Acts.USER_READ):
        return []
    return [("Users", number(services().users.page(actor(), ONE).total), "users.index_view")]


def status_cards() -> list[Card]:
    if not may(Acts.SYSTEM_READ):
        return []
    status = services().system.status(actor())
    used, most = int(status.get("used_memory", -1)), int(status.get("maxmemory", 0))
    memory = "Store memory" + (f" of {filesize(most)}" if most else "")
    return [(memory, filesize(used), ""), ("Durability", status["durability"], "")]


def worker_cards() -> list[Card]:
    if not may(Acts.SYSTEM_READ):
        return []
    return [("Workers alive", number(len(services().system.workers(actor()))), "")]


CARDS: Final = (file_cards, upload_cards, user_cards, status_cards, worker_cards)
"""The numbers on the first page, each as far as the person may know it."""


class Bar(NamedTuple):
    """One step of time, where it stands in the drawing, and how it is called."""

    x: float
    y: float
    width: float
    height: float
    number: int
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
    if not may(Acts.SYSTEM_READ):
        return {"plots": []}
    span = Span.DAY if request.args.get("span") == Span.DAY else Span.MONTH
    activity = services().system.activity(actor(), span)
    labels = _labels(activity)
    drawn = [plot(name, counts, labels) for name, counts in activity.counts.items()]
    return {
        "plots": drawn,
        "figures": [(label, [(one.label, one.bars[at].number) for one in drawn]) for at, label in enumerate(labels)],
        "span": span,
        "spans": ((Span.DAY, "24 hours"), (Span.MONTH, "30 days")),
        "size": (WIDTH, HEIGHT),
    }


def _labels(activity: Activity) -> list[str]:
    """What each step of time is called."""
    form = "%d %b, %H:00" if activity.step == HOUR_MS else "%d %b"
    return [datetime.fromtimestamp(start / 1000, UTC).strftime(form) for start in activity.starts]


def plot(name: str, counts: Sequence[int], labels: Sequence[str]) -> Plot:
    """The series of this name as bars; something that happened at all is seen."""
    most, width = max(counts), WIDTH / len(counts)
    bars = []
    for at, (label, count) in enumerate(zip(labels, counts, strict=True)):
        height = max(2.0, HEIGHT * count / most) if count else 0.0
        bars.append(
            Bar(round(at * width, 2), round(HEIGHT - height, 2), round(width - GAP, 2), round(height, 2), count, label)
        )
    return Plot(LABELS[name], sum(counts), most, tuple(bars))
