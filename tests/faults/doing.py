"""Somebody who does acts at a site, asks again until there is an answer, and looks before that.

An act is *told* once: by its answer or, where that was lost, by what is to be seen afterwards.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.client import NONE, Answer, Client
from tests.faults.oracle import Oracle

PIECE: Final = 70_000
"""Bytes of a chunk: more than goes through a script."""
ASK_AGAIN: Final = 0.2
PASSING: Final = {408, 425, 429, 503}


class GaveUp(Exception):
    """There was no answer for so long that the client went away. Its act is in doubt."""


@dataclass(slots=True)
class Doer:
    """Does acts one after the other, with names and bytes that come from a seed. `seconds`: how long it asks again."""

    client: Client
    oracle: Oracle
    seed: str
    seconds: float = 60.0
    number: int = 0
    chance: random.Random = field(init=False)
    prepared: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - to be repeated, not to be secret

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.seed}-{self.number}.bin"

    def noise(self, size: int) -> bytes:
        return self.chance.randbytes(size)

    def again(self, step: Callable[[], Answer], doubt: Callable[[], object] | None = None) -> Answer:
        """The answer that is one: what passes is asked again. `doubt`: what to note where there was no answer."""
        end = time.monotonic() + self.seconds
        while True:
            answer = step()
            if answer.status == NONE or answer.status in PASSING:
                if doubt and answer.in_doubt:
                    doubt()
                if time.monotonic() > end:
                    raise GaveUp(f"{answer.status} {answer.body[:200]!r}")
                time.sleep(ASK_AGAIN)
                continue
            return answer

    def found(self, name: str) -> Any:
        """The file of that name as it stands, None where there is none."""
        answer = self.again(lambda: self.client.ask("GET", f"/files?q={name}&sort=name"))
        assert answer.status == 200, (answer.status, answer.body)
        return next((item for item in answer.json["items"] if item["name"] == name), None)


Deed = Callable[[Doer], None]
"""The act. What it needs was made by the preparation of the same name."""


def refused(answer: Answer) -> AssertionError:
    return AssertionError(f"refused for no reason: {answer.status} {answer.body[:300]!r}")
