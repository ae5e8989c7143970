"""API tokens in the store."""

from __future__ import annotations

from backoffice.domain.audit import AuditEvent
from backoffice.domain.paging import Page, Query
from backoffice.domain.tokens import Token
from backoffice.errors import Conflict
from backoffice.stores.client import Db
from backoffice.stores.collection import Collection
from backoffice.stores.commit import Commit
from backoffice.stores.indexes import Facet, Lexical, Sorted, Words
from backoffice.stores.keys import Keys
from backoffice.stores.paging import Pager

NOUN = "tokens"
MOST = 100
"""Tokens that one user can have, expired ones included."""


def tokens_collection(db: Db, keys: Keys) -> Collection[Token]:
    """The noun and its indexes."""
    return Collection(
        db,
        keys,
        NOUN,
        Token,
        [
            Sorted("created", lambda token: token.created_at),
            Lexical("name", lambda token: token.name, within=("user",)),
            Words("words", lambda token: token.name, within=("user",)),
            Facet("user", lambda token: (token.user,), lambda token: token.created_at, "created"),
        ],
    )


class RedisTokens:
    """Expired ones stay until they are revoked, so that people see why a script stopped."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self.collection = tokens_collection(db, keys)
        self._pager = Pager(self.collection, "created")

    def get(self, token_id: str) -> Token | None:
        return self.collection.get(token_id)

    def page(self, query: Query) -> Page[Token]:
        return self._pager.page(query)

    def insert(self, token: Token, event: AuditEvent) -> None:
        """Raises Conflict when the user has too many."""
        commit = Commit(self._keys, event)
        error = Conflict(f"A user has at most {MOST} tokens; revoke one first.")
        commit.check("fewer", self._keys.index(NOUN, "user", token.user), MOST, error=error)
        self.collection.insert(commit, token)
        commit.run(self._db)

    def touch(self, token: Token, used_at: int) -> None:
        """Note that it was used. Not an act."""
        self._db.script("touch", [self._keys.record(NOUN, token.id)], [token.id, "", "used_at", used_at])

    def remove(self, token: Token, event: AuditEvent) -> None:
        """Raises VersionMismatch when it was revoked already."""
        commit = Commit(self._keys, event)
        self.collection.remove(commit, token)
        commit.run(self._db, freeing=True)
