"""What guests have delivered by a request for files, for its owner: looking at it, accepting, refusing. Until a file is
accepted these are its only doors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileState
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.services.authorization import authorize
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.delivery_ports import DeliveryStore
from backoffice.services.file_changes import expect_version
from backoffice.services.file_reading import FileReader, OpenedFile, file_ref
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import LinkStore
from backoffice.services.records import again

AT_ONCE: Final = 100
"""Files that are accepted together: well below a second."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """For the owner of a request; holders of `files.all:…` see and refuse what waits for somebody, too."""

    files: DeliveryStore
    links: LinkStore
    chunks: ChunkStore
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def page(self, actor: Actor, link_id: str, query: Query, *, waiting: bool = False) -> Page[File]:
        """What came by one request, the newest first or last, also when the request is gone; `waiting`: only what is
        not accepted yet. Raises NotFound."""
        owner = self._owner(link_id)
        authorize(self.audit, actor, Acts.DELIVERY_READ, owner or actor.owner, ObjectRef("link", link_id))
        if not owner:
            raise NotFound
        filters = (("request", link_id), *((("waiting", owner),) if waiting else ()))
        return self.files.page(replace(query, sort="delivered", filters=filters))

    def all_waiting(self, actor: Actor, query: Query) -> Page[File]:
        """All that waits for the actor, by whatever request it came."""
        authorize(self.audit, actor, Acts.DELIVERY_READ, actor.id)
        return self.files.page(replace(query, sort="delivered", filters=(("waiting", actor.id),)))

    def count_waiting(self, actor: Actor) -> int:
        """How many files wait for the actor, 0 where that is not for them to know. One round trip."""
        return self.files.count_waiting(actor.id) if decide_act(actor, Acts.DELIVERY_READ, actor.id).allowed else 0

    def waiting_for(self, actor: Actor, query: Query) -> Page[File]:
        """All that waits for somebody, whom the filter `owner` names; there is no other. Raises Invalid, and NotFound
        for a stranger."""
        owners = [value for name, value in query.filters if name == "owner"]
        if len(owners) != 1 or len(query.filters) > 1 or query.ranges or query.search:
            raise Invalid("What waits to be accepted is that of one owner.", field="filter")
        authorize(self.audit, actor, Acts.DELIVERY_READ, owners[0])
        return self.files.page(replace(query, sort="delivered", filters=(("waiting", owners[0]),)))

    def get(self, actor: Actor, file_id: str) -> File:
        """One that waits. Raises NotFound."""
        return self._reach(actor, file_id, Acts.DELIVERY_READ)

    def open(self, actor: Actor, file_id: str) -> OpenedFile:
        """Its bytes; in the log this is a download. Raises NotFound."""
        file, packed_map = self.files.get_with_map(file_id) if is_id(file_id) else (None, b"")
        reader = FileReader(self.files, self.chunks, self.audit, self.now)
        return reader.open(actor, self._authorized(actor, file, Acts.DELIVERY_READ), packed_map)

    def accept(self, actor: Actor, file_id: str, version: int | None = None) -> File:
        """A file like any other from now on, in the folder of its request (where that is gone: at the top) under a name
        that is free there. Raises NotFound, Conflict (it is accepted already), VersionMismatch, QuotaExceeded (too many
        files)."""

        def change() -> File:
            old = self._reach(actor, file_id, Acts.FILE_ACCEPT)
            expect_version(old, version)
            link = self.links.get(old.request)
            folder = link.folder if link is not None and link.owner == old.owner else ""
            return self.files.accept(old, folder, self._event(Actions.FILE_ACCEPT, actor, old))

        return again(version, change)

    def accept_all(self, actor: Actor, link_id: str) -> tuple[int, int]:
        """All that waits in a request, the oldest first: how many were accepted, and how many still wait. Raises as
        `accept` does, where none could be."""
        page = self.page(actor, link_id, Query(limit=AT_ONCE), waiting=True)
        done = 0
        for file in page.items:
            try:
                with suppress(NotFound):  # withdrawn at this moment
                    self.accept(actor, file.id)
                    done += 1
            except Conflict:
                if not done:
                    raise
                break
        return done, page.total - done

    def refuse(self, actor: Actor, file_id: str, version: int | None = None) -> None:
        """Gone for good, and no more counted in its request; bytes and quota are free when this returns. Raises
        NotFound, Conflict (it is accepted already), VersionMismatch."""
        self.discard(actor, file_id, Acts.FILE_REFUSE, Actions.FILE_REFUSE, version)

    def discard(self, actor: Actor, file_id: str, act: Act, action: Action, version: int | None = None) -> None:
        """The same, as another act."""

        def change() -> File:
            old = self._reach(actor, file_id, act)
            expect_version(old, version)
            return self.files.discard(old, self._event(action, actor, old))

        gone = again(version, change)
        self.chunks.delete(gone.id, gone.total_chunks)
        self.files.forget(gone)

    def _owner(self, link_id: str) -> str:
        """Whose request it is, or was; "" where there is no trace of it."""
        link = self.links.get(link_id) if is_id(link_id) else None
        if link is not None:
            return link.owner
        left = (
            self.files.page(Query(sort="delivered", filters=(("request", link_id),), limit=1))
            if is_id(link_id)
            else None
        )
        return left.items[0].owner if left is not None and left.items else ""

    def _event(self, action: Action, actor: Actor, file: File) -> AuditEvent:
        data = {"link": file.request, "size": file.size}
        return AuditEvent(action, actor, file_ref(file), data=data, at=self.now())

    def _reach(self, actor: Actor, file_id: str, act: Act) -> File:
        file = self.files.get(file_id) if is_id(file_id) else None
        return self._authorized(actor, file, act)

    def _authorized(self, actor: Actor, file: File | None, act: Act) -> File:
        if file is None or not file.request or file.state is FileState.GONE:
            raise NotFound
        authorize(self.audit, actor, act, file.owner, file_ref(file))
        if file.state is not FileState.WAITING:
            raise Conflict("This is accepted already: it is a file like any other.")
        return file
