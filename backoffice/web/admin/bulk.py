"""An action on more records than a request should do at once: foreseen on a page of its own, then a job.

    class FileView(OwnedView):
        jobs = {"delete": BulkJob("file.trash"), "transfer": BulkJob("file.transfer", ("owner",))}

It is a job when all that the list finds is meant (`all=1`, and in `query` what the list is asked for), when many rows
are selected, and always where it takes arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.jobs import Selection
from backoffice.domain.limits import MAX_JOB_IDS, MAX_TAG, MAX_TAGS, SMALL_SELECTION
from backoffice.errors import Conflict, Invalid, TooLarge, TooMany
from backoffice.services.jobs import Preview
from backoffice.units import filesize
from backoffice.web.admin.filters import InvalidFilter
from backoffice.web.admin.list_state import ListState, list_arguments
from backoffice.web.admin.owners import user_id
from backoffice.web.context import services
from backoffice.web.formats import number
from backoffice.web.identity import actor

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

TEMPLATE: Final = "admin/job_preview.html"


@dataclass(frozen=True, slots=True)
class BulkJob:
    """The kind of job that an action is, and the names of its arguments: `owner`, or `add` and `remove`."""

    kind: str
    arguments: tuple[str, ...] = ()


def is_job(job: BulkJob | None, ids: Sequence[str]) -> bool:
    """Whether what was sent is to be a job. Raises Invalid where it is for all, and cannot be."""
    everything = request.form.get("all") == "1"
    if job is None:
        if everything:
            raise Invalid("This is done to selected rows only.")
        return False
    return bool(everything or len(ids) > SMALL_SELECTION or (ids and job.arguments))


def run_job(view: ServiceView, job: BulkJob, ids: Sequence[str]) -> ResponseReturnValue:
    """The page that says what it would be about; started from there, it leads to the job's own page."""
    selection = _selection(view, ids)
    problems: dict[str, str] = {}
    if request.form.get("start") == "1":
        started = _start(view, job, selection, problems)
        if started is not None:
            return started
    preview = services().jobs.preview(actor(), job.kind, selection)
    if not preview.count:
        flash("There is nothing that this would be done to.", "warning")
        return redirect(view.return_url())
    asked = {
        "preview": preview,
        "job": job,
        "kept": _kept(preview),
        "question": _question(preview),
        "typing": _typing(preview),
        "problems": problems,
        "return_url": view.return_url(),
    }
    return str(view.render(TEMPLATE, **asked)), 400 if problems else 200


def _start(
    view: ServiceView, job: BulkJob, selection: Selection, problems: dict[str, str]
) -> ResponseReturnValue | None:
    """The answer where it was started; None, and why, where something has to be entered in another way."""
    jobs = services().jobs
    try:
        args = _arguments(job)
        if jobs.bulk.kind(job.kind).final and not _typed(jobs.preview(actor(), job.kind, selection)):
            problems["typed"] = "Type the number that is shown now."
            return None
        started = jobs.start(actor(), job.kind, selection, args)
    except InvalidFilter as error:
        problems["owner"] = str(error)
    except (Invalid, Conflict, TooLarge, TooMany) as error:
        problems[str(error.details.get("field", "")) if job.arguments else ""] = str(error)
    else:
        return redirect(url_for("jobs.details_view", id=started.id, url=view.return_url()), 303)
    return None


def _selection(view: ServiceView, ids: Sequence[str]) -> Selection:
    if request.form.get("all") != "1":
        return Selection(tuple(ids[:MAX_JOB_IDS]))
    text = request.form.get("query")
    if text is None:
        raise Invalid("It is not said which records are meant.")
    # Strictly: what is done to all must not be done to more than was shown.
    query = ListState.read(view.list_options, list_arguments(text), strict=True).query
    parts = {"1": True, "0": False}.get(request.form.get("parts", ""))
    return Selection(query=replace(query, parts=parts))


def _arguments(job: BulkJob) -> Mapping[str, Any]:
    """As the kind of job takes them, from what people type. Raises InvalidFilter."""
    entered = {name: request.form.get(name, "").strip() for name in job.arguments}
    if "owner" in entered:
        if not entered["owner"]:
            raise InvalidFilter("Name who gets the files.")
        return {"owner": user_id(entered["owner"])}
    return {
        name: [tag for tag in text[: MAX_TAGS * (MAX_TAG + 2)].split(",") if tag.strip()]
        for name, text in entered.items()
    }


def _question(preview: Preview) -> str:
    """What is asked before something final: how many, how much, whose."""
    noun, text = preview.kind.over.noun, preview.kind.text
    least = "" if preview.weighed else "at least "
    words = [f"{number(preview.count)} {noun}{'' if preview.count == 1 else 's'}"]
    if preview.bytes:
        words.append(f"({least}{filesize(preview.bytes)})")
    if noun != "user" and preview.people > 1:
        words.append(f"of {least}{number(preview.people)} people")
    return f"{text}: {'' if preview.exact else 'at least '}{' '.join(words)}?"


def _typing(preview: Preview) -> str:
    """What is to be typed before something final is done to many; "": nothing."""
    return str(preview.count) if preview.kind.final and preview.count > SMALL_SELECTION else ""


def _typed(preview: Preview) -> bool:
    wanted = _typing(preview)
    return request.form.get("typed", "").strip() in {wanted, number(preview.count)} if wanted else True


def _kept(preview: Preview) -> list[tuple[str, str]]:
    """What was sent, to be sent again."""
    names = ("action", "all", "query", "rowid", "url")
    kept = [(name, value) for name, value in request.form.items(multi=True) if name in names]
    query = preview.selection.query
    return kept if query is None or query.parts is None else [*kept, ("parts", str(int(query.parts)))]
