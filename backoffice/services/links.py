"""Share links: their owners make, change and revoke them, operators see and revoke all; `link_reading.py` is what
strangers do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.audit import NO_OBJECT, ObjectRef
from backoffice.domain.ids import is_id, new_id, new_secret, secret_hash
from backoffice.domain.link_rules import PLAIN, LinkPolicy, LinkRule
from backoffice.domain.link_uses import LinkUse, link_use
from backoffice.domain.links import HeldLink, Link, LinkKind, clean_max_downloads, link_token
from backoffice.domain.log_query import LogQuery
from backoffice.domain.paging import Page, Query
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.services.audit import check_query
from backoffice.services.authorization import authorize
from backoffice.services.link_objects import LinkObject, is_there
from backoffice.services.link_reading import LinkReading
from backoffice.services.ports import LinkStore
from backoffice.services.records import expect
from backoffice.services.users import Users
from backoffice.services.zips import Zips

USES: Final = 50
"""Entries of the log that are looked through at once for what became of a link."""


@dataclass(frozen=True, kw_only=True)
class Links(LinkReading):
    """`page` has the filters and orders of `LinkStore`."""

    def rule(self, actor: Actor) -> LinkRule:
        """What roles and the site demand of one's own links. One round trip. Raises NotAllowed."""
        authorize(self.audit, actor, Acts.LINK_LIST, actor.id)
        return self._rule_of(*self.accounts.load(actor.id))

    def create(
        self,
        actor: Actor,
        *,
        file: str = "",
        folder: str = "",
        days: int | None = None,
        password: str = "",
        max_downloads: int = 0,
    ) -> tuple[Link, str]:
        """A new link to a file or a folder of one's own, and what stands behind `/s/` in its address, which is told
        this once. `days` None = the usual number; `password` "" = none; `max_downloads` 0 = any number.

        Raises NotAllowed, NotFound, Invalid, WeakPassword, and Conflict when there are too many.
        """
        authorize(self.audit, actor, Acts.LINK_CREATE, actor.id, now=self.now())
        if bool(file) == bool(folder):
            raise Invalid("A link leads to a file or to a folder: name one of them.", field="file")
        found = self._own(actor, file, folder)
        rule, now, secret = self._rule_of(*self.accounts.load(actor.id)), self.now(), new_secret()
        link = Link(
            id=new_id(),
            owner=actor.id,
            name=found.name,
            secret=secret_hash(secret),
            created_at=now,
            updated_at=now,
            expires_at=rule.chosen_end(days, now, now),
            kind=LinkKind.FILE if file else LinkKind.FOLDER,
            file=file,
            folder=folder,
            password=self._hashed(rule.check_password(password)),
            max_downloads=clean_max_downloads(max_downloads),
        )
        return self._insert(actor, link), link_token(link.id, secret)

    def _own(self, actor: Actor, file: str, folder: str) -> LinkObject:
        """A file or a folder of one's own that may be shared and downloaded. Raises NotFound, NotAllowed."""
        found: LinkObject | None = None
        if is_id(file or folder):
            found = self.files.get(file) if file else self.folders.get(folder)
        if found is None or not is_there(found) or self.objects.stays([found])[found.id] is None:
            raise NotFound
        target = ObjectRef("file" if file else "folder", found.id, found.name)
        for act in (Acts.LINK_CREATE, Acts.FILE_DOWNLOAD):
            authorize(self.audit, actor, act, found.owner, target, now=self.now())
        return found

    def held(self, actor: Actor, query: Query, *, everybody: bool = False) -> Page[HeldLink]:
        """One's own, or everybody's, with what they are worth. Raises NotAllowed."""
        if everybody:
            authorize(self.audit, actor, Acts.LINK_READ)
        else:
            query = replace(query, filters=(*(one for one in query.filters if one[0] != "owner"), ("owner", actor.id)))
            act = Acts.LINK_LIST
            if not decide_act(actor, act).allowed and decide_act(actor, Acts.REQUEST_LIST).allowed:
                act, query = Acts.REQUEST_LIST, replace(query, filters=(*query.filters, ("kind", LinkKind.REQUEST)))
            authorize(self.audit, actor, act, actor.id)
        page = self.store.page(query)
        held = iter(self._held(page.items))
        return page.map(lambda _: next(held))

    def held_one(self, actor: Actor, link_id: str) -> HeldLink:
        """One of them. Raises NotFound, also where it is somebody else's and the actor may not see everybody's."""
        return self._held([self.get(actor, link_id)])[0]

    def uses(self, actor: Actor, link_id: str, cursor: str = "", limit: int = USES) -> Page[LinkUse]:
        """When one of one's own was opened, refused or closed, and what was downloaded by it, the newest first; not by
        whom. `cursor`: the `next_cursor` of the page before. Raises NotFound, NotAllowed, Invalid."""
        link = self.store.get(link_id) if is_id(link_id) else None
        act = Acts.REQUEST_LIST if _is_request(link) else Acts.LINK_LIST
        authorize(self.audit, actor, act, link.owner if link is not None else actor.id)
        if link is None:
            raise NotFound
        check_query(LogQuery((), cursor=cursor, limit=limit))
        page = self.audit.page((("object", f"{self.noun.name}:{link.id}"),), cursor, limit)
        found = (link_use(entry.id, entry.event) for entry in page.items)
        uses = tuple(one for one in found if one is not None)
        return Page(uses, len(uses), exact=False, next_cursor=page.next_cursor)

    def get(self, actor: Actor, record_id: str, /) -> Link:
        """Likewise."""
        link = self.store.get(record_id) if is_id(record_id) else None
        everybody = decide_act(actor, Acts.LINK_READ).allowed
        if not everybody or (link is not None and link.owner == actor.id):
            act = Acts.REQUEST_LIST if _is_request(link) else Acts.LINK_LIST
            authorize(self.audit, actor, act, link.owner if link is not None else actor.id)
        else:
            authorize(self.audit, actor, Acts.LINK_READ)
        if link is None:
            raise NotFound
        return link

    def update(self, actor: Actor, record_id: str, /, *, version: int | None = None, **fields: Any) -> Link:
        """With another end (`days` from now on), `password` ("" = none) or `max_downloads`. One's own only. Raises as
        `create` does, NotFound, VersionMismatch, and Conflict for one that is closed, which takes a password alone: an
        operator may be about to open it again, and the rule may demand one."""
        link = self.store.get(record_id) if is_id(record_id) else None
        owner = link.owner if link is not None else actor.id
        authorize(self.audit, actor, Acts.LINK_UPDATE, owner, self.ref(link) if link else NO_OBJECT, now=self.now())
        if link is None or _is_request(link):  # which is changed by `Requests`
            raise NotFound
        expect(link, version)
        if link.closed_at and fields.keys() != {"password"}:
            raise Conflict("This link is closed; make another one, or ask an operator to open it again.")
        rule, changed = self._rule_of(*self.accounts.load(link.owner)), dict[str, Any]()
        if "days" in fields:
            changed["expires_at"] = rule.chosen_end(fields["days"], self.now(), link.since)
        if "password" in fields:
            changed["password"] = self._hashed(rule.check_password(fields["password"]))
        if "max_downloads" in fields:
            changed["max_downloads"] = clean_max_downloads(fields["max_downloads"])
        return self._save(actor, link, replace(link, **changed))

    def revoke(self, actor: Actor, link_id: str, version: int | None = None) -> None:
        """End a link, one's own or (links:write) anybody's: it opens nothing from the next request on. Raises NotFound,
        VersionMismatch."""
        link = self.store.get(link_id) if is_id(link_id) else None
        owner = link.owner if link is not None else actor.id
        act = Acts.REQUEST_REVOKE if _is_request(link) else Acts.LINK_REVOKE
        authorize(self.audit, actor, act, owner, self.ref(link) if link else NO_OBJECT, now=self.now())
        if link is None:
            raise NotFound
        expect(link, version)
        self._remove(actor, link)

    def reopen(self, actor: Actor, link_id: str, version: int | None = None) -> Link:
        """Open a link again that is closed, or would be by who opens it next, or was over by a rule: somebody decides
        that strangers may have the file, and its life counts from now on. Raises NotAllowed, NotFound, VersionMismatch,
        and Conflict while something still bars it."""
        authorize(self.audit, actor, Acts.LINK_REOPEN, now=self.now())
        link = self._existing(link_id)
        expect(link, version)
        opened = replace(link, closed_at=0, closed_because="", reopened_at=self.now())
        user, roles = self.accounts.load(link.owner)
        [found] = self.objects.get_many([link])
        stays = self.objects.stays([found])
        then = self.standing(opened, user, roles, found, stays)
        standing = self.standing(link, user, roles, found, stays)
        if then.because:
            raise Conflict(f"It cannot be opened: {then.because}.")
        if not standing.because:
            return link
        return self._save(actor, link, opened, Actions.LINK_REOPEN)

    # -- parts

    @classmethod
    def of(cls, store: LinkStore, users: Users, zips: Zips, link_policy: LinkPolicy = PLAIN) -> Self:
        """Over what the service of users asks, too: links die with the accounts of their owners; and over files and
        folders as archives are made of them."""
        return cls(
            store=store,
            accounts=users.accounts,
            files=zips.files.files,
            folders=zips.folders.store,
            chunks=zips.files.chunks,
            zips=zips,
            throttle=users.throttle,
            passwords=users.passwords,
            audit=users.audit,
            policy=users.policy,
            link_policy=link_policy,
            now=users.now,
        )

    def _held(self, links: Sequence[Link]) -> list[HeldLink]:
        users, roles = self.accounts.load_many([one.owner for one in links]) if links else ({}, {})
        objects = self.objects.get_many(links)
        stays = self.objects.stays(objects)
        return [
            HeldLink(
                one,
                found.name if found is not None and found.owner == one.owner and not _is_request(one) else one.name,
                users[one.owner].username if one.owner in users else one.owner,
                self.standing(one, users.get(one.owner), roles, found, stays),
            )
            for one, found in zip(links, objects, strict=True)
        ]

    def _remove(self, actor: Actor, old: Link) -> None:
        changes = {"owner": (old.owner, None), old.object_type: (old.object_id, None)}
        self.store.remove(old, self._event(self.noun.delete, actor, old, changes))

    def _hashed(self, password: str) -> str:
        return self.passwords.hash(self.passwords.check(password)) if password else ""


def _is_request(link: Link | None) -> bool:
    return link is not None and link.kind is LinkKind.REQUEST
