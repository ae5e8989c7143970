"""Putting right an index of the audit log, and recording that. For `fsck` alone: nothing else ever changes an entry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex

from backoffice.domain.audit import AuditEvent
from backoffice.errors import BackofficeError
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log import log_index
from backoffice.stores.records.commit import KEEP_SECONDS, facets


class LogRepairOp(StrEnum):
    """What `log_repair.lua` does to an index."""

    INSERT = "insert"
    REMOVE = "remove"
    SORT = "sort"


@dataclass(frozen=True, slots=True)
class LogRepair:
    """A repair of some indexes of the log. `entry_id`: the entry that is inserted or removed."""

    op: LogRepairOp
    indexes: tuple[bytes, ...]
    entry_id: str = ""

    def run(self, db: Db, keys: Keys, event: AuditEvent, *, error: BackofficeError) -> str:
        """Carry it out together with the event that records it; the event's id.

        Raises `error` when the entry to insert has left the log meanwhile: then nothing happens.
        """
        named_by = [keys.audit_index(facet, value) for facet, value in facets(event)]
        where = [keys.request(token_hex(16)), keys.audit, *self.indexes, *named_by]
        args = [self.op.value, self.entry_id, len(self.indexes), event.canonical(), KEEP_SECONDS, log_index.MOST_BYTES]
        status, *last = db.script("log_repair", where, args)
        if status != b"done":
            raise error
        text: str = last[0].decode()
        return text
