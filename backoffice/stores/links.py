"""Share links in the store."""

from __future__ import annotations

from backoffice.domain.audit import AuditEvent
from backoffice.domain.limits import MAX_LINK_USES, MAX_LINKS
from backoffice.domain.links import LINKS, Link
from backoffice.errors import Conflict, NotFound, TooMany, VersionMismatch
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import DAY_MS, DAY_SECONDS, Commit
from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Words
from backoffice.stores.records.store import RedisRecords

NOUN = "links"


class RedisLinks(RedisRecords[Link]):
    """Those that have expired, are used up or closed stay until they are revoked: people see why they stopped."""

    noun, record = NOUN, Link
    indexes = (
        Sorted("created", lambda link: link.created_at),
        Sorted("expires", lambda link: link.expires_at, within=("owner",)),
        Lexical("name", lambda link: link.name, within=("owner",)),
        Words("words", lambda link: link.name, within=("owner",)),
        Facet("owner", lambda link: (link.owner,), lambda link: link.created_at, "created"),
        Facet("kind", lambda link: (link.kind,), lambda link: link.created_at, "created"),
        Facet("file", lambda link: (link.file,) if link.file else (), lambda link: link.created_at, "created"),
        Facet("folder", lambda link: (link.folder,) if link.folder else (), lambda link: link.created_at, "created"),
    )

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(db, keys)
        self._bounds = bounds

    def use(self, link: Link, event: AuditEvent) -> None:
        """Count a download that begins, if the link is as it was read and has one left: however many begin at the same
        moment, no more than its number do.

        Raises NotFound when it is used up, VersionMismatch when it was changed or revoked, TooMany when its owner's
        links have been used too often in this day.
        """
        commit, record = self._commit(event), self._keys.record(NOUN, link.id)
        commit.check("equal", record, "version", link.version, error=VersionMismatch())
        if link.max_downloads:
            commit.check("below", record, "downloads", link.max_downloads, error=NotFound())
        wait = -(-(DAY_MS - event.at % DAY_MS) // 1000)
        spent = TooMany("This link was used too often today.", retry_after=wait)
        day = self._keys.daily("links", link.owner, event.at // DAY_MS)
        commit.check("spend", day, 1, MAX_LINK_USES, DAY_SECONDS, error=spent)
        commit.write("HINCRBY", record, "downloads", 1)
        commit.write("HSET", record, "last_used_at", event.at)
        commit.run(self._db, when_full=True)

    def _commit(self, event: AuditEvent) -> Commit:
        """Links come and go as often as somebody likes, and the log keeps that: it counts against the day's acts."""
        commit = super()._commit(event)
        if event.action != LINKS.delete:  # what makes room is never refused
            commit.charge("acts", event, self._bounds.acts)
        return commit

    def _inserting(self, commit: Commit, record: Link) -> None:
        """Raises Conflict when the owner has too many."""
        error = Conflict(f"A user has at most {MAX_LINKS} share links; revoke one first.")
        commit.check("fewer", self._keys.index(NOUN, "owner", record.owner), MAX_LINKS, error=error)
