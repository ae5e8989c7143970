"""Opening shares: what a person may do by one, within what somebody else shares with them.

A share is worth something only while its owner may still share the object: the same table of acts is asked, of the
account as it is now, each time that the share is used; and the person has to be the one with whom it is shared, or to
have the role, at that moment. What has barred it once does not open it again by going away: whoever uses a share that
is barred closes it for good, until its owner shares anew or an operator opens it again.

Whoever comes in gets an actor that holds what the share gives, and nothing else of what the person may do elsewhere; it
acts for the owner (`Actor.acts_for`), and rests on all that was read here (`WithinGround`). A thing is reached where
the folder that is shared is among those above it, by their identifiers, at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.roles import Role
from backoffice.domain.shares import SHARES, Grantee, Share, ShareKind, ShareStanding, ShareState
from backoffice.domain.users import User
from backoffice.domain.versions import Version
from backoffice.errors import NotFound, VersionMismatch
from backoffice.services.authorization import authorize, deny, grants_of
from backoffice.services.file_ports import FileStore
from backoffice.services.folder_ports import FolderStore
from backoffice.services.ground import WithinGround
from backoffice.services.link_objects import is_there
from backoffice.services.ports import AccountStore, ShareStore
from backoffice.services.records import Records
from backoffice.services.sharing import bar_of_owner, break_since

WORKER: Final = system_actor("worker", "system")
OF_SHARE: Final = "share"
"""What the role is called that holds what a share gives."""
Thing = File | Folder


@dataclass(frozen=True, slots=True)
class Within:
    """What is meant within what is shared: `id` "" = that itself."""

    kind: ShareKind = ShareKind.FOLDER
    id: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """What somebody reaches by a share. `guest`: who acts there; `sharer`: the owner's name; `trail`: the folders from
    the one that is shared to the one in which `thing` lies, or that it is; none of a file that is shared by itself.
    `again` reaches it as it is by then, or raises what the refusal is."""

    share: Share
    guest: Actor
    sharer: str
    thing: Thing
    packed_map: bytes
    trail: tuple[Folder, ...]
    again: Callable[[], Reached] = field(compare=False, repr=False)

    @property
    def may_write(self) -> bool:
        """Whether files can be put there."""
        return Permissions.FILES_WRITE in self.guest.permissions

    @property
    def file(self) -> File:
        """Raises NotFound where it is a folder."""
        if not isinstance(self.thing, File):
            raise NotFound
        return self.thing

    @property
    def folder(self) -> Folder:
        """Raises NotFound where it is a file."""
        if not isinstance(self.thing, Folder):
            raise NotFound
        return self.thing


@dataclass(frozen=True, slots=True)
class _Found:
    """A share with all that it hangs on, as it is now. `above`: the folders in which `thing` lies, the nearest first;
    `root`: what is shared, None where `thing` is not within it."""

    user: User | None
    roles: Mapping[str, Role]
    thing: Thing | None
    packed_map: bytes
    above: tuple[Folder, ...]
    root: Thing | None
    versions: Sequence[Version]


@dataclass(frozen=True, kw_only=True)
class ShareOpening(Records[Share]):
    """The part of `Shares` that those meet with whom something is shared."""

    noun = SHARES
    store: ShareStore
    accounts: AccountStore
    files: FileStore
    folders: FolderStore
    policy: AccountPolicy = OPEN_END

    def reach(self, person: Actor, share_id: str, wanted: Within, act: Act = Acts.SHARE_OPEN) -> Reached:
        """What is meant, for who may have it by this share. Raises NotAllowed; NotFound for everything else, recorded
        where there is a share."""
        authorize(self.audit, person, act)
        share = self.store.get(share_id) if is_id(share_id) else None
        if share is None:
            raise NotFound
        if not share.is_for(person):
            deny(self.audit, person, act.takes, self.ref(share), "it is not shared with them", NotFound())
        if wanted.id == share.object and wanted.kind is not share.kind:
            # Nothing is found so, and that bars nothing: whether it is open is judged by what is shared.
            deny(self.audit, person, act.takes, self.ref(share), f"it is a {share.kind}", NotFound())
        found = self._read(share, wanted)
        if self._is_within(share, found, wanted) and self._standing(share, found).state is ShareState.BLOCKED:
            self._close_if_barred(person, share, act)
            found = self._read(share, wanted)
        self._check(person, share, found, wanted, act)
        if found.thing is None or found.user is None:
            raise NotFound
        return self._reached(person, share, found, wanted, act)

    def _read(self, share: Share, wanted: Within) -> _Found:
        user, roles, versions = self.accounts.load_with_versions(share.owner)
        kind, key = (wanted.kind, wanted.id) if wanted.id else (share.kind, share.object)
        thing, packed_map = self._thing(kind, key)
        parent = "" if thing is None else thing.folder_id if isinstance(thing, File) else thing.parent
        above = self._above(parent)
        root = next((one for one in (thing, *above) if one is not None and one.id == share.object), None)
        read = [versions, [self.store.as_read(share)], map(self.folders.as_read, above)]
        if isinstance(thing, File):
            read.append([self.files.as_read(thing)])
        elif thing is not None:
            read.append([self.folders.as_read(thing)])
        return _Found(user, roles, thing, packed_map, above, root, [one for some in read for one in some])

    def _thing(self, kind: ShareKind, key: str) -> tuple[Thing | None, bytes]:
        if not is_id(key):
            return None, b""
        return self.files.get_with_map(key) if kind is ShareKind.FILE else (self.folders.get(key), b"")

    def _above(self, folder_id: str) -> tuple[Folder, ...]:
        found = list[Folder]()
        while folder_id and len(found) < 2 * MAX_FOLDER_DEPTH:
            folder = self.folders.get(folder_id)
            if folder is None:
                break
            found.append(folder)
            folder_id = folder.parent
        return tuple(found)

    def _check(self, person: Actor, share: Share, found: _Found, wanted: Within, act: Act) -> None:
        """Raises NotFound where the share does not reach so far, or is not open."""
        if not self._is_within(share, found, wanted):
            if found.thing is not None:
                deny(self.audit, person, act.takes, self.ref(share), "it does not lie in what is shared", NotFound())
            raise NotFound
        standing = self._standing(share, found)
        if standing.state is not ShareState.OPEN:
            deny(self.audit, person, act.takes, self.ref(share), standing.because, NotFound())
        within = [one for one in (found.thing, *found.above) if one is not None]
        if not all(map(is_there, within)) or any(one.owner != share.owner for one in within):
            raise NotFound  # in the trash, or on the way there

    @staticmethod
    def _is_within(share: Share, found: _Found, wanted: Within) -> bool:
        """Whether what was found says how the share stands: what does not lie in what is shared says nothing of it."""
        return found.root is not None or wanted.id in {"", share.object}

    def _standing(self, share: Share, found: _Found) -> ShareStanding:
        return share.standing(self._bar(share, found.user, found.roles, found.root, _stays(found)))

    def _close_if_barred(self, person: Actor, share: Share, act: Act) -> None:
        """The thing and the folders above it are read one after the other: while its owner moves it, some may be seen
        as they were before and others as after, and together look barred. So it is looked at once more, by itself.
        Raises NotFound where it is closed."""
        standing = self._standing(share, self._read(share, Within(share.kind)))
        if standing.state is ShareState.BLOCKED:
            self._close(share, standing.because)
            deny(self.audit, person, act.takes, self.ref(share), standing.because, NotFound())

    def _reached(self, person: Actor, share: Share, found: _Found, wanted: Within, act: Act) -> Reached:
        user, thing = found.user, found.thing
        if user is None or thing is None:
            raise NotFound
        owner = Actor(user.id, user.username, grants_of(user, found.roles))
        given = frozenset(share.gives & person.permissions)
        if not decide_act(owner, Acts.FILE_CREATE, share.owner).allowed:
            given -= {Permissions.FILES_WRITE}
        trail = (thing, *found.above) if isinstance(thing, Folder) else found.above
        inside = next((at + 1 for at, one in enumerate(trail) if one.id == share.object), 0)
        guest = self._guest(person, share, given, found.versions, wanted, act)
        way, again = tuple(reversed(trail[:inside])), partial(self.reach, person, share.id, wanted, act)
        return Reached(share, guest, user.username, thing, found.packed_map, way, again)

    def _guest(
        self,
        person: Actor,
        share: Share,
        given: frozenset[Permission],
        versions: Sequence[Version],
        wanted: Within,
        act: Act,
    ) -> Actor:
        """The person, who holds what the share gives them within the owner's files, and nothing else."""

        def read(now: Actor) -> tuple[Actor, Sequence[Version]]:
            again = self.reach(now, share.id, wanted, act).guest
            return again, again.ground.versions if again.ground is not None else ()

        return replace(
            person,
            roles=((OF_SHARE, given),),
            scopes=None,
            acts_for=share.owner,
            through=f"{SHARES.name}:{share.id}",
            ground=WithinGround(person, versions, read),
        )

    def _bar(
        self,
        share: Share,
        user: User | None,
        roles: Mapping[str, Role],
        root: Thing | None,
        since: int | None,
    ) -> str:
        """What the owner, the object or the role has against the share, "" = nothing. `since`: when the object came
        back to where it is, None: it is not there."""
        if user is None:
            return "its owner is not active"
        if root is None or not is_there(root) or since is None:
            return f"the {share.kind} is not there"
        bar = bar_of_owner(user, roles, self.policy, self.now(), root.owner)
        if not bar and share.since < since:
            bar = f"the {share.kind} was away meanwhile"
        return bar or break_since(user, roles, share.since) or _bar_of_role(share, roles)

    def _close(self, share: Share, because: str) -> None:
        """For good: what barred it may go away, and nobody decided then that others may have it again."""
        now = self.now()
        closed = replace(share, closed_at=now, closed_because=because, updated_at=now, version=share.version + 1)
        event = AuditEvent(Actions.SHARE_CLOSE, WORKER, self.ref(share), data={"because": because}, at=now)
        with suppress(VersionMismatch):  # by another request, or it was revoked
            self.store.replace(share, closed, event)


def _stays(found: _Found) -> int | None:
    """Since when what is shared is where it is, None: in the trash, or on the way there."""
    if found.root is None:
        return None
    chain = [one for one in (found.thing, *found.above) if one is not None]
    above = chain[chain.index(found.root) + 1 :]
    if not all(map(is_there, above)):
        return None
    root = found.root
    since = max(root.back_at, root.restored_at) if isinstance(root, Folder) else root.restored_at
    return max([since, *(one.restored_at for one in above)])


def _bar_of_role(share: Share, roles: Mapping[str, Role]) -> str:
    """One that was deleted and made again is another one."""
    if share.to is not Grantee.ROLE:
        return ""
    role = roles.get(share.grantee)
    if role is None:
        return "the role is gone"
    return "the role was another one" if share.since < role.created_at else ""
