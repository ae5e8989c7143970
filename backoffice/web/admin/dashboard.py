"""The first page of the admin site: what needs a hand, a few figures, what happened lately."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import AdminIndexView

from backoffice.domain import diagnosis
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.log_query import LogQuery
from backoffice.domain.paging import Query
from backoffice.services.system import Span
from backoffice.units import filesize
from backoffice.web.admin import needs
from backoffice.web.admin.access import ViewAccess
from backoffice.web.admin.activity_plot import plot_of
from backoffice.web.admin.log_lines import lines_of
from backoffice.web.context import services
from backoffice.web.formats import number
from backoffice.web.identity import actor, may
from backoffice.web.route_access import access_to

Card = tuple[str, str, str]
"""A number on the first page: its label, the number as text, and the endpoint it leads to ("" = none)."""
Part = Callable[[], Mapping[str, Any]]
"""A read of something for the page: what the template is given. Lists of one name are joined."""

ONE: Final = Query(limit=1)
"""For the number of all."""
SHOWN: Final = 10
"""Entries of the log."""
READ: Final = 40
"""Of which so many are shown as are no reading of the log: that of this page would be the first of all."""


class HomeView(AdminIndexView):  # type: ignore[misc]  # Flask-Admin ships no type marker
    """For whoever may open one of the sections: those acts are given, as are the figures and parts, each for some."""

    def __init__(
        self,
        cards: Sequence[Callable[[], list[Card]]],
        parts: Sequence[Part],
        sections: Iterable[Act],
    ) -> None:
        super().__init__(name="Overview", menu_icon_type="svg", menu_icon_value="home")
        self.cards, self.parts = cards, parts
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
        if self.parts and may(Acts.AUDIT_READ):
            services().audit.note_reading(actor())  # it writes, so it is none of the reads
        found = services().together(*self.cards, *self.parts)
        cards = [card for part in found[: len(self.cards)] for card in part]
        context: dict[str, Any] = {"needs": [], "cards": cards, "plot": None, "lately": []}
        for part in found[len(self.cards) :]:
            for name, value in part.items():
                context[name] = [*context[name], *value] if name == "needs" else value
        context["needs"].sort(key=lambda one: one.tone != "bad")
        return str(super().render(template, **context, **kwargs))


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


def memory_cards() -> list[Card]:
    if not may(Acts.SYSTEM_READ):
        return []
    status = services().system.status(actor())
    used, most = int(status.get("used_memory", -1)), int(status.get("maxmemory", 0))
    memory = "Store memory" + (f" of {filesize(most)}" if most else "")
    return [(memory, filesize(used), "system.index_view")]


CARDS: Final = (file_cards, user_cards, upload_cards, memory_cards)
"""The numbers on the first page, each as far as the person may know it."""


def store_health() -> Mapping[str, Any]:
    """What is wrong with the store."""
    if not may(Acts.SYSTEM_READ):
        return {}
    return {"needs": needs.of_findings(diagnosis.of_store(services().system.status(actor())))}


def worker_health() -> Mapping[str, Any]:
    """And with the workers."""
    if not may(Acts.SYSTEM_READ):
        return {}
    return {"needs": needs.of_findings([diagnosis.workers(services().system.workers(actor()))])}


def activity() -> Mapping[str, Any]:
    """The plot, the spans of time to choose from, and refusals above the usual."""
    if not may(Acts.SYSTEM_READ):
        return {}
    system = services().system
    span = Span.DAY if request.args.get("span") == Span.DAY else Span.MONTH
    found = system.activity(actor(), span)
    days = found if span is Span.MONTH else system.activity(actor(), Span.MONTH)
    spans = ((Span.DAY, "24 hours"), (Span.MONTH, "30 days"))
    return {"plot": plot_of(found), "span": span, "spans": spans, "needs": needs.refusals(days, system.now())}


def lately() -> Mapping[str, Any]:
    """The last entries of the log, for whoever may read it."""
    if not may(Acts.AUDIT_READ):
        return {}
    found = services().audit.search(actor(), LogQuery(limit=READ)).items
    shown = [one for one in found if one.event.get("action") != Actions.AUDIT_READ][:SHOWN]
    return {"lately": lines_of(shown)}


PARTS: Final[tuple[Part, ...]] = (
    store_health,
    worker_health,
    lambda: {"needs": needs.invited()},
    lambda: {"needs": needs.ending()},
    lambda: {"needs": needs.left_alone()},
    lambda: {"needs": needs.quotas_nearly_used_up()},
    lambda: {"needs": needs.standing_still()},
    activity,
    lately,
)
"""What else is on the first page."""
