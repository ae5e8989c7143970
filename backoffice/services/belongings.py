"""What is worth nothing without its user, and goes after them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_FOLDER_DEPTH, MAX_FOLDERS, MAX_LIMIT
from backoffice.domain.paging import Query
from backoffice.errors import InUse, NotFound, VersionMismatch
from backoffice.services.folder_ports import FolderStore
from backoffice.services.ports import LinkStore, ShareStore, TokenStore


@dataclass(frozen=True, slots=True)
class Belongings:
    """Tokens, share links, shares and folders of somebody, and what others share with them."""

    tokens: TokenStore
    links: LinkStore
    folders: FolderStore
    shares: ShareStore

    def clear(self, actor: Actor, user_id: str, now: int) -> None:
        """Of a user who was deleted by that actor; nothing opens by them any more, and new ones cannot be made. What
        another request removes at the same moment is recorded there."""
        actor = replace(actor, ground=None)
        for token in self.tokens.page(Query(filters=(("user", user_id),), limit=MAX_LIMIT)).items:
            with suppress(NotFound, VersionMismatch):
                target = ObjectRef("token", token.id, token.name)
                self.tokens.remove(token, AuditEvent(Actions.TOKEN_REVOKE, actor, target, at=now))
        for link in self.links.page(Query(filters=(("owner", user_id),), limit=MAX_LIMIT)).items:
            with suppress(NotFound, VersionMismatch):
                target = ObjectRef("link", link.id, link.name)
                self.links.remove(link, AuditEvent(Actions.LINK_REVOKE, actor, target, at=now))
        self._clear_shares(actor, ("owner", user_id), now)
        self._clear_shares(actor, ("user", user_id), now)
        self._clear_folders(actor, user_id, now)

    def _clear_shares(self, actor: Actor, which: tuple[str, str], now: int) -> None:
        """All of them, however many: each has one owner, and many may share with one person."""
        cursor = ""
        while True:
            page = self.shares.page(Query(sort="created", filters=(which,), limit=MAX_LIMIT, cursor=cursor))
            for share in page.items:
                with suppress(NotFound, VersionMismatch):
                    target = ObjectRef("share", share.id, share.name)
                    self.shares.remove(share, AuditEvent(Actions.SHARE_REVOKE, actor, target, at=now))
            cursor = page.next_cursor
            if not cursor:
                return

    def _clear_folders(self, actor: Actor, user_id: str, now: int) -> None:
        """All of them, in the trash or not. From below, for none goes that has others."""
        found, cursor = dict[str, Folder](), ""
        while True:
            page = self.folders.page(Query(filters=(("all", user_id),), limit=MAX_LIMIT, cursor=cursor))
            found |= {one.id: one for one in page.items}
            cursor = page.next_cursor
            if not cursor or len(found) >= MAX_FOLDERS:
                break

        def depth(folder: Folder) -> int:
            for above in range(2 * MAX_FOLDER_DEPTH):
                if folder.parent not in found:
                    return above
                folder = found[folder.parent]
            return 2 * MAX_FOLDER_DEPTH

        for folder in sorted(found.values(), key=depth, reverse=True):
            with suppress(NotFound, VersionMismatch, InUse):
                target = ObjectRef("folder", folder.id, folder.name)
                self.folders.remove(folder, AuditEvent(Actions.FOLDER_DELETE, actor, target, at=now))
