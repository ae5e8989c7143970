"""Jobs: one act on many records, carried out by the worker in somebody's name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from backoffice.domain.actions import Actions
from backoffice.domain.check_reports import CheckFinding, CheckReport
from backoffice.domain.nouns import Noun
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions

JOBS = Noun(
    "job",
    read=Permissions.JOBS_READ,
    write=Permissions.JOBS_WRITE,
    create=Actions.JOB_START,
    update=Actions.JOB_STOP,
    delete=Actions.JOB_DELETE,
    recorded=("kind", "title", "total"),
    title="title",
)
MAX_REASONS: Final = 20
"""Different ones that a report has; what is refused for others is counted together."""
MAX_NAMED: Final = 5
"""Records that a reason names."""
OTHER_REASONS: Final = "Other reasons."


class JobState(StrEnum):
    """`open`: it waits for a worker or is under way. Only what people do and its end are states: they are events."""

    OPEN = "open"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records: these, or all that a list finds for this question (its order does not matter)."""

    ids: tuple[str, ...] = ()
    query: Query | None = None

    def dump(self) -> str:
        """The question as it is stored; "" where the records are named."""
        if self.query is None:
            return ""
        asked: dict[str, Any] = {
            "search": self.query.search,
            "filters": self.query.filters,
            "ranges": self.query.ranges,
        }
        if self.query.parts is not None:
            asked["parts"] = self.query.parts
        return json.dumps(asked, separators=(",", ":"))

    @classmethod
    def load(cls, ids: tuple[str, ...], text: str) -> Selection:
        """What `dump` made."""
        if not text:
            return cls(ids)
        asked = json.loads(text)
        filters = tuple((name, value) for name, value in asked["filters"])
        ranges = tuple((name, least, most) for name, least, most in asked["ranges"])
        return cls(query=Query(search=asked["search"], parts=asked.get("parts"), filters=filters, ranges=ranges))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why records were refused: how many, and some of them."""

    text: str
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """Times in ms. `credential`, `held` (permissions) and `fresh` (the password had just been given) are what its
    starter had at the start, and all that it ever has. `total` is a lower bound unless `exact`; `absent` counts
    records that had gone. `cursor` and `position`: how far it is. `lease`: who carries it out, until when. `report`:
    what a check has found; what it counts is not records then."""

    id: str
    kind: str
    title: str
    actor: str
    actor_name: str
    created_at: int
    updated_at: int
    credential: str = ""
    held: tuple[str, ...] = ()
    fresh: int = 0
    ids: tuple[str, ...] = ()
    query: str = ""
    args: str = "{}"
    state: JobState = JobState.OPEN
    total: int = 0
    exact: int = 1
    done: int = 0
    refused: int = 0
    absent: int = 0
    reasons: str = "[]"
    cursor: str = ""
    position: int = 0
    lease: str = ""
    lease_until: int = 0
    started_at: int = 0
    ended_at: int = 0
    failure: str = ""
    report: str = ""
    version: int = 1

    @property
    def selection(self) -> Selection:
        return Selection.load(self.ids, self.query)

    @property
    def arguments(self) -> Mapping[str, Any]:
        found: dict[str, Any] = json.loads(self.args)
        return found

    @property
    def found(self) -> CheckReport:
        """What a check has found until now."""
        return CheckReport.load(self.report)

    @property
    def findings(self) -> tuple[CheckFinding, ...]:
        """The first ones of a check."""
        return tuple(self.found.findings)

    @property
    def over(self) -> bool:
        return self.state not in {JobState.OPEN, JobState.STOPPING}

    @property
    def shown_state(self) -> str:
        """In the words that people and programs read: an open one is `queued` or `running`."""
        if self.state is JobState.OPEN:
            return "running" if self.started_at else "queued"
        return str(self.state)

    @property
    def handled(self) -> int:
        """Records that it has come by."""
        return self.done + self.refused + self.absent

    @property
    def why_refused(self) -> tuple[Reason, ...]:
        """The commonest reason first."""
        found = (Reason(text, count, tuple(ids)) for text, count, ids in json.loads(self.reasons))
        return tuple(sorted(found, key=lambda reason: -reason.count))

    def with_refusals(self, refusals: Iterable[tuple[str, str]]) -> Job:
        """With these more: (identifier, why)."""
        more = list(refusals)
        known = with_refusals(self.why_refused, more)
        kept = [[reason.text, reason.count, list(reason.ids)] for reason in known]
        return replace(self, refused=self.refused + len(more), reasons=json.dumps(kept, separators=(",", ":")))


def with_refusals(reasons: Iterable[Reason], refusals: Iterable[tuple[str, str]]) -> list[Reason]:
    """The reasons with these more: (identifier, why)."""
    known = {reason.text: reason for reason in reasons}
    for record_id, text in refusals:
        key = text if text in known or len(known) < MAX_REASONS else OTHER_REASONS
        found = known.get(key, Reason(key, 0, ()))
        known[key] = Reason(key, found.count + 1, (*found.ids, record_id)[:MAX_NAMED])
    return list(known.values())
