"""The log in files: exporting it, sealing what was exported, and trimming what is sealed.

Exporting takes a right and is recorded before a byte of it leaves. Sealing and trimming are done by an operator in the
shell, with the file at hand: there is no other way by which an entry leaves the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEntry, AuditEvent
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.log_archive import (
    Archived,
    Extent,
    Measure,
    Seal,
    Trimmed,
    after,
    line_of,
    measure,
    position,
    since_bound,
    unmatched,
    until_bound,
)
from backoffice.domain.log_query import LogQuery
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, IntegrityError, Invalid
from backoffice.services.audit import check_query
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog, LogArchive
from backoffice.services.log_search import matching

MOST_FOUND: Final = 100_000
"""Entries of a list that are taken along at once."""
CONFIRMED: Final = 500
"""Entries after which it is asked whether the one who takes them still may."""
CHANGED: Final = "The log is not what it was a moment ago; it was trimmed, or changed by other means."


def _untold(_done: int) -> None:
    """For who does not want to be told how far it is."""


@dataclass(frozen=True, slots=True)
class Export:
    """Entries of the log that may be taken, which is recorded already. `extent` is None where there are none; `size` is
    the bytes of all lines; `following` the id to go on from, "" = that was all; `trimmed` what the log has no more."""

    extent: Extent | None
    size: int
    following: str
    trimmed: Trimmed | None
    lines: Callable[[str], Iterator[bytes]]
    """The lines in some pieces, from behind an entry on ("" = all). Raises IntegrityError where all are asked for and
    are not what was recorded, NotAllowed when the right is taken away meanwhile."""


@dataclass(frozen=True, slots=True)
class FoundExport:
    """How many entries were found, and these. Taking them raises IntegrityError at the end where they are not what was
    recorded, NotAllowed when the right is taken away meanwhile."""

    count: int
    entries: Callable[[], Iterator[AuditEntry]]


@dataclass(frozen=True, slots=True)
class Archive:
    """Exports, seals and the trimming of the log."""

    store: LogArchive
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def export(self, actor: Actor, *, since: str = "", until: str = "", most: int | None = None) -> Export:
        """The entries from `since` to `until`, each the id of an entry (included) or a time (`until`: before it); ""
        for everything. At most `most` of them. Reads them once to know what is recorded; constant memory.

        Raises NotAllowed and Invalid.
        """
        authorize(self.audit, actor, Acts.AUDIT_EXPORT)
        first, last = since_bound(since), until_bound(until)
        found, following = Measure(), ""
        for entry in self._entries(first, last):
            if found.entries == most:
                following = entry.id
                break
            found.add(entry.id, line_of(entry))
        extent = found.extent if found.entries else None
        asked = {name: text for name, text in (("since", since), ("until", until)) if text}
        of = {"from": extent.first, "to": extent.last, "sha256": extent.sha256} if extent else {}
        event = AuditEvent(
            Actions.AUDIT_EXPORT, actor, data={**of, "entries": found.entries, "asked": asked}, at=self.now()
        )
        self.audit.record(event)
        trimmed = self.audit.trimmed()
        return Export(extent, found.size, following, trimmed, lambda behind: self._lines(actor, extent, behind))

    def export_found(self, actor: Actor, query: LogQuery, form: str) -> FoundExport:
        """What a list of the log shows, all pages of it, newest first; what was asked for and the `form` of the file
        are in the event. Looks through it once to know what is recorded; constant memory.

        Raises NotAllowed, and Invalid for what cannot be asked for, and where it is more than `MOST_FOUND`.
        """
        authorize(self.audit, actor, Acts.AUDIT_EXPORT)
        check_query(query)
        found = Measure()
        for entry in matching(self.audit, query):
            if found.entries == MOST_FOUND:
                raise Invalid(
                    f"These are more than {MOST_FOUND:,} entries: ask for less time, or take a file in the shell."
                )
            found.add(entry.id, line_of(entry))
        extent = found.extent if found.entries else None
        of = {"from": extent.last, "to": extent.first, "sha256": extent.sha256} if extent else {}
        data = {**of, "entries": found.entries, "asked": query.as_data(), "form": form}
        self.audit.record(AuditEvent(Actions.AUDIT_EXPORT, actor, data=data, at=self.now()))
        return FoundExport(found.entries, lambda: self._found(actor, query, extent))

    def unsealed(self, actor: Actor) -> str:
        """The id from which on nothing is sealed, "" = nothing is at all."""
        seals = self.state(actor).seals
        return after(seals[-1].extent.last) if seals else ""

    def state(self, actor: Actor) -> Archived:
        """What was sealed and trimmed. Raises NotAllowed."""
        authorize(self.audit, actor, Acts.AUDIT_READ)
        return self.store.state()

    def seal(self, actor: Actor, lines: Iterable[bytes]) -> Seal:
        """Record the digest of a file of the log that begins where the last seal ends (the first one: where the log
        begins). The file is compared with the log. Lines have their line ends.

        Raises NotAllowed, Invalid for what is no such file, Conflict where it begins elsewhere, IntegrityError where
        the log says something else.
        """
        authorize(self.audit, actor, Acts.AUDIT_SEAL)
        extent = measure(lines)
        seals = self.store.state().seals
        last = seals[-1] if seals else None
        there = self._measured(after(last.extent.last) if last else "", extent.last)
        if there is None or position(there.first) > position(extent.first):
            raise Conflict("Its first entries are sealed already, or have left the log.")
        if there.first != extent.first:
            raise Conflict(f"A seal leaves nothing out: the next one begins with entry {there.first}.")
        if there != extent:
            raise IntegrityError("The file is not what the log says.")
        seal = Seal.after(last, extent, self.now())
        self.store.add_seal(seal, AuditEvent(Actions.AUDIT_SEAL, actor, data=seal.as_data(), at=seal.at))
        return seal

    def trim(self, actor: Actor, lines: Iterable[bytes], *, on_progress: Callable[[int], None] = _untold) -> Seal:
        """Take the entries of a sealed file out of the log, once it is certain that the file has them. Repeated, it
        carries out what was interrupted.

        Raises NotAllowed, Invalid for what is no such file, Conflict where it is not sealed, or the seal before it is
        not trimmed yet.
        """
        authorize(self.audit, actor, Acts.AUDIT_TRIM)
        seal = self._seal_of(measure(lines))
        self.store.finish_trim(on_progress)
        before = self.store.state().trimmed
        done = before.number if before else 0
        if seal.number > done + 1:
            raise Conflict(f"What comes before leaves first: trim the file of seal {done + 1}.")
        if seal.number == done + 1:
            entries = seal.extent.entries + (before.entries if before else 0)
            now = Trimmed(seal.number, seal.extent.last, entries, seal.extent.sha256, seal.chain, self.now())
            event = AuditEvent(Actions.AUDIT_TRIM, actor, data=seal.as_data(), at=now.at)
            self.store.begin_trim(before, now, event)
            self.store.finish_trim(on_progress)
        return seal

    def verify(self, actor: Actor, lines: Iterable[bytes]) -> Seal:
        """The seal of a file. Raises Invalid for what is no file of the log, IntegrityError where a seal of these
        entries has another digest, Conflict where there is none."""
        authorize(self.audit, actor, Acts.AUDIT_READ)
        return self._seal_of(measure(lines))

    def verify_chain(self, actor: Actor) -> tuple[Seal, ...]:
        """All seals. Raises IntegrityError where one does not go on from the one before, or is not what the log says
        of it."""
        seals = self.state(actor).seals
        wrong = unmatched(seals, (entry.event for entry in self._sealings()))
        if wrong:
            raise IntegrityError(wrong)
        return seals

    def verify_seals(self, actor: Actor) -> int:
        """All that is sealed and still there is what its seal says, and the seals go on from each other; how many.
        Raises IntegrityError."""
        seals = self.verify_chain(actor)
        trimmed = self.store.state().trimmed
        for seal in seals:
            gone = trimmed is not None and seal.number <= trimmed.number
            if not gone and self._measured(seal.extent.first, seal.extent.last) != seal.extent:
                raise IntegrityError(f"The entries of seal {seal.number} are not what was sealed.")
        return len(seals)

    def _seal_of(self, extent: Extent) -> Seal:
        for seal in self.store.state().seals:
            if seal.extent == extent:
                return seal
            if (seal.extent.first, seal.extent.last) == (extent.first, extent.last):
                raise IntegrityError(f"The file is not what seal {seal.number} was made of.")
        raise Conflict("No seal is of exactly these entries.")

    def _sealings(self) -> Iterator[AuditEntry]:
        """The log's own entries of seals."""
        cursor, more = "", True
        while more:
            page = self.audit.page((("action", str(Actions.AUDIT_SEAL)),), cursor, MAX_LIMIT)
            yield from page.items
            cursor = page.next_cursor
            more = bool(cursor)

    def _entries(self, first: str, last: str) -> Iterator[AuditEntry]:
        if first and last and position(first) > position(last):
            return
        for entries in self.store.read(first, last):
            yield from entries

    def _measured(self, first: str, last: str) -> Extent | None:
        found = Measure()
        for entry in self._entries(first, last):
            found.add(entry.id, line_of(entry))
        return found.extent if found.entries else None

    def _found(self, actor: Actor, query: LogQuery, extent: Extent | None) -> Iterator[AuditEntry]:
        if extent is None:
            return
        found = Measure()
        # From where it began, for the log goes on: the event of this export is in it, too.
        for entry in matching(self.audit, replace(query, cursor=after(extent.first))):
            found.add(entry.id, line_of(entry))
            yield entry
            if actor.ground is not None and found.entries % CONFIRMED == 0:
                actor.ground.confirm()
        if found.extent != extent:
            raise IntegrityError(CHANGED)

    def _lines(self, actor: Actor, extent: Extent | None, behind: str) -> Iterator[bytes]:
        if extent is None or behind == extent.last:
            return
        found = Measure()
        for entries in self.store.read(after(behind) if behind else extent.first, extent.last):
            piece = [line_of(entry) for entry in entries]
            for entry, line in zip(entries, piece, strict=True):
                found.add(entry.id, line)
            yield b"".join(piece)
            if actor.ground is not None:
                actor.ground.confirm()
        if not behind and found.extent != extent:
            raise IntegrityError(CHANGED)
