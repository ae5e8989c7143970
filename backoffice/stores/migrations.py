"""How far the migrations of a store are, and their steps.

Where one goes on, and that it is done, are fields of the hash of the installation: a step that was interrupted is taken
again, by whichever process comes next. Steps may be taken twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.maintenance import ignore
from backoffice.domain.migrations import (
    MIGRATIONS,
    SETTLE_SECONDS,
    WORDS_FORM,
    Migration,
    MigrationState,
    newer_reason,
)
from backoffice.domain.paging import Query
from backoffice.errors import Conflict
from backoffice.stores.bounds import UNBOUNDED
from backoffice.stores.client import Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.later_indexes import LaterIndexes, are_later_indexes_up
from backoffice.stores.fsck.long_indexes import LongIndexes, are_long_indexes_cut
from backoffice.stores.fsck.looks import LookIndex, looks_are_known
from backoffice.stores.fsck.repair import Repairer
from backoffice.stores.fsck.words import TOGETHER, WordCheck
from backoffice.stores.keys import Keys
from backoffice.stores.links import RedisLinks
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.paging import Pager
from backoffice.stores.shares import RedisShares
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.users import RedisUsers

SCHEMA_FIELD: Final = "schema"
FIRST_SCHEMA: Final = 1
"""The form in which the first version stored its records."""


@dataclass(frozen=True, slots=True)
class Program:
    """`step`: one step from a place on ("" = the beginning); where the next one goes on, "" when all is done. `done`:
    whether there is nothing left; None: by the note that the last step leaves. `changed`: whether its last step
    has changed something; None: where it has repaired something."""

    step: Callable[[Repairer, str], str]
    done: Callable[[Db, Keys], bool] | None = None
    changed: Callable[[], bool] | None = None


def _looks_step(repairer: Repairer, cursor: str) -> str:
    return LookIndex(repairer).step(cursor)


def _indexes_step(repairer: Repairer, cursor: str) -> str:
    return LaterIndexes(repairer).step(cursor)


_NAMED: Final = (RedisFiles, RedisFolders, RedisLinks, RedisShares, RedisTokens, RedisUsers)


def _words_step(repairer: Repairer, cursor: str) -> str:
    """A hundred records get the words that they lack, and lose those that an earlier version noted."""
    at, _, within = cursor.partition(" ")
    place = int(at or 0)
    collection: Collection[Any] = _NAMED[place](repairer.db, repairer.keys).collection
    page = Pager(collection, "created").page(Query(sort="created", cursor=within, limit=TOGETHER))
    WordCheck(repairer, collection).renew([one.id for one in page.items])
    if page.next_cursor:
        return f"{place} {page.next_cursor}"
    return f"{place + 1} " if place + 1 < len(_NAMED) else ""


def _programs(db: Db, keys: Keys) -> Mapping[str, Program]:
    """Of `MIGRATIONS`."""
    log = LongIndexes(db, keys)

    def log_step(_repairer: Repairer, _cursor: str) -> str:
        """It remembers by itself where it is; what is cut stays cut."""
        return "on" if log.cut_some() else ""

    return {
        "looks": Program(_looks_step, looks_are_known),
        "indexes": Program(_indexes_step, are_later_indexes_up),
        "log": Program(log_step, are_long_indexes_cut, lambda: log.found),
        "words": Program(_words_step),
    }


_FORMS: Final = {"words": WORDS_FORM}
"""What the note of the last step says, where the same migration may come again in a later form."""


class RedisMigrations:
    """Port `MigrationStore`."""

    def __init__(
        self,
        db: Db,
        keys: Keys,
        known: tuple[Migration, ...] = MIGRATIONS,
        programs: Mapping[str, Program] | None = None,
        *,
        quota: int = UNBOUNDED.default_quota,
        settle: Callable[[float], None] = time.sleep,
    ) -> None:
        """`quota`: bytes of who has none of their own. `settle` waits so many seconds until all who run know of a new
        form."""
        self._db, self._keys, self._quota, self._settle = db, keys, quota, settle
        self.known, self._programs = known, programs or _programs(db, keys)

    def schema(self) -> int:
        return int(self._db.call("HGET", self._keys.install, SCHEMA_FIELD) or 0)

    def newer(self) -> str:
        reason = newer_reason(self.schema())
        self._db.refuse(reason)
        return reason

    def states(self) -> list[MigrationState]:
        return [self._state(one) for one in self.known]

    def step(self, actor: Actor, migration: Migration) -> bool:
        state = self._state(migration)
        if state.done:
            return False
        steps, cursor = self._progress(migration)
        if not steps:
            self._begin(actor, migration)
            if self._raises_form(migration):
                self._settle(SETTLE_SECONDS)
        repairer = Repairer(self._db, self._keys, actor, ignore, self._quota)
        program = self._programs[migration.name]
        cursor = program.step(repairer, cursor)
        if program.changed() if program.changed else any(repairer.report.found.values()):
            self._db.call("HSET", self._keys.install, _changes(migration), 1)
        if cursor:
            self._db.call("HSET", self._keys.install, _place(migration), f"{steps + 1} {cursor}")
            return True
        if self._raises_form(migration) or self._db.call("HEXISTS", self._keys.install, _changes(migration)):
            self._end(actor, migration)
        else:  # an earlier version left nothing, or there was none: that is no act
            self._db.many(self._ended(migration))
        return False

    def _state(self, migration: Migration) -> MigrationState:
        asked = self._programs[migration.name].done
        if asked is not None:
            done = asked(self._db, self._keys)
        else:
            note = self._db.call("HGET", self._keys.install, _note(migration))
            # A later version, which runs beside this one for a while, has it in a later form.
            done = note is not None and int(note) >= _form(migration)
        return MigrationState(migration, done, 0 if done else self._progress(migration)[0])

    def _progress(self, migration: Migration) -> tuple[int, str]:
        """Steps that were taken, and where the next one begins."""
        found = self._db.call("HGET", self._keys.install, _place(migration))
        steps, _, cursor = (found or b"0 ").decode().partition(" ")
        return int(steps), cursor

    def _raises_form(self, migration: Migration) -> bool:
        before = [one.schema for one in self.known if one.number < migration.number]
        return migration.schema > max(before, default=FIRST_SCHEMA)

    def _begin(self, actor: Actor, migration: Migration) -> None:
        """From now on earlier versions must not start, if this one takes them out of what they know."""
        old = self.schema()
        if not old or migration.schema <= old:  # 0: the note that the store was set up is still to come
            return
        commit = Commit(self._keys, _event(actor, migration, "begun"))
        error = Conflict("Another process has changed the form of the store.")
        commit.check("equal", self._keys.install, SCHEMA_FIELD, str(old), error=error)
        commit.write("HSET", self._keys.install, SCHEMA_FIELD, migration.schema)
        commit.run(self._db)

    def _end(self, actor: Actor, migration: Migration) -> None:
        commit = Commit(self._keys, _event(actor, migration, "done"))
        for write in self._ended(migration):
            commit.write(*write)
        commit.run(self._db)

    def _ended(self, migration: Migration) -> list[tuple[Any, ...]]:
        """What is written at its end."""
        return [
            ("HSET", self._keys.install, _note(migration), _form(migration)),
            ("HDEL", self._keys.install, _place(migration), _changes(migration)),
        ]


def _event(actor: Actor, migration: Migration, state: str) -> AuditEvent:
    data = {"number": migration.number, "state": state, "schema": migration.schema}
    return AuditEvent(Actions.SYSTEM_MIGRATE, actor, ObjectRef("migration", migration.name), data=data)


def _form(migration: Migration) -> int:
    return _FORMS.get(migration.name, 1)


def _place(migration: Migration) -> str:
    """Of this form alone: a process that ends late may leave the place of an earlier one, which says nothing here."""
    form = _form(migration)
    return f"at:{migration.name}" if form == 1 else f"at:{migration.name}:{form}"


def _changes(migration: Migration) -> str:
    """There, as soon as it has changed something."""
    return f"changes:{migration.name}"


def _note(migration: Migration) -> str:
    return f"done:{migration.name}"
