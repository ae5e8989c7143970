"""Undo, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import BeforeValidator, Field

from backoffice.domain.acts import Acts
from backoffice.domain.undo import OPPOSITES
from backoffice.errors import (
    AlreadyUndone,
    ChangedSince,
    InUse,
    NameTaken,
    NotFound,
    NotReversible,
    TooMany,
    UndoExpired,
)
from backoffice.services.undo import UndoneAll
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.jobs import TAG, JobAnswer, jobs_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.responses import Answer, send
from backoffice.web.api.users import TAG as ADMINISTRATION
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


def _listed(several: Any) -> list[Any]:
    return list(several)


class UndoneEntryAnswer(Answer):
    """An entry that was undone at once."""

    entry: Annotated[str, Field(description="Identifier of the entry; the one of the undoing has it in `data.undoes`")]
    type: Annotated[str, Field(description="`file`, `user`, `role` or `view`")]
    id: str
    back: Annotated[
        dict[str, Any], Field(description="Field -> the value that was put back; of what is gone again null")
    ]


class UndoAnswer(Answer):
    """What was undone."""

    undone: list[UndoneEntryAnswer]
    jobs: Annotated[list[JobAnswer], Field(description="That undo the rest"), BeforeValidator(_listed)]
    stays: Annotated[list[str], Field(description="What ended for good"), BeforeValidator(_listed)]


@admin_bp.post("/acts/<entry_id>/undo")
@Operation(
    "Undo what an entry of the log says",
    ADMINISTRATION,
    answer=UndoAnswer,
    raises=(NotFound, NotReversible, UndoExpired, AlreadyUndone, ChangedSince, InUse, NameTaken),
    curl='curl -X POST "$SITE/admin/acts/$ENTRY/undo"',
)
@route_act(*OPPOSITES)
def undo_entry(entry_id: str) -> Response:
    """It takes the right to the opposite act, and is that act: its entry names the undone one. What was changed again
    since stays (`changed_since`, with the values in `changed`, and `by` whom and `at` what time). The entry of a job,
    or of somebody's leaving, is undone by jobs; ended sessions and tokens stay ended."""
    return _send(services().undo.entry(actor(), entry_id))


@jobs_bp.post("/jobs/<job_id>/undo")
@Operation(
    "Undo a job",
    TAG,
    status=202,
    answer=JobAnswer,
    sends={"Location": "Where its progress is"},
    raises=(NotFound, NotReversible, UndoExpired, TooMany),
    curl='curl -X POST "$SITE/jobs/$JOB/undo"',
)
@route_act(Acts.JOB_START)
def undo_job(job_id: str) -> Response:
    """A job that undoes each act of one that is over, the newest first; its report says what was refused, and why."""
    job = services().undo.job(actor(), job_id)
    return send(JobAnswer.model_validate(job), 202, {"Location": f"/jobs/{job.id}"})


def _send(done: UndoneAll) -> Response:
    entries = [
        UndoneEntryAnswer(entry=one.entry, type=one.object.type, id=one.object.id, back=dict(one.back))
        for one in done.done
    ]
    jobs = [JobAnswer.model_validate(job) for job in done.jobs]
    return send(UndoAnswer(undone=entries, jobs=jobs, stays=list(done.stays)))
