"""Jobs and leaving, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from flask import Blueprint, Response, request
from pydantic import BeforeValidator, Field, field_validator

from backoffice.domain.acts import Acts
from backoffice.domain.jobs import Job, Selection
from backoffice.domain.limits import MAX_FILTER_VALUE, MAX_FILTERS, MAX_JOB_IDS, MAX_SEARCH
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Invalid, NotFound, TooMany
from backoffice.services.leaving import FilesGo
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.job_kinds import Kind
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, BoolFromText, Id, PageQuery, Strict, json_body, query
from backoffice.web.api.responses import Answer, OptionalText, OptionalTime, PageOf, Time, send, send_page
from backoffice.web.api.users import TAG as ADMINISTRATION
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Jobs"
CURL: Final = (
    """curl -H "Content-Type: application/json" -d '{"kind": "file.trash", "filter": {"search": "draft"}}' """
    '"$SITE/jobs"'
)
jobs_bp: Final = Blueprint("jobs", __name__)


def _truth(number: object) -> bool:
    return bool(number)


def _listed(several: Iterable[object]) -> list[object]:
    return list(several)


def _pairs(several: Iterable[Iterable[str]]) -> list[list[str]]:
    return [list(one) for one in several]


class ReasonAnswer(Answer):
    """Why records were refused."""

    text: str
    count: int
    ids: Annotated[list[Id], Field(description="Some of them"), BeforeValidator(_listed)]


class FindingAnswer(Answer):
    """What a check has found."""

    verdict: Annotated[str, Field(description="ok, warning, problem; of the store found, repaired, lost")]
    topic: str
    text: str


class JobAnswer(Answer):
    """A job, how far it is, and its report."""

    id: Id
    kind: Annotated[str, Field(description="What a job may be started with, or a later version knows")]
    title: str
    actor: Annotated[Id, Field(description="Identifier of the user in whose name it acts")]
    state: Annotated[
        Literal["queued", "running", "stopping", "stopped", "done", "failed"], Field(validation_alias="shown_state")
    ]
    total: int
    total_exact: Annotated[bool, BeforeValidator(_truth), Field(validation_alias="exact")]
    done: int
    refused: int
    absent: Annotated[int, Field(description="Records that were not there (any more)")]
    reasons: Annotated[list[ReasonAnswer], Field(validation_alias="why_refused")]
    findings: Annotated[list[FindingAnswer], Field(description="Of a check, the first 50"), BeforeValidator(_listed)]
    failure: OptionalText
    created_at: Time
    started_at: OptionalTime
    ended_at: OptionalTime
    version: int

    _list_reasons = field_validator("reasons", mode="before")(_listed)


class JobsQuery(PageQuery):
    """Which jobs."""

    all: Annotated[bool, Field(description="1: everybody's"), BoolFromText] = False
    state: Literal["", "open", "stopping", "stopped", "done", "failed"] = ""


class FilterRequest(Strict):
    """All records that a list finds. Names are those of the list's filters."""

    search: Annotated[str, Field(max_length=MAX_SEARCH)] = ""
    equal: Annotated[
        dict[str, Annotated[str, Field(max_length=MAX_FILTER_VALUE)]],
        Field(max_length=MAX_FILTERS, default_factory=dict),
    ]
    between: Annotated[
        dict[str, Annotated[list[int | None], Field(min_length=2, max_length=2)]],
        Field(max_length=MAX_FILTERS, default_factory=dict, description="Least and most, both included"),
    ]


class JobRequest(Strict):
    """A new job: `ids`, or `filter` ({} means all); for the checks (`doctor`, …, `backup`) neither."""

    kind: Kind
    ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_JOB_IDS)] | None = None
    filter: FilterRequest | None = None
    args: Annotated[
        dict[str, Any],
        Field(
            max_length=5,
            default_factory=dict,
            description="`owner` for `file.transfer`; `add` and `remove` (lists of tags) for `file.tag`; "
            "`undo` takes a filter instead, `job`",
        ),
    ]


class JobPreviewAnswer(Answer):
    """What a job would be about."""

    count: int
    count_exact: Annotated[bool, Field(validation_alias="exact")]
    bytes: Annotated[int | None, Field(description="Of those looked at")]
    people: Annotated[int, Field(description="To whom they belong, of those looked at")]
    weighed: Annotated[bool, Field(description="Whether all were looked at")]
    sample: Annotated[
        list[list[str]],
        Field(description="Identifier and name of a few"),
        BeforeValidator(_pairs),
    ]
    absent: int
    refused: Annotated[
        list[ReasonAnswer],
        Field(description="What is known to be refused, of those looked at"),
        BeforeValidator(_listed),
    ]


class LeaveRequest(Strict):
    """What becomes of the files of somebody who leaves."""

    files: Literal["transfer", "trash", "keep"]
    owner: Annotated[Id, Field(description="Who gets them, with `transfer`")] = ""


class LeaverAnswer(Answer):
    """What somebody has who is to leave."""

    sessions: int
    tokens: int
    files: int
    trashed: int
    waiting: Annotated[int, Field(description="Files that guests delivered and nobody accepted: they are refused")]
    uploads: int
    bytes: int


class DepartureAnswer(Answer):
    """What was ended at once, and the jobs that do the rest."""

    sessions: int
    tokens: int
    jobs: Annotated[list[JobAnswer], BeforeValidator(_listed)]


@jobs_bp.get("/jobs")
@Operation("List jobs", TAG, answer=PageOf[JobAnswer], query=JobsQuery, curl='curl "$SITE/jobs?state=open"')
@route_act(Acts.JOBS_LIST, Acts.JOBS_LIST_ALL)
def list_jobs() -> Response:
    """One's own, or everybody's for whoever may see them; the newest first."""
    asked = query(JobsQuery, request)
    filters = (("state", asked.state),) if asked.state else ()
    wanted = Query(filters=filters, limit=asked.limit, cursor=asked.cursor)
    return send_page(PageOf[JobAnswer], services().jobs.page(actor(), wanted, everybody=asked.all))


@jobs_bp.post("/jobs")
@Operation(
    "Start a job",
    TAG,
    status=202,
    answer=JobAnswer,
    body={JSON: JobRequest},
    sends={"Location": "Where its progress is"},
    raises=(Invalid, TooMany, Conflict),
    curl=CURL,
)
@route_act(Acts.JOB_START, max_body=None)
def start_job() -> Response:
    """Each record takes the right that the act itself takes, at the moment when its turn comes, and has an entry of its
    own in the log. Records that come later are not its business."""
    asked, jobs = json_body(JobRequest, request), services().jobs
    if asked.kind in jobs.checks.kinds:
        if asked.ids is not None or asked.filter is not None or asked.args:
            raise Invalid("A check is of the whole site.", field="kind")
        return _send(jobs.check(actor(), asked.kind), 202)
    return _send(jobs.start(actor(), asked.kind, _selection(asked), asked.args), 202)


@jobs_bp.post("/jobs/preview")
@Operation(
    "Foresee a job",
    TAG,
    answer=JobPreviewAnswer,
    body={JSON: JobRequest},
    raises=(Invalid,),
    curl=CURL.replace("/jobs", "/jobs/preview"),
)
@route_act(Acts.JOB_START, max_body=None)
def preview_job() -> Response:
    """Nothing is done."""
    asked = json_body(JobRequest, request)
    found = services().jobs.preview(actor(), asked.kind, _selection(asked), asked.args)
    return send(JobPreviewAnswer.model_validate(found))


@jobs_bp.get("/jobs/<job_id>")
@Operation("One job", TAG, answer=JobAnswer, raises=(NotFound,), curl='curl "$SITE/jobs/$JOB"')
@route_act(Acts.JOB_READ)
def get_job(job_id: str) -> Response:
    """Its progress, and its report when it is over."""
    return _send(services().jobs.get(actor(), job_id))


@jobs_bp.post("/jobs/<job_id>/stop")
@Operation("Stop a job", TAG, answer=JobAnswer, raises=(NotFound,), curl='curl -X POST "$SITE/jobs/$JOB/stop"')
@route_act(Acts.JOB_STOP)
def stop_job(job_id: str) -> Response:
    """It ends after the records that it is at. What it did stays."""
    return _send(services().jobs.stop(actor(), job_id))


@admin_bp.get("/users/<user_id>/leave")
@Operation("What somebody has who is to leave", ADMINISTRATION, answer=LeaverAnswer, raises=(NotFound,))
@route_act(Acts.USER_LEAVE)
def preview_leaving(user_id: str) -> Response:
    """Nothing is done."""
    found = services().leaving.preview(actor(), user_id)
    counts = {name: getattr(found, name) for name in ("sessions", "tokens", "files", "trashed", "waiting", "uploads")}
    return send(LeaverAnswer(**counts, bytes=found.used_bytes))


@admin_bp.post("/users/<user_id>/leave")
@Operation(
    "Let somebody leave",
    ADMINISTRATION,
    answer=DepartureAnswer,
    body={JSON: LeaveRequest},
    raises=(NotFound, Invalid, TooMany),
    curl="""curl -H "Content-Type: application/json" -d '{"files": "trash"}' "$SITE/admin/users/$USER_ID/leave\"""",
)
@route_act(Acts.USER_LEAVE, max_body=None)
def leave(user_id: str) -> Response:
    """Disabled and signed out at once, tokens revoked; open uploads and files by jobs. What is in the trash stays there
    until its time is over."""
    asked = json_body(LeaveRequest, request)
    return send(
        DepartureAnswer.model_validate(services().leaving.leave(actor(), user_id, FilesGo(asked.files), asked.owner))
    )


def _selection(asked: JobRequest) -> Selection:
    if (asked.ids is None) == (asked.filter is None):
        raise Invalid("Name either ids or a filter.", field="ids")
    if asked.filter is None:
        return Selection(tuple(asked.ids or ()))
    ranges = tuple((name, least, most) for name, (least, most) in asked.filter.between.items())
    return Selection(query=Query(search=asked.filter.search, filters=tuple(asked.filter.equal.items()), ranges=ranges))


def _send(job: Job, status: int = 200) -> Response:
    headers = {"Location": f"/jobs/{job.id}"} if status == 202 else None
    return send(JobAnswer.model_validate(job), status, headers)
