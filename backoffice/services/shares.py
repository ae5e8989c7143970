"""Shares: owners make, change and revoke them, operators see and revoke all; `shared_files.py` is what those do with
them with whom something is shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.audit import NO_OBJECT, ObjectRef
from backoffice.domain.files import File
from backoffice.domain.ids import is_id, new_id
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.domain.roles import Role
from backoffice.domain.shares import Grantee, HeldShare, Share, ShareAccess, ShareKind, ShareState
from backoffice.domain.text import fold
from backoffice.domain.users import User
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.services.authorization import authorize
from backoffice.services.file_ports import FileStore
from backoffice.services.folder_ports import FolderStore
from backoffice.services.link_objects import LinkObjects, is_there
from backoffice.services.ports import ShareStore, Throttle
from backoffice.services.records import expect
from backoffice.services.share_opening import ShareOpening, Thing
from backoffice.services.sign_in.throttle import consume, naming_ways
from backoffice.services.users import Users

NO_USER: Final = "There is no active user of this name."
NO_ROLE: Final = "There is no role of this name that you have."
CLOSED: Final = "This share is closed: revoke it and share anew, or ask an operator to open it again."
ONE_THING: Final = "Name one file or one folder of yours."
ONE_GRANTEE: Final = "Name one user, or one role."


@dataclass(frozen=True, kw_only=True)
class Shares(ShareOpening):
    """`held` has the filters and orders of `ShareStore`."""

    throttle: Throttle

    def create(
        self,
        actor: Actor,
        *,
        file: str = "",
        folder: str = "",
        user: str = "",
        role: str = "",
        access: ShareAccess = ShareAccess.READ,
    ) -> Share:
        """Share a file or a folder of one's own, by its identifier, with the user or the role of that name. Nobody
        gives what they do not hold.

        Raises NotAllowed, NotFound, Invalid (`field`): also where there is no such user or role; NameTaken where it is
        shared with them already, Conflict when there are too many, TooMany after naming many users that are not there.
        """
        authorize(self.audit, actor, Acts.SHARE_CREATE, actor.id, now=self.now())
        if bool(file) == bool(folder):
            raise Invalid(ONE_THING, field="file")
        if bool(user) == bool(role):
            raise Invalid(ONE_GRANTEE, field="user")
        kind = ShareKind.FILE if file else ShareKind.FOLDER
        thing = self._own(actor, kind, file or folder)
        self._authorize_access(actor, kind, thing, access)
        whom = self._role(actor, role) if role else self._user(actor, user)
        return self._insert(actor, self._made(actor, kind, thing, whom, access))

    def update(self, actor: Actor, record_id: str, /, *, access: ShareAccess, version: int | None = None) -> Share:
        """One's own: let them write as well, or only read. Raises as `create` does, NotFound, VersionMismatch, and
        Conflict for one that is closed."""
        share = self._changeable(actor, record_id, version, Acts.SHARE_UPDATE)
        if share.closed_at:
            raise Conflict(CLOSED)
        if access is ShareAccess.WRITE:
            self._authorize_access(actor, share.kind, self._own(actor, share.kind, share.object), access)
        return self._save(actor, share, replace(share, access=access))

    def renew(self, actor: Actor, record_id: str, /) -> Share:
        """One's own that is closed, or would be, shared anew with the same, in one commit: refused, it stays as it was.
        Raises as `create` does, NotFound, VersionMismatch, and Conflict for one that is open."""
        old = self._changeable(actor, record_id, None, Acts.SHARE_UPDATE)
        [held] = self.standing_of([old])
        if held.state is ShareState.OPEN:
            raise Conflict("This share is open.")
        thing = self._own(actor, old.kind, old.object)
        self._authorize_access(actor, old.kind, thing, old.access)
        whom = self._role(actor, old.grantee) if old.to is Grantee.ROLE else self._user_of(actor, old.grantee)
        named = replace(old, name=thing.name, grantee_name=whom[2], closed_at=0, closed_because="")
        return self._save(actor, old, replace(named, reopened_at=self.now()), Actions.SHARE_REOPEN)

    def reopen(self, actor: Actor, record_id: str, version: int | None = None) -> Share:
        """Open one again that is closed, or would be by who uses it next: somebody decides that they may have it again.
        Its owner revokes it, and shares anew. Raises NotAllowed, NotFound, VersionMismatch, and Conflict while
        something still bars it."""
        authorize(self.audit, actor, Acts.SHARE_REOPEN, now=self.now())
        share = self._existing(record_id)
        expect(share, version)
        opened = replace(share, closed_at=0, closed_because="", reopened_at=self.now())
        [then, standing] = self.standing_of([opened, share])
        if then.because:
            raise Conflict(f"It cannot be opened: {then.because}.")
        return self._save(actor, share, opened, Actions.SHARE_REOPEN) if standing.because else share

    def revoke(self, actor: Actor, record_id: str, version: int | None = None) -> None:
        """End one, one's own or (links:write) anybody's: nobody reaches anything by it from the next request on. Raises
        NotFound, VersionMismatch."""
        self._remove(actor, self._changeable(actor, record_id, version, Acts.SHARE_REVOKE))

    # -- reading

    def held(self, actor: Actor, query: Query, *, everybody: bool = False) -> Page[HeldShare]:
        """One's own, or everybody's, with what they are worth. Raises NotAllowed."""
        if everybody:
            authorize(self.audit, actor, Acts.SHARE_READ)
        else:
            authorize(self.audit, actor, Acts.SHARE_LIST, actor.id)
            query = replace(query, filters=(*(one for one in query.filters if one[0] != "owner"), ("owner", actor.id)))
        page = self.store.page(query)
        held = iter(self.standing_of(page.items))
        return page.map(lambda _: next(held))

    def held_one(self, actor: Actor, share_id: str) -> HeldShare:
        """One of them. Raises NotFound, also where it is somebody else's and the actor may not see everybody's."""
        return self.standing_of([self.get(actor, share_id)])[0]

    def get(self, actor: Actor, record_id: str, /) -> Share:
        """Likewise."""
        share = self.store.get(record_id) if is_id(record_id) else None
        everybody = decide_act(actor, Acts.SHARE_READ).allowed
        if not everybody or (share is not None and share.owner == actor.id):
            authorize(self.audit, actor, Acts.SHARE_LIST, share.owner if share is not None else actor.id)
        else:
            authorize(self.audit, actor, Acts.SHARE_READ)
        if share is None:
            raise NotFound
        return share

    def reaching(self, actor: Actor, file_id: str) -> list[HeldShare]:
        """The open shares by which somebody reaches a file: of itself, and of the folders that it lies in, however
        deep. Raises NotAllowed, NotFound."""
        authorize(self.audit, actor, Acts.SHARE_READ)
        file = self.files.get(file_id) if is_id(file_id) else None
        if file is None:
            raise NotFound
        found = list[Share]()
        for key in (file.id, *(one.id for one in self._above(file.folder_id))):
            found += self.store.page(Query(sort="created", filters=(("object", key),), limit=MAX_LIMIT)).items
        return [one for one in self.standing_of(found) if one.state is ShareState.OPEN]

    def roles_to_name(self, actor: Actor) -> list[str]:
        """The roles with which the actor may share: those that they have; all of them for who may see roles."""
        _, roles = self.accounts.load(actor.id)
        held = {name for name, _ in actor.roles}
        return [name for name in roles if name in held or decide_act(actor, Acts.ROLE_READ).allowed]

    # -- parts

    @classmethod
    def of(cls, store: ShareStore, users: Users, files: FileStore, folders: FolderStore) -> Self:
        """Over what the service of users asks, too: shares die with the accounts of their owners."""
        return cls(
            store=store,
            accounts=users.accounts,
            files=files,
            folders=folders,
            throttle=users.throttle,
            audit=users.audit,
            policy=users.policy,
            now=users.now,
        )

    def _changeable(self, actor: Actor, share_id: str, version: int | None, act: Act) -> Share:
        share = self.store.get(share_id) if is_id(share_id) else None
        owner, target = (share.owner, self.ref(share)) if share is not None else (actor.id, NO_OBJECT)
        authorize(self.audit, actor, act, owner, target, now=self.now())
        if share is None:
            raise NotFound
        expect(share, version)
        return share

    def _own(self, actor: Actor, kind: ShareKind, key: str) -> Thing:
        """What is shared, where it is there and not on the way into the trash. Raises NotFound, NotAllowed."""
        thing, _ = self._thing(kind, key)
        if thing is None or not is_there(thing) or self._since([thing])[thing.id] is None:
            raise NotFound
        target = ObjectRef(kind.value, thing.id, thing.name)
        authorize(self.audit, actor, Acts.SHARE_CREATE, thing.owner, target, now=self.now())
        authorize(self.audit, actor, Acts.FILE_DOWNLOAD, thing.owner, target, now=self.now())
        return thing

    def _authorize_access(self, actor: Actor, kind: ShareKind, thing: Thing, access: ShareAccess) -> None:
        if access is not ShareAccess.WRITE:
            return
        target = ObjectRef(kind.value, thing.id, thing.name)
        authorize(self.audit, actor, Acts.FILE_CREATE, thing.owner, target, now=self.now())

    def _made(
        self, actor: Actor, kind: ShareKind, thing: Thing, whom: tuple[Grantee, str, str], access: ShareAccess
    ) -> Share:
        now, (to, grantee, called) = self.now(), whom
        return Share(new_id(), actor.id, kind, thing.id, thing.name, to, grantee, called, now, now, access)

    def _role(self, actor: Actor, name: str) -> tuple[Grantee, str, str]:
        if name not in self.roles_to_name(actor):
            raise Invalid(NO_ROLE, field="role")
        return Grantee.ROLE, name, name

    def _user(self, actor: Actor, name: str) -> tuple[Grantee, str, str]:
        """Somebody who is named exactly; by an address only for who may see users. Whether there is such a user is
        told, but not to who goes on asking."""
        way = consume(self.throttle, naming_ways(actor.id))
        user, roles = self.accounts.find(name) if name.isprintable() else (None, {})
        sees = decide_act(actor, Acts.USER_READ).allowed
        if user is None or not (sees or fold(user.username) == fold(name)) or not self._gets_in(user, roles):
            raise Invalid(NO_USER, field="user")
        self.throttle.succeed(way)
        if user.id == actor.id:
            raise Invalid("That is you.", field="user")
        return Grantee.USER, user.id, user.username

    def _user_of(self, actor: Actor, user_id: str) -> tuple[Grantee, str, str]:
        """Somebody with whom it was shared already, whatever they are called now."""
        user, roles = self.accounts.load(user_id)
        if user is None or user.id == actor.id or not self._gets_in(user, roles):
            raise Invalid("This user is not active any more.", field="user")
        return Grantee.USER, user.id, user.username

    def _gets_in(self, user: User, roles: Mapping[str, Role]) -> bool:
        return user.active and self.policy.ended(user, roles, self.now()) is None

    def standing_of(
        self, shares: Sequence[Share], roles: Mapping[str, Role] | None = None, then: User | None = None
    ) -> list[HeldShare]:
        """These, with what they are worth; asks nobody. `roles`: by name, where others are meant than those that there
        are; `then`: a user as that one might be. Some round trips, however many there are, and one for each level of
        folders."""
        users, stored = self.accounts.load_many([one.owner for one in shares]) if shares else ({}, {})
        roles = stored if roles is None else roles
        users = {**users, then.id: then} if then is not None else users
        things = self._things(shares)
        since = self._since(list(things.values()))
        return [self._held_of(one, users.get(one.owner), roles, things.get(one.object), since) for one in shares]

    def _held_of(
        self,
        share: Share,
        user: User | None,
        roles: Mapping[str, Role],
        thing: Thing | None,
        since: Mapping[str, int | None],
    ) -> HeldShare:
        standing = share.standing(self._bar(share, user, roles, thing, since.get(share.object)))
        name = thing.name if thing is not None and thing.owner == share.owner else share.name
        held = HeldShare(share, name, user.username if user is not None else share.owner, standing)
        if isinstance(thing, File) and thing.owner == share.owner:
            return replace(held, size=thing.size, mime_type=thing.mime_type)
        return held

    def _things(self, shares: Sequence[Share]) -> dict[str, Thing]:
        def ids(kind: ShareKind) -> list[str]:
            return list(dict.fromkeys(one.object for one in shares if one.kind is kind))

        files, folders = ids(ShareKind.FILE), ids(ShareKind.FOLDER)
        found: list[Thing | None] = [*(self.files.get_many(files) if files else [])]
        found += self.folders.get_many(folders) if folders else []
        return {one.id: one for one in found if one is not None}

    def _since(self, things: Sequence[Thing]) -> Mapping[str, int | None]:
        """Since when each is where it is; None: in the trash, or on the way there."""
        return LinkObjects(self.files, self.folders).stays(things)
