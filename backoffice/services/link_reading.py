"""What strangers do with a share link that is open: they look, begin a download, which is counted, and read.

Whoever opens the link of a folder may have what lies in it at that moment, and nothing else: of each file it is asked
whether it still lies there (`folder_within.py`), when its download begins, when its bytes are read, and while they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.limits import LINK_LOOK_SECONDS
from backoffice.domain.link_texts import as_text, may_be_text
from backoffice.domain.links import Link, LinkKind, LinkState, Shared, SharedPlace
from backoffice.domain.paging import Query
from backoffice.errors import Invalid, NotFound, VersionMismatch
from backoffice.services.file_reading import FileReader, OpenedFile
from backoffice.services.folder_within import Within
from backoffice.services.link_opening import NOT_OPEN, Found, LinkOpening
from backoffice.services.link_zips import LinkZips
from backoffice.services.zips import OpenedZip, Zips

ATTEMPTS: Final = 5
Proof = Callable[[Link], bool]
"""Whether the caller knows that the visitor gave the password that the link has now."""
Begun = Callable[[Link, str], bool]
"""Whether the caller knows that the visitor has begun a download by this link, as it is now, of this content
(`File.content_id`, "" = of an archive)."""


class NotBegun(Exception):
    """Who asks has begun no download of what is there now: no answer to anybody, but for the page to lead them back."""


def no_proof(_link: Link) -> bool:
    """The password has to come with the request."""
    return False


def has_begun(_link: Link, _content: str) -> bool:
    """The caller knows it anyhow."""
    return True


def never_begun(_link: Link, _content: str) -> bool:
    """Nobody has."""
    return False


@dataclass(frozen=True, kw_only=True)
class LinkReading(LinkOpening):
    """The part of `Links` that strangers meet."""

    zips: Zips

    def look(self, visitor: Actor, token: str, *, begun: Begun = never_begun) -> Shared:
        """What a link leads to, for whoever opens its address; in the log once in a while. Nothing changes. One that is
        used up is open to somebody who has `begun` a download of it.

        Raises NotFound (recorded) for every link that is not open, whatever the reason; TooMany after many of these.
        """
        found, _ = self._open_to(visitor, token, begun)
        self._note_look(visitor, found.link)
        return self._shared(found)

    def enter(self, visitor: Actor, token: str, password: str) -> Shared:
        """What it leads to, for who has its password. Raises as `look` does; BadCredentials for a wrong one
        (recorded); TooMany after many of these."""
        found = self._open(visitor, token)
        if found.link.password:
            self._check_password(visitor, found.link, password)
        return self._shared(found)

    def place(self, shared: Shared, folder_id: str, first: int, rows: int) -> SharedPlace:
        """What lies in the folder that was opened, or in one within it ("": itself), by name. Raises NotFound: there is
        no such folder in it."""
        root = _shown(shared.link, shared.object)
        if root is None:
            raise NotFound(NOT_OPEN)
        here = folder_id or root.id
        try:
            folders = self.folders.page_in(root.owner, here, Query(sort="name", limit=rows, offset=first))
            room = rows - len(folders.items)
            asked = Query(sort="name", limit=max(room, 1), offset=max(0, first - folders.total))
            files = self.files.page_in(root.owner, here, asked)
        except Invalid:
            raise NotFound from None
        # Asked after the list was read: what came into a folder that was moved out before is not shown.
        way = Within(self.folders, root.id, root.owner).way(here)
        if not way:
            raise NotFound
        return SharedPlace(way, folders.items, files.items[:room], first, folders.total + files.total)

    def begin(
        self, visitor: Actor, token: str, password: str = "", *, file: str = "", proved: Proof = no_proof
    ) -> Shared:
        """Count a download that begins now: of the file, or of one (`file`) that lies in the folder, or of all that
        does, as one archive. Raises as `enter` does; TooMany also when the owner's links were used too often today;
        Invalid: too much for one archive."""
        checked = ""
        for _ in range(ATTEMPTS):
            found = self._open(visitor, token)
            if found.link.password not in ("", checked) and not proved(found.link):
                self._check_password(visitor, found.link, password)
                checked = found.link.password
            try:
                content = self._use(visitor, token, found, file)
            except VersionMismatch:
                continue
            return replace(self._shared(found), content=content)
        raise VersionMismatch

    def open(self, visitor: Actor, token: str, file: str = "", *, begun: Begun = has_begun) -> OpenedFile:
        """The file, or one that lies in the folder, for somebody whose download of it has begun: nothing is counted.
        Raises as `look` does, NotBegun. While it is read the link is looked at again, and who reads is cut
        off where it is not open any more, or the file does not lie there."""
        found = self._open(visitor, token, begun=True)
        wanted, packed_map = self._file(visitor, found, file)
        if not begun(found.link, wanted.content_id):
            raise NotBegun
        actor = self._grounded(visitor, token, found, lambda again: self._file(visitor, again, file))
        return FileReader(self.files, self.chunks, self.audit, self.now).go_on(actor, wanted, packed_map)

    def text(self, visitor: Actor, token: str, *, begun: Begun) -> str | None:
        """The file as a text, to be shown by the page of the link; None where it is none, or may not be read yet: of a
        link with a password or a number of downloads only one who has `begun` a download reads anything. Nothing is
        counted. Raises as `look` does; IntegrityError (ChunkLost)."""
        found, known = self._open_to(visitor, token, begun)
        if not isinstance(found.object, File) or not may_be_text(found.object) or not (known or found.link.free):
            return None
        if not known:
            self._note_look(visitor, found.link)
        actor = self._grounded(visitor, token, found, lambda _: None)
        reader = FileReader(self.files, self.chunks, self.audit, self.now)
        return as_text(b"".join(reader.go_on(actor, found.object, found.packed_map).read()))

    def open_zip(self, visitor: Actor, token: str, *, begun: Begun = has_begun) -> OpenedZip:
        """All that lies in the folder, likewise. Raises also Invalid: too much for one archive."""
        found = self._open(visitor, token, begun=True)
        if not begun(found.link, ""):
            raise NotBegun
        zips = self._zips(found)
        actor = self._grounded(visitor, token, found, lambda _: zips.files.still())
        return zips.open_all(actor)

    # -- parts

    def _open_to(self, visitor: Actor, token: str, begun: Begun) -> tuple[Found, bool]:
        """The link, and whether this visitor has begun a download by it: only then one that is used up is open."""
        found = self._open(visitor, token, begun=True)
        known = begun(found.link, found.object.content_id if isinstance(found.object, File) else "")
        if found.standing.state is LinkState.USED_UP and not known:
            raise self._refusal(visitor, "used up", found.link)
        return found, known

    def _note_look(self, visitor: Actor, link: Link) -> None:
        event = AuditEvent(Actions.LINK_OPEN, visitor, self.ref(link), at=self.now())
        self.audit.record(event, f"link.open {link.id}", LINK_LOOK_SECONDS)

    def _use(self, visitor: Actor, token: str, found: Found, file: str) -> str:
        """Which content it was of, "" = an archive."""
        data: dict[str, Any]
        content = ""
        if _shown(found.link, found.object) is not None and not file:
            data = {"folder": found.link.folder, "size": self._zips(found).open_all(visitor).file.size}
        else:
            wanted, _ = self._file(visitor, found, file)
            content = wanted.content_id
            data = {"file": wanted.id, "size": wanted.size} | ({"name": wanted.name} if file else {})
        actor = self._grounded(visitor, token, found, lambda again: file and self._file(visitor, again, file))
        event = AuditEvent(Actions.LINK_DOWNLOAD, actor, self.ref(found.link), data=data, at=self.now())
        try:
            self.store.use(found.link, event)
        except NotFound:
            raise self._refusal(visitor, "used up", found.link) from None
        return content

    def _file(self, visitor: Actor, found: Found, file: str) -> tuple[File, bytes]:
        """That of the link, or the one in its folder, with its chunk map. Raises NotFound (recorded)."""
        if isinstance(found.object, File) and not file:
            return found.object, found.packed_map
        root = _shown(found.link, found.object)
        if root is not None and is_id(file):
            wanted, packed_map = self.files.get_with_map(file)
            if wanted is not None and Within(self.folders, root.id, root.owner).holds(wanted):
                return wanted, packed_map
        raise self._refusal(visitor, "not in the folder", found.link)

    def _zips(self, found: Found) -> LinkZips:
        root = _shown(found.link, found.object)
        if root is None:
            raise NotFound(NOT_OPEN)
        return LinkZips.of(self.zips, root, Within(self.folders, root.id, root.owner))


def _shown(link: Link, what: File | Folder | None) -> Folder | None:
    """The folder whose contents a link shows: of a request nobody sees what is there."""
    return what if link.kind is LinkKind.FOLDER and isinstance(what, Folder) else None
