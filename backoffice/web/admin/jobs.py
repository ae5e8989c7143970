"""Jobs in the admin site: the list, and the page on which one watches and stops one."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.jobs import Job, JobState
from backoffice.domain.paging import Page, Query
from backoffice.services.checks import BYTES
from backoffice.services.jobs import Jobs
from backoffice.units import filesize
from backoffice.web.admin.access import ViewActs, single_id
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.filters import equals, one_of
from backoffice.web.admin.owners import user_id, user_name
from backoffice.web.admin.undo import job_form
from backoffice.web.context import services
from backoffice.web.formats import number, state_tag
from backoffice.web.identity import actor, may
from backoffice.web.route_access import Access, access_to

TONES = {"queued": "neutral", "running": "info", "stopping": "warn", "stopped": "warn", "done": "good", "failed": "bad"}


def _state(_view: Any, _context: Any, record: Job, _name: str) -> Markup:
    return state_tag(record.shown_state, TONES[record.shown_state])


FINDING_TONES = {
    "ok": "good",
    "warning": "warn",
    "problem": "bad",
    "found": "warn",
    "repaired": "good",
    "lost": "bad",
}


def _progress(_view: Any, _context: Any, record: Job, _name: str) -> str:
    """How many it has come by, of how many."""
    check = services().jobs.checks.kinds.get(record.kind)
    if check is not None:
        return filesize(record.done) if check.unit == BYTES else f"{number(record.done)} {check.unit}"
    if record.over:
        return f"{number(record.done)} done" + (f", {number(record.refused)} refused" if record.refused else "")
    return f"{number(record.handled)} of {'' if record.exact else 'at least '}{number(record.total)}"


class JobView(ServiceView):
    """What the worker does to many records in somebody's name."""

    noun, section, icon, heading, title_column = "job", "jobs", "list", "Jobs", "title"
    acts = ViewActs(read=Acts.JOB_READ, list=Acts.JOBS_LIST_ALL)
    column_list = ("title", "actor_name", "state", "progress", "created_at", "ended_at")
    column_labels: ClassVar = {"actor_name": "By", "created_at": "Started", "ended_at": "Ended"}
    column_formatters: ClassVar = {"state": _state, "progress": _progress}
    column_formatters_export: ClassVar = {"state": lambda _v, _c, job, _n: job.shown_state}
    column_widths: ClassVar = {"actor_name": 7, "state": 7, "progress": 9, "created_at": 8, "ended_at": 8}
    column_low = ("ended_at",)
    column_sortable_list = (("created_at", "created"),)
    column_default_sort = ("created_at", True)
    column_filters = (
        one_of("state", "State", lambda: [(state.value, state.value) for state in JobState]),
        equals("actor", "By", user_id, show=user_name, hint="Name or e-mail"),
    )
    column_export_list = ("title", "actor_name", "state", "done", "refused", "total", "created_at", "ended_at")
    can_export = True
    empty_hint = "Nothing was done to many records lately."
    details_template = "admin/job.html"
    service: Jobs

    def access_rules(self) -> dict[str, Access]:
        """Whoever starts jobs sees and watches their own."""
        return {
            **super().access_rules(),
            "index_view": access_to(Acts.JOBS_LIST, Acts.JOBS_LIST_ALL),
            "details_view": access_to(Acts.JOB_READ),
            "stop_view": access_to(Acts.JOB_STOP),
        }

    def get_page(self, query: Query) -> Page[Job]:
        return self.service.page(actor(), query)

    @expose("/details/")  # type: ignore[untyped-decorator]
    def details_view(self) -> str:
        job = self.get_one(request.args["id"])
        context = {
            "job": job,
            "kind": services().jobs.bulk.kinds.get(job.kind),
            "check": services().jobs.checks.kinds.get(job.kind),
            "finding_tones": FINDING_TONES,
            "tone": TONES[job.shown_state],
            "stoppable": job.state is JobState.OPEN and may(Acts.JOB_STOP),
            "undo": job_form(job),
            "log_url": url_for("audit.index_view", flt0_object_is=f"job:{job.id}") if may(Acts.AUDIT_READ) else "",
            "return_url": self.return_url(),
        }
        return str(self.render(self.details_template, **context))

    @expose("/stop/", methods=("POST",))  # type: ignore[untyped-decorator]
    def stop_view(self) -> ResponseReturnValue:
        """It ends after the records that it is at."""
        job = self.service.stop(actor(), single_id(request.form.getlist("id")))
        flash("The job stops." if job.state is JobState.STOPPING else "The job is over already.", "success")
        return redirect(url_for(".details_view", id=job.id), 303)
