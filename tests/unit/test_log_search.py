"""Finding entries of the log: by time, several actions, words; nothing that is left out goes unsaid."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import backoffice
from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEntry, AuditEvent, ObjectRef, Outcome
from backoffice.domain.log_archive import position
from backoffice.domain.log_query import NOT_OK, LogQuery
from backoffice.domain.permissions import Permissions
from backoffice.errors import Invalid, NotAllowed
from backoffice.services import log_search
from backoffice.services.log_search import matching
from backoffice.services.sign_in.refusals import REFUSALS
from tests.support.people import People, anybody, everything_but

READER = anybody(Permissions.AUDIT_READ, name="reader")
ADA, BOB = Actor(id="ada", name="ada", ip="192.0.2.1"), Actor(id="bob", name="bob", ip="192.0.2.2")
ACTIONS = (Actions.FILE_CREATE, Actions.FILE_DOWNLOAD, Actions.FILE_TRASH)
MANY = 60


@dataclass(slots=True)
class Log:
    """Sixty entries by two people in turn: uploads, downloads and trashings. `times`: of each, ms, no two the same."""

    people: People
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for at in range(MANY):
            time.sleep(0.002)
            target = ObjectRef("file", f"f{at}", f"résumé-{at}.txt")
            self.ids.append(self.people.log.record(AuditEvent(ACTIONS[at % 3], (ADA, BOB)[at % 2], target)))
        assert len(set(self.times)) == MANY

    @property
    def times(self) -> list[int]:
        return [position(one)[0] for one in self.ids]

    def numbers(self, entries: Iterable[AuditEntry]) -> list[int]:
        """Of entries that are ours, for reading the log writes one, too."""
        return [self.ids.index(entry.id) for entry in entries if entry.id in self.ids]

    def query(self, *, since: int | None = None, until: int | None = None, **asked: Any) -> LogQuery:
        """From the entry of one number to before that of another."""
        bounds = [None if at is None else self.times[at] for at in (since, until)]
        return LogQuery(since=bounds[0], until=bounds[1], **asked)

    def all(self, query: LogQuery) -> list[int]:
        return self.numbers(matching(self.people.log, query))


@pytest.fixture
def log(people: People) -> Log:
    return Log(people)


CASES: list[tuple[dict[str, Any], Iterable[int]]] = [
    ({}, range(60)),
    ({"since": 10, "until": 20}, range(10, 20)),
    ({"filters": (("actor", "ada"),), "since": 10}, range(10, 60, 2)),
    ({"filters": (("actor", "bob"), ("action", "file.trash")), "until": 30}, range(5, 30, 6)),
    ({"actions": ("file.create", "file.trash")}, [at for at in range(60) if at % 3 != 1]),
    (
        {"filters": (("actor", "ada"),), "actions": ("file.create", "file.trash")},
        [at for at in range(0, 60, 2) if at % 3 != 1],
    ),
    ({"actions": ("file.create",), "filters": (("ip", "192.0.2.2"),)}, range(3, 60, 6)),
    ({"words": "resume-7.txt"}, [7]),
    ({"words": "RESUME bob", "since": 50}, range(51, 60, 2)),
    ({"words": "nowhere"}, []),
    ({"actions": ()}, []),
    ({"since": 20, "until": 10}, []),
]


def test_every_entry_that_matches_is_found_once(log: Log) -> None:
    for asked, wanted in CASES:
        query, expected = log.query(**asked), sorted(wanted, reverse=True)
        for limit in (7, 500):
            seen, cursor = list[int](), ""
            while True:
                page = log.people.audit.search(READER, replace(query, cursor=cursor, limit=limit))
                assert len(page.items) <= limit
                seen += log.numbers(page.items)
                cursor = page.next_cursor
                if not cursor:
                    break
            assert seen == expected, (asked, limit)
        assert log.all(query) == expected, asked


def test_a_page_that_looked_at_part_of_it_says_so(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "BATCH", 10)
    monkeypatch.setattr(log_search, "LOOKED", 20)
    query = log.query(words="resume-0.txt", until=59)
    page = log.people.audit.search(READER, query)
    assert page.items == ()
    assert page.looked_to == page.next_cursor == log.ids[39]
    assert not page.exact
    assert log.all(query) == [0]


def test_the_bars_count_what_the_list_has(log: Log) -> None:
    edges = [*log.times[::12], log.times[-1] + 1]
    for query, of, exact in (
        (LogQuery(), LogQuery(), True),
        (LogQuery(filters=(("actor", "ada"),)), LogQuery(filters=(("actor", "ada"),)), True),
        (LogQuery(actions=("file.create", "file.trash")), LogQuery(actions=("file.create", "file.trash")), True),
        (LogQuery(filters=(("actor", "ada"),), actions=("file.create",)), LogQuery(filters=(("actor", "ada"),)), False),
        (LogQuery(words="x"), LogQuery(), False),
    ):
        bars = log.people.audit.histogram(READER, query, edges)
        assert (bars.exact, bars.edges) == (exact, tuple(edges))
        for low, high, count in zip(edges, edges[1:], bars.counts, strict=False):
            assert count == len(log.all(replace(of, since=low, until=high))), query
        assert sum(bars.counts) == len(log.all(of))


def test_what_cannot_be_asked_for_is_refused(log: Log) -> None:
    for query in (
        LogQuery(filters=(("nonsense", "x"),)),
        LogQuery(filters=(("actor", ""),)),
        LogQuery(cursor="x"),
        LogQuery(limit=0),
        LogQuery(words="x" * 300),
    ):
        with pytest.raises(Invalid):
            log.people.audit.search(READER, query)
    for ask in (
        lambda who: log.people.audit.search(who, LogQuery()),
        lambda who: log.people.audit.histogram(who, LogQuery(), [0, 1]),
    ):
        with pytest.raises(NotAllowed):
            ask(everything_but(Permissions.AUDIT_READ))


def test_the_actions_of_an_outcome_are_all_that_have_it() -> None:
    """The log has no index of outcomes: whoever writes another action with one has to say so in the table."""
    root = Path(backoffice.__file__).parent
    writing = {
        path.name
        for path in root.rglob("*.py")
        if re.search(r"Outcome\.(DENIED|ERROR),?\s*(data|$|\))", path.read_text(), re.MULTILINE)
    }
    assert writing <= {
        "authorization.py",
        "file_inspection.py",
        "file_reading.py",
        "refusals.py",
        "log_lines.py",
        "log_filters.py",
        "log_query.py",
    }
    assert set(NOT_OK) == set(Outcome) - {Outcome.OK}
    assert {Actions.ACCESS_DENY, *REFUSALS} == set(NOT_OK[Outcome.DENIED])
