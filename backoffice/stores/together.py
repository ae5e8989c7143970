"""Reads that do not depend on each other, in as few round trips as the longest of them takes.

Each runs until it asks the store for something. What all of them ask for is sent together; then each runs again from
its beginning, is given the answers that it had before, and gets to its next question, or to its end. So a read asks
every question once, but its own code may run several times: it has to be a read, and nothing that counts or keeps. An
answer is given to the question that it was the answer to, and to no other.

Reads within such a read are kept with what they have got: when the outer one runs again and comes to the same ones,
they go on where they were, and one that is done does not run again. What a read returns is not changed by who gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final

RESTLESS: Final = 20
"""Times that a read may ask something else where it asked before. After these it is run by itself: one whose every run
asks for the present moment would never come to its end."""

Ask = Callable[[], Any]
"""Sends a question by itself, and gives the answer."""


class Waiting(BaseException):
    """A read has got as far as the answers go. Not an error, and caught here only."""


class Read:
    """One of the reads: the answers that it has, and what it asks next."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self._run = run
        self._answers: list[tuple[Any, Any]] = []
        """What it asked, with the answer."""
        self._restless = 0
        self._given = 0
        self._groups: list[_Group] = []
        """Reads within it, in the order in which it came to them."""
        self._come_by = 0
        self.commands: Sequence[Sequence[Any]] = ()
        """What it asks next, where this can be sent with other commands."""
        self.ask: Ask | None = None
        """Else what asks it."""
        self.question: Any = None
        """The same in a form that can be compared."""
        self.waits = False
        self.done = False
        self.result: Any = None

    def go_on(self) -> None:
        """Run up to the next question, or to the end. Raises what the read raises."""
        self._given, self._come_by, self.commands, self.ask = 0, 0, (), None
        token = _reading.set(self if self._restless < RESTLESS else None)
        try:
            self.result, self.done = self._run(), True
        except Waiting:
            pass
        finally:
            _reading.reset(token)

    def answered(self, answer: Any) -> None:
        """The answer to what it asked."""
        self._answers.append((self.question, answer))
        self.waits = False

    def group(self, runs: Sequence[Callable[[], Any]]) -> _Group:
        """The reads `runs` within this one: as they were left in the last run, if it came to the same ones there."""
        at, self._come_by = self._come_by, self._come_by + 1
        if at < len(self._groups):
            known = self._groups[at]
            if known.began == self._given and all_same(known.runs, runs):
                self._given += known.taken
                return known
            del self._groups[at:]
        made = _Group(tuple(runs), [Read(run) for run in runs], self._given)
        self._groups.append(made)
        return made

    def many(self, commands: Sequence[Sequence[Any]]) -> Any:
        """Their replies, if they are there. Raises Waiting."""
        return self._next(list(map(tuple, commands)), commands, None)

    def alone(self, question: Any, ask: Ask) -> Any:
        """The answer to what cannot be sent with others, likewise."""
        return self._next(question, (), ask)

    def _next(self, question: Any, commands: Sequence[Sequence[Any]], ask: Ask | None) -> Any:
        if self._given < len(self._answers) and self._answers[self._given][0] != question:
            # It goes another way than the last time: what it asked once is remembered elsewhere by now, or no more.
            found = self._replies_to(commands)
            if found is None:
                del self._answers[self._given :]
                self._groups.clear()
                self._restless += 1
            else:
                self._answers[self._given] = question, found
        if self._given == len(self._answers):
            self.question, self.commands, self.ask, self.waits = question, commands, ask, True
            raise Waiting
        self._given += 1
        return self._answers[self._given - 1][1]

    def _replies_to(self, commands: Sequence[Sequence[Any]]) -> list[Any] | None:
        """Their replies, where each was asked at this place with others: reads within this read that shared a trip, of
        which some are done by now."""
        question, replies = self._answers[self._given]
        if not commands or not isinstance(question, list):
            return None
        known = dict(zip(question, replies, strict=True))
        asked = list(map(tuple, commands))
        return [known[one] for one in asked] if all(one in known for one in asked) else None


@dataclass(eq=False, slots=True)
class _Group:
    """Reads within another one. `began`: how many answers that one had been given when it came to them; `taken`: how
    many it was given for them; `asking`: they have got as far as to ask what cannot be sent with others."""

    runs: tuple[Callable[[], Any], ...]
    reads: list[Read]
    began: int
    taken: int = 0
    asking: bool = False


def all_same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether these are the same one by one: functions are that were made in one place, of what is the same."""
    return len(some) == len(others) and all(map(_same, some, others))


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if not isinstance(one, FunctionType):
        return bool(one == other)
    if one.__code__ is not other.__code__ or one.__kwdefaults__ != other.__kwdefaults__:
        return False
    try:
        parts = [[cell.cell_contents for cell in each.__closure__ or ()] for each in (one, other)]
    except ValueError:  # of what has no value yet
        return False
    return all_same(*parts) and all_same(one.__defaults__ or (), other.__defaults__ or ())


_reading: ContextVar[Read | None] = ContextVar("reading", default=None)


def current_read() -> Read | None:
    """The read that runs just now, if any: it is asked instead of the store."""
    return _reading.get()


def read_together(many: Callable[[Sequence[Any]], list[Any]], reads: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each of them returns; `many` sends commands in one round trip. Raises what the first one to fail raises."""
    outer = _reading.get()
    group = _Group((), [Read(run) for run in reads], 0) if outer is None else outer.group(reads)
    while True:
        if not group.asking:
            for read in group.reads:
                if not (read.done or read.waits):
                    read.go_on()
            if all(read.done for read in group.reads):
                return [read.result for read in group.reads]
            _send_together(many, group)
            group.asking = True
        for read in group.reads:
            if read.waits and read.ask is not None:
                answer = read.ask()
                group.taken += 1
                read.answered(answer)
        group.asking = False


def _send_together(many: Callable[[Sequence[Any]], list[Any]], group: _Group) -> None:
    """Ask what can be sent with other commands."""
    sent = [read for read in group.reads if read.waits and read.ask is None]
    if sent:
        replies = iter(many([command for read in sent for command in read.commands]))
        group.taken += 1
        for read in sent:
            read.answered([next(replies) for _ in read.commands])
