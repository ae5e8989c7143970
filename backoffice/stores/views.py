"""Saved views in the store, and how people have arranged their lists."""

from __future__ import annotations

import json
from collections.abc import Sequence

from backoffice.domain.limits import MAX_SAVED_VIEWS, MAX_SHARED_VIEWS, MAX_VIEWS
from backoffice.domain.views import PLAIN_LOOK, ListLook, SavedView
from backoffice.errors import Conflict
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Sorted
from backoffice.stores.records.store import RedisRecords

NOUN = "views"


class RedisViews(RedisRecords[SavedView]):
    """A person has a number of them, a list a number of shared ones, and the site a number of all."""

    noun, record = NOUN, SavedView
    indexes = (
        Sorted("created", lambda view: view.created_at),
        Facet("owner", lambda view: (view.owner,), lambda view: view.created_at, "created"),
        Facet("shared", lambda view: (view.section,) if view.shared else (), lambda view: view.created_at, "created"),
    )

    def for_section(self, owner: str, section: str) -> list[SavedView]:
        """Those of this person and the shared ones of the section. One round trip where there are none, else two."""
        mine, shared = self._keys.index(NOUN, "owner", owner), self._keys.index(NOUN, "shared", section)
        rows = self._db.many([("ZRANGE", key, 0, -1) for key in (mine, shared)])
        ids = [one.decode() for row in rows for one in row]
        found = self.get_many(list(dict.fromkeys(ids))) if ids else []
        return [one for one in found if one is not None and one.section == section]

    def _inserting(self, commit: Commit, record: SavedView) -> None:
        """Raises Conflict when there are too many."""
        mine = Conflict(f"One person has at most {MAX_VIEWS} saved views; delete one first.")
        commit.check("fewer", self._keys.index(NOUN, "owner", record.owner), MAX_VIEWS, error=mine)
        full = Conflict(f"There can be at most {MAX_SAVED_VIEWS} saved views.")
        commit.check("fewer", self._keys.index(NOUN, "created"), MAX_SAVED_VIEWS, error=full)
        self._check_shared(commit, record)

    def _replacing(self, commit: Commit, old: SavedView, new: SavedView) -> None:
        """Likewise, when it becomes a shared one."""
        if not old.shared:
            self._check_shared(commit, new)

    def _check_shared(self, commit: Commit, record: SavedView) -> None:
        if record.shared:
            error = Conflict(f"A list has at most {MAX_SHARED_VIEWS} shared views.")
            commit.check("fewer", self._keys.index(NOUN, "shared", record.section), MAX_SHARED_VIEWS, error=error)


class RedisListLooks:
    """How each person has arranged each list: a hash of a person, one field a list, gone with the person.

    Not an act, so no event is written: nobody's data or rights are touched, and an auditor would read about widths of
    columns. It is bounded by the number of lists.
    """

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def of(self, user_id: str, section: str) -> ListLook:
        """As it is kept; what cannot be read is as if nothing were kept. One round trip."""
        text = self._db.call("HGET", self._keys.list_looks(user_id), section)
        return _read(text) if text else PLAIN_LOOK

    def keep(self, user_id: str, section: str, look: ListLook) -> None:
        """Keep it, unless the person has gone meanwhile. A plain look is forgotten."""
        text = "" if look == PLAIN_LOOK else json.dumps({"columns": look.columns, "compact": look.compact})
        keys = [self._keys.record("users", user_id), self._keys.list_looks(user_id)]
        self._db.script("list_look", keys, [section, text])


def _read(text: bytes) -> ListLook:
    try:
        found = json.loads(text)
        columns: Sequence[str] | None = found["columns"]
        return ListLook(None if columns is None else tuple(map(str, columns)), bool(found["compact"]))
    except (ValueError, KeyError, TypeError):
        return PLAIN_LOOK
