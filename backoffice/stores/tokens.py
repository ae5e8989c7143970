"""API tokens in the store."""

from __future__ import annotations

from backoffice.domain.limits import MAX_TOKENS
from backoffice.domain.tokens import Token
from backoffice.errors import Conflict
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Words
from backoffice.stores.records.store import RedisRecords, note_use

NOUN = "tokens"


class RedisTokens(RedisRecords[Token]):
    """Expired ones stay until they are revoked, so that people see why a script stopped."""

    noun, record = NOUN, Token
    indexes = (
        Sorted("created", lambda token: token.created_at),
        Lexical("name", lambda token: token.name, within=("user",)),
        Words("words", lambda token: token.name, within=("user",)),
        Facet("user", lambda token: (token.user,), lambda token: token.created_at, "created"),
    )

    def touch(self, token: Token, used_at: int) -> None:
        """Note that it was used. Not an act."""
        note_use(self._db, [self._keys.record(NOUN, token.id)], [token.id, "", "used_at", used_at])

    def _inserting(self, commit: Commit, record: Token) -> None:
        """Raises Conflict when the user has too many."""
        error = Conflict(f"A user has at most {MAX_TOKENS} tokens; revoke one first.")
        commit.check("fewer", self._keys.index(NOUN, "user", record.user), MAX_TOKENS, error=error)
