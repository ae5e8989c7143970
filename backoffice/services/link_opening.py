"""Opening share links: whether one is worth anything, asked anew each time that it is opened; what strangers then do is
in `link_reading.py`.

A link is worth something only while its owner may still share the file: the same table of acts is asked, of the account
as it is now, each time that the link is opened. What has barred it once does not open it again by going away: whoever
opens a link that is barred closes it for good, and a file that came back, or an owner who was enabled again, leaves
the links of the time before shut, until an operator opens one again.

What roles and the site demand of links (`domain/link_rules.py`) is asked each time, too, and closes none: it is a rule
of operators, and a link that meets it again, because its owner gave it a password or the rule is another, is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import NO_OBJECT, AuditEvent, ObjectRef
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.link_rules import PLAIN, LinkPolicy, LinkRule
from backoffice.domain.links import LINKS, Link, LinkKind, LinkState, Shared, Standing, split_link_token
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.domain.versions import Version
from backoffice.errors import BadCredentials, NotFound, TooMany, VersionMismatch
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore
from backoffice.services.folder_ports import FolderStore
from backoffice.services.ground import CredentialGround
from backoffice.services.link_objects import LinkObject, LinkObjects, is_there
from backoffice.services.ports import AccountStore, LinkStore, Throttle
from backoffice.services.records import Records
from backoffice.services.sharing import REQUESTING, SHARING, bar_of_owner, break_since
from backoffice.services.sign_in.passwords import Passwords
from backoffice.services.sign_in.refusals import fingerprint, record_refusal
from backoffice.services.sign_in.throttle import address_ways, consume, link_ways

NOT_OPEN: Final = "This link is not open (any more)."
WORKER: Final = system_actor("worker", "system")
NOBODY: Final = "0" * 22
"""No record has this identifier: read where there is no link, so that it takes as long as one that is closed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A link as it is now, with all that it hangs on, and how it stands. `packed_map`: of a file."""

    link: Link
    object: LinkObject | None
    packed_map: bytes
    user: User | None
    versions: Sequence[Version]
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class LinkOpening(Records[Link]):
    """Finds a link by what stands in its address, and judges it."""

    noun = LINKS
    store: LinkStore
    accounts: AccountStore
    files: FileStore
    folders: FolderStore
    chunks: ChunkStore
    throttle: Throttle
    passwords: Passwords
    policy: AccountPolicy = OPEN_END
    link_policy: LinkPolicy = PLAIN

    def _open(self, visitor: Actor, token: str, *, begun: bool = False, request: bool = False) -> Found:
        """The link as it is now, if it is open. `begun`: one that is used up is, too. `request`: one by which files are
        requested, and no other; else no such one."""
        parts = split_link_token(token)
        link = self.store.get(parts[0] if parts is not None else NOBODY)
        known = link is not None and parts is not None and link.matches(parts[1])
        found = self._read(link if known else None)
        if found is None or parts is None or (found.link.kind is LinkKind.REQUEST) is not request:
            raise self._refusal(visitor, "unknown or revoked link", None, token)
        state, because = found.standing.state, found.standing.because
        if state is LinkState.OPEN or (begun and state is LinkState.USED_UP):
            return found
        if state is LinkState.BLOCKED:
            self._close_if_still(found)
        raise self._refusal(visitor, because or str(state).replace("_", " "), found.link)

    def _read(self, link: Link | None) -> Found | None:
        """All that a link hangs on. Where there is none as much is read."""
        user, roles, versions = self.accounts.load_with_versions(link.owner if link is not None else NOBODY)
        found, packed_map = self._object(link)
        if link is None:
            return None
        standing = self.standing(link, user, roles, found, self.objects.stays([found]))
        return Found(link, found, packed_map, user, versions, standing)

    def _object(self, link: Link | None) -> tuple[LinkObject | None, bytes]:
        """What the link leads to, and the chunk map of a file."""
        if link is None or link.object_type == "file":
            return self.files.get_with_map(link.file if link is not None else NOBODY)
        return self.folders.get(link.folder), b""

    @property
    def objects(self) -> LinkObjects:
        return LinkObjects(self.files, self.folders)

    def standing(
        self,
        link: Link,
        user: User | None,
        roles: Mapping[str, Role],
        found: LinkObject | None,
        stays: Mapping[str, int | None],
    ) -> Standing:
        """How it stands with its owner, the roles and its object as they are here. `stays` as `LinkObjects` has it."""
        bar = self._bar(link, user, roles, found, stays)
        return link.standing(self.now(), self._rule_of(user, roles), bar)

    def _rule_of(self, user: User | None, roles: Mapping[str, Role]) -> LinkRule:
        return self.link_policy.rule(user.roles if user is not None else (), roles)

    def _bar(
        self,
        link: Link,
        user: User | None,
        roles: Mapping[str, Role],
        found: LinkObject | None,
        stays: Mapping[str, int | None],
    ) -> str:
        """What the owner or the object has against the link, "" = nothing. `stays` as `LinkObjects` has it."""
        if user is None:
            return "its owner is not active"
        since = stays[found.id] if found is not None else None
        if found is None or not is_there(found) or since is None:
            return f"its {link.object_type} is not there"
        right = REQUESTING if link.kind is LinkKind.REQUEST else SHARING
        bar = bar_of_owner(user, roles, self.policy, self.now(), found.owner, right)
        if not bar and link.since < since:
            bar = f"its {link.object_type} was away meanwhile"
        return bar or break_since(user, roles, link.since, right)

    def _close_if_still(self, found: Found) -> None:
        """What a link leads to and the folders above are read one after the other: who moves one of them at that moment
        makes it look as if it were not there. So all is read once more before the link is closed."""
        again = self._read(found.link)
        if again is not None and again.standing.state is LinkState.BLOCKED:
            self._close(again.link, again.standing.because)

    def _close(self, link: Link, because: str) -> None:
        """For good: what barred it may go away, and nobody decided then that strangers may have the file again."""
        now = self.now()
        closed = replace(link, closed_at=now, closed_because=because, updated_at=now, version=link.version + 1)
        event = AuditEvent(Actions.LINK_CLOSE, WORKER, self.ref(link), data={"because": because}, at=now)
        with suppress(VersionMismatch):  # by another request, or it was revoked
            self.store.replace(link, closed, event)

    def _grounded(self, visitor: Actor, token: str, found: Found, still: Callable[[Found], object]) -> Actor:
        """The visitor, whose right rests on the link being open while this lasts, and on what `still` asks of it: it
        raises NotFound."""

        def read() -> tuple[Actor, Sequence[Version]]:
            again = self._open(visitor, token, begun=True)
            still(again)
            return visitor, again.versions

        return replace(visitor, ground=CredentialGround(found.versions, read, lambda _: False))

    def _check_password(self, visitor: Actor, link: Link, password: str) -> None:
        target = self.ref(link)
        try:
            way = consume(self.throttle, link_ways(link.id, visitor.ip))
        except TooMany:
            self._record(visitor, "too many attempts", target)
            raise
        if not self.passwords.verify(link.password, password):
            self._record(visitor, "wrong password", target)
            raise BadCredentials("This is not the password of the link.", field="password")
        self.throttle.succeed(way)

    def _refusal(self, visitor: Actor, because: str, link: Link | None, token: str = "") -> NotFound:
        """Recorded and counted. Raises TooMany after many of them."""
        self._record(visitor, because, self.ref(link) if link is not None else NO_OBJECT, token)
        consume(self.throttle, address_ways(visitor.ip))
        return NotFound(NOT_OPEN)

    def _record(self, visitor: Actor, because: str, target: ObjectRef, token: str = "") -> None:
        stranger = Actor("", "", via=visitor.via, ip=visitor.ip, agent=visitor.agent, request_id=visitor.request_id)
        record_refusal(
            self.audit,
            stranger,
            because,
            at=self.now(),
            target=target,
            action=Actions.LINK_REFUSE,
            data=fingerprint(token),
        )

    def _shared(self, found: Found) -> Shared:
        if found.object is None or found.user is None:
            raise NotFound(NOT_OPEN)
        return Shared(replace(found.link, expires_at=found.standing.ends_at), found.object, found.user.username)
