"""What clients were told, and whether it is true afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.faults.client import Client

DOUBLE = re.compile(r" \(\d+\)$")
"""What a name gets that was taken: an act that was done twice."""


FREED_WITHIN = 45.0
"""Seconds until the worker frees what a crash has left: it looks each 30."""


class State(StrEnum):
    READY = "ready"
    TRASHED = "trashed"
    GONE = "gone"


@dataclass(slots=True)
class Kept:
    """A file that somebody was told of. `maybe`: what else it may be, after an act without an answer. `promised`:
    whether the answer was one that promises to last (201)."""

    name: str
    id: str
    digest: str
    state: State = State.READY
    promised: bool = True
    maybe: tuple[State | str, ...] = ()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Verdict:
    """`lost`: what was promised and is not there, or is other than it was. `problems`: all that must not be."""

    acknowledged: int
    lost: int
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.lost and not self.problems


class Oracle:
    """One for all clients of a site. `told`, `changed` and the like are called when the answer has come, never before;
    `doubt` when none has."""

    def __init__(self, *, lenient: bool = False) -> None:
        """`lenient`: only answers that promise something (201 and its like) have to hold. Of others the store may lose
        the last ones, as when its primary dies."""
        self.lenient = lenient
        self.undone = 0
        """Acts without a promise that were lost."""
        self._lock = threading.Lock()
        self.kept: dict[str, Kept] = {}
        self.users: dict[str, set[int | None]] = {}
        """Of a user's identifier, the quotas that may be theirs; one where the last answer came."""
        self.acknowledged = 0
        self.unsure: set[str] = set()
        """Names of files that may be there."""
        self.folders: dict[str, str] = {}

    def told(self, name: str, file_id: str, sha256: str, *, promised: bool = True) -> None:
        """A file is stored."""
        with self._lock:
            self.acknowledged += 1
            self.unsure.discard(name)
            self.kept[name] = Kept(name, file_id, sha256, promised=promised)

    def lost_at_once(self, name: str, *, promised: bool) -> None:
        """A file was told to be whole, and was not there when it was looked for."""
        with self._lock:
            self.unsure.discard(name)
            self.kept[name] = Kept(name, "", "", promised=promised)

    def replaced(self, name: str, sha256: str, *, promised: bool = True) -> None:
        with self._lock:
            self.acknowledged += 1
            file = self.kept[name]
            file.maybe = (*file.maybe, file.digest) if self.lenient and not promised else ()
            file.digest = sha256

    def moved(self, name: str, state: State) -> None:
        """A file is in the trash, or gone."""
        with self._lock:
            self.acknowledged += 1
            file = self.kept[name]
            file.maybe = (*file.maybe, file.state) if self.lenient else ()
            file.state = state

    def edited(self, user_id: str, quota: int) -> None:
        with self._lock:
            self.acknowledged += 1
            self.users[user_id] = {quota, *(self.users[user_id] if self.lenient else ())}

    def doubt(self, name: str, after: State | str = State.READY) -> None:
        """There was no answer: the file may be stored, be in that state, or have that content."""
        with self._lock:
            if name in self.kept:
                self.kept[name].maybe += (after,)
            else:
                self.unsure.add(name)

    def doubt_edit(self, user_id: str, quota: int) -> None:
        with self._lock:
            self.users[user_id].add(quota)

    # --- the judgement

    def judge(self, client: Client, log: list[dict[str, Any]], *, bytes_of: set[str] | None = None) -> Verdict:
        """Compare with what the site has. `log`: all entries in their order. `bytes_of`: names of files whose bytes are
        read; None: of all."""
        verdict = Verdict(self.acknowledged, 0, list(client.wrong))
        ready = {item["name"]: item for item in client.everything("/files")}
        trashed = {item["name"]: item for item in client.everything("/files?state=trashed")}
        events = Counter((event["action"], event["object"]["id"]) for event in log if event.get("object"))
        for file in self.kept.values():
            fault = self._fault(client, file, ready, trashed, read=bytes_of is None or file.name in bytes_of)
            if fault and self.lenient and not file.promised:
                self.undone += 1
                continue
            if fault and file.promised:
                verdict.lost += 1
            if fault:
                verdict.problems.append(f"{file.name} ({file.id}): {fault}")
        self._strangers(verdict, {**ready, **trashed})
        self._count_events(verdict, [*ready.values(), *trashed.values()], events)
        self._people(verdict, client, events)
        self._quota(verdict, client, [*ready.values(), *trashed.values()])
        self.undone += sum(file.state is not _state(file, ready, trashed) for file in self.kept.values() if file.maybe)
        _order(verdict, log)
        return verdict

    def _fault(self, client: Client, file: Kept, ready: dict[str, Any], trashed: dict[str, Any], *, read: bool) -> str:
        """What is wrong with a file, "" = nothing."""
        found = _state(file, ready, trashed)
        if found not in {file.state, *file.maybe}:
            return f"{found}, and not {file.state}"
        if found is not State.READY:
            return ""
        item = ready[file.name]
        if file.id and item["id"] != file.id:
            return f"it is {item['id']} now"
        right = {file.digest, *(one for one in file.maybe if one not in set(State))}
        if item["sha256"] and item["sha256"] not in right:
            return "its SHA-256 is another one"
        if not read:
            return ""
        answer = client.ask("GET", f"/files/{item['id']}")
        if answer.status != 200:
            return f"a download is answered with {answer.status}"
        return "" if digest(answer.body) in right else "its bytes are others"

    def _strangers(self, verdict: Verdict, there: dict[str, Any]) -> None:
        for name in there.keys() - self.kept.keys() - self.unsure:
            twice = DOUBLE.sub("", name) in self.kept
            verdict.problems.append(f"{name}: " + ("an act was done twice" if twice else "nobody was told of it"))

    def _count_events(self, verdict: Verdict, items: list[Any], events: Counter[tuple[str, str]]) -> None:
        """One entry for each act: of what is there, and of what went."""
        for item in items:
            wanted = {
                "file.create": 1,
                "file.replace": item["number"] - 1,
                "file.trash": int(item["state"] == "trashed"),
                "file.purge": 0,
            }
            for action, number in wanted.items():
                if (got := events[action, item["id"]]) != number:
                    verdict.problems.append(f"{item['name']}: {got} entries {action}, and not {number}")
        there = {item["name"] for item in items}
        for file in self.kept.values():
            if file.state is State.GONE and file.name not in there and (got := events["file.purge", file.id]) != 1:
                verdict.problems.append(f"{file.name}: {got} entries file.purge, and not 1")
        for folder, name in () if self.lenient else self.folders.items():
            if (got := events["folder.trash", folder]) != 1:
                verdict.problems.append(f"{name}: {got} entries folder.trash, and not 1")

    def _people(self, verdict: Verdict, client: Client, events: Counter[tuple[str, str]]) -> None:
        for user_id, quotas in self.users.items():
            user = client.ask("GET", f"/admin/users/{user_id}").json
            if self.lenient and user.get("status") == 404:
                self.undone += 1
            elif user.get("quota_bytes") not in quotas:
                verdict.problems.append(f"user {user_id}: quota {user.get('quota_bytes')}, and not {quotas}")
            elif (got := events["user.update", user_id]) != user["version"] - 1:
                verdict.problems.append(f"user {user_id}: {got} entries of {user['version'] - 1} changes")

    def _quota(self, verdict: Verdict, client: Client, items: list[Any]) -> None:
        """What was purged counts until its bytes are free, which is soon."""
        earlier = 0
        for item in items:
            if item["number"] > 1 and item["state"] == "ready":
                earlier += client.ask("GET", f"/files/{item['id']}/versions").json["size"]
        held = sum(item["size"] for item in items) + earlier
        end = time.monotonic() + FREED_WITHIN
        while (used := client.ask("GET", "/limits").json["used"]) != held:
            if time.monotonic() > end:
                verdict.problems.append(f"the quota counts {used} bytes, the files have {held}")
                return
            time.sleep(0.2)


def _state(file: Kept, ready: dict[str, Any], trashed: dict[str, Any]) -> State:
    return State.READY if file.name in ready else State.TRASHED if file.name in trashed else State.GONE


def _order(verdict: Verdict, log: list[dict[str, Any]]) -> None:
    ids = [tuple(map(int, event["entry"].split("-"))) for event in log]
    if ids != sorted(ids):
        verdict.problems.append("the log is not in its order")


def entries(client: Any, prefix: str = "bo") -> list[dict[str, Any]]:
    """The whole log, as it is in the store, by a client of Redis."""
    found = client.execute_command("XRANGE", f"{{{prefix}}}:audit", "-", "+")
    return [_entry(one) for one in found]


def _entry(found: Any) -> dict[str, Any]:
    entry_id, fields = found
    pairs = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return {**json.loads(pairs[b"e"]), "entry": entry_id.decode()}
