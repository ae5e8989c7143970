"""What becomes of files that guests have delivered."""

from __future__ import annotations

from dataclasses import replace

from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, FileState
from backoffice.stores.deliveries import RequestGone, give_back
from backoffice.stores.files import NOUN, RedisFiles
from backoffice.stores.records.commit import Commit


class RedisDeliveries(RedisFiles):
    """Files that wait to be accepted (port `DeliveryStore`)."""

    def count_waiting(self, owner: str) -> int:
        return int(self._db.call("ZCARD", self._keys.index(NOUN, "waiting", owner)))

    def accept(self, old: File, folder: str, event: AuditEvent) -> File:
        ready = replace(old, state=FileState.READY, folder=folder, changed_at=event.at)
        return self._claimed(ready, old, event, lambda commit: self.check_number(commit, old.owner))

    def discard(self, old: File, event: AuditEvent) -> File:
        gone = replace(old, state=FileState.GONE, changed_at=event.at)

        def add(commit: Commit) -> None:
            give_back(commit, self._keys, old)

        try:
            return self._change(old, gone, event, makes_room=True, add=add)
        except RequestGone:
            return self._change(old, gone, event, makes_room=True)
