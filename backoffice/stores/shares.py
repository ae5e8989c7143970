"""Shares in the store."""

from __future__ import annotations

from backoffice.domain.audit import AuditEvent
from backoffice.domain.limits import MAX_SHARES
from backoffice.domain.shares import SHARES, Grantee, Share
from backoffice.errors import Conflict
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Unique, Words
from backoffice.stores.records.store import RedisRecords

NOUN = "shares"
SHARED_ALREADY = "This is shared with them already: change that share."


def _grant(share: Share) -> str:
    return f"{share.object} {share.to}:{share.grantee}"


def _with(share: Share, to: Grantee) -> tuple[str, ...]:
    return (share.grantee,) if share.to is to else ()


class RedisShares(RedisRecords[Share]):
    """Port `ShareStore`. Those that are closed stay until they are revoked: people see why they stopped."""

    noun, record = NOUN, Share
    indexes = (
        Unique("grant", _grant, field="share", taken=SHARED_ALREADY),
        Sorted("created", lambda share: share.created_at),
        Lexical("name", lambda share: share.name, within=("owner",)),
        Words("words", lambda share: f"{share.name} {share.grantee_name}", within=("owner",)),
        Facet("owner", lambda share: (share.owner,), lambda share: share.created_at, "created"),
        Facet("object", lambda share: (share.object,), lambda share: share.created_at, "created"),
        Facet("user", lambda share: _with(share, Grantee.USER), lambda share: share.created_at, "created"),
        Facet("role", lambda share: _with(share, Grantee.ROLE), lambda share: share.created_at, "created"),
        Facet("kind", lambda share: (share.kind,), lambda share: share.created_at, "created"),
        Facet("access", lambda share: (share.access,), lambda share: share.created_at, "created"),
    )

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(db, keys)
        self._bounds = bounds

    def _commit(self, event: AuditEvent) -> Commit:
        """They come and go as often as somebody likes, and the log keeps that: it counts against the day's acts."""
        commit = super()._commit(event)
        if event.action != SHARES.delete:  # what makes room is never refused
            commit.charge("acts", event, self._bounds.acts)
        return commit

    def _inserting(self, commit: Commit, record: Share) -> None:
        """Raises Conflict when the owner has too many."""
        error = Conflict(f"A user has at most {MAX_SHARES} shares; revoke one first.")
        commit.check("fewer", self._keys.index(NOUN, "owner", record.owner), MAX_SHARES, error=error)
