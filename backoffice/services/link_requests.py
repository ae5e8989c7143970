"""Requests for files: links by which strangers put something into a folder. Their owners make, change and end them
here; `guests.py` is what strangers do with them, `deliveries.py` what becomes of what came."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.audit import NO_OBJECT, AuditEvent
from backoffice.domain.deliveries import RequestTerms, clean_message, clean_terms
from backoffice.domain.files import clean_name
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id, new_id, new_secret, secret_hash
from backoffice.domain.limits import LINK_LOOK_SECONDS, MAX_LINKS, MAX_NAME_BYTES, MAX_REQUEST_NAME
from backoffice.domain.link_rules import LinkRule
from backoffice.domain.links import Link, LinkKind, link_token, split_link_token
from backoffice.domain.paging import Query
from backoffice.domain.text import clean_line
from backoffice.domain.versions import Version
from backoffice.errors import BackofficeError, Conflict, Invalid, NameTaken, NotFound
from backoffice.services.authorization import authorize
from backoffice.services.folders import Folders
from backoffice.services.link_opening import NOBODY, NOT_OPEN, LinkOpening
from backoffice.services.links import Links
from backoffice.services.records import expect

TERMS: Final = ("max_files", "max_bytes", "max_file_size", "types", "review")
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a guest may know of a request that is open: the link, with its end as it is now, and who asks. `versions`:
    of all that this hangs on."""

    link: Link
    sharer: str
    versions: Sequence[Version]


@dataclass(frozen=True, kw_only=True)
class Requests(LinkOpening):
    """The kind REQUEST of links. Which there are is asked of `Links`, and there they are revoked."""

    tree: Folders

    def rule(self, actor: Actor) -> LinkRule:
        """What roles and the site demand of one's own. One round trip. Raises NotAllowed."""
        authorize(self.audit, actor, Acts.REQUEST_LIST, actor.id)
        return self._rule_of(*self.accounts.load(actor.id))

    def get(self, actor: Actor, record_id: str, /) -> Link:
        """One's own, or for who may see everybody's links anybody's. Raises NotFound, NotAllowed."""
        link = self.store.get(record_id) if is_id(record_id) else None
        own = link is not None and link.owner == actor.id
        if own or not decide_act(actor, Acts.LINK_READ).allowed:
            authorize(self.audit, actor, Acts.REQUEST_LIST, link.owner if link is not None else actor.id)
        else:
            authorize(self.audit, actor, Acts.LINK_READ)
        if link is None or link.kind is not LinkKind.REQUEST:
            raise NotFound
        return link

    def create(
        self,
        actor: Actor,
        *,
        name: str,
        terms: RequestTerms,
        folder: str = "",
        message: str = "",
        days: int | None = None,
        password: str = "",
    ) -> tuple[Link, str]:
        """A new request, and what stands behind `/s/` in its address, which is told this once. What comes goes into the
        `folder`, an identifier of one's own; "" = one that is made for it, and goes again where the request cannot be
        made. `days` None = the usual number; `password` "" = none.

        Raises NotAllowed, NotFound, Invalid, WeakPassword, and Conflict when there are too many.
        """
        authorize(self.audit, actor, Acts.REQUEST_CREATE, actor.id, now=self.now())
        rule, now, secret = self._rule_of(*self.accounts.load(actor.id)), self.now(), new_secret()
        link = Link(
            id=new_id(),
            owner=actor.id,
            kind=LinkKind.REQUEST,
            name=_clean_title(name),
            message=clean_message(message),
            secret=secret_hash(secret),
            created_at=now,
            updated_at=now,
            expires_at=rule.chosen_end(days, now, now),
            password=self._hash_of(rule, password),
        )
        link = _with_terms(link, terms)
        if self.store.page(Query(sort="created", filters=(("owner", actor.id),), limit=1)).total >= MAX_LINKS:
            raise Conflict(f"A user has at most {MAX_LINKS} share links; revoke one first.")
        found = self._own_folder(actor, folder) if folder else self._make_folder(actor, link.name)
        try:
            made = self._insert(actor, replace(link, folder=found.id))
        except BackofficeError:
            if not folder:
                with suppress(BackofficeError):  # the first reason is the one to tell
                    self.tree.delete(actor, found.id)
            raise
        return made, link_token(link.id, secret)

    def update(self, actor: Actor, record_id: str, /, *, version: int | None = None, **fields: Any) -> Link:
        """With other `name`, `message`, `password` ("" = none), another end (`days` from now on) or other bounds
        (`TERMS`). One's own only. Raises as `create` does, NotFound, VersionMismatch, and Conflict for one that is
        closed, which takes a password alone."""
        link, rule, changed = self._changeable(actor, record_id, version, fields), LinkRule(1, 1, False), dict(fields)
        if {"days", "password"} & fields.keys():
            rule = self._rule_of(*self.accounts.load(link.owner))
        if "days" in fields:
            changed["expires_at"] = rule.chosen_end(changed.pop("days"), self.now(), link.since)
        if "password" in fields:
            changed["password"] = self._hash_of(rule, fields["password"])
        if "name" in fields:
            changed["name"] = _clean_title(fields["name"])
        if "message" in fields:
            changed["message"] = clean_message(fields["message"])
        new = replace(link, **changed)
        return self._save(actor, link, _with_terms(new, new.terms) if set(TERMS) & fields.keys() else new)

    def end(self, actor: Actor, record_id: str, version: int | None = None) -> Link:
        """Take nothing more from now on. With `days` in `update` it is open again. Raises as `update` does."""
        link = self._changeable(actor, record_id, version, {"expires_at": 0})
        return self._save(actor, link, replace(link, expires_at=min(link.expires_at, self.now())))

    # -- for guests

    def is_request(self, token: str) -> bool:
        """Whether this is the address of a request, open or not; one round trip whatever it is."""
        parts = split_link_token(token)
        link = self.store.get(parts[0] if parts is not None else NOBODY)
        return link is not None and parts is not None and link.matches(parts[1]) and link.kind is LinkKind.REQUEST

    def open_request(self, visitor: Actor, token: str) -> OpenRequest:
        """The request, if its link is open; one that has all it takes is, too, for those who have delivered. Raises
        NotFound (recorded), TooMany after many of these."""
        found = self._open(visitor, token, begun=True, request=True)
        if not isinstance(found.object, Folder) or found.user is None:
            raise NotFound(NOT_OPEN)
        versions = (*found.versions, self.store.as_read(found.link), self.folders.as_read(found.object))
        link = replace(found.link, expires_at=found.standing.ends_at)
        return OpenRequest(link, found.user.username, versions)

    def look_request(self, visitor: Actor, token: str) -> OpenRequest:
        """The same, for whoever opens its address; in the log once in a while. Nothing changes."""
        opened = self.open_request(visitor, token)
        event = AuditEvent(Actions.LINK_OPEN, visitor, self.ref(opened.link), at=self.now())
        self.audit.record(event, f"link.open {opened.link.id}", LINK_LOOK_SECONDS)
        return opened

    def record_refusal(self, visitor: Actor, because: str, link: Link) -> None:
        """Record that a stranger was refused."""
        self._record(visitor, because, self.ref(link))

    # -- parts

    @classmethod
    def of(cls, links: Links, tree: Folders) -> Self:
        """Over what the service of links asks."""
        return cls(
            store=links.store,
            accounts=links.accounts,
            files=links.files,
            folders=links.folders,
            chunks=links.chunks,
            throttle=links.throttle,
            passwords=links.passwords,
            audit=links.audit,
            policy=links.policy,
            link_policy=links.link_policy,
            now=links.now,
            tree=tree,
        )

    def _changeable(self, actor: Actor, record_id: str, version: int | None, fields: dict[str, Any]) -> Link:
        link = self.store.get(record_id) if is_id(record_id) else None
        owner = link.owner if link is not None else actor.id
        authorize(self.audit, actor, Acts.REQUEST_UPDATE, owner, self.ref(link) if link else NO_OBJECT, now=self.now())
        if link is None or link.kind is not LinkKind.REQUEST:
            raise NotFound
        expect(link, version)
        if link.closed_at and fields.keys() != {"password"}:
            raise Conflict("This request is closed; make another one, or ask an operator to open it again.")
        return link

    def _hash_of(self, rule: LinkRule, password: str) -> str:
        wanted = rule.check_password(password)
        return self.passwords.hash(self.passwords.check(wanted)) if wanted else ""

    def _own_folder(self, actor: Actor, folder_id: str) -> Folder:
        folder = self.folders.get(folder_id) if is_id(folder_id) else None
        if folder is None or folder.owner != actor.id or self.objects.stays([folder])[folder.id] is None:
            raise Invalid("There is no such folder.", field="folder")
        return folder

    def _make_folder(self, actor: Actor, title: str) -> Folder:
        for _ in range(_ATTEMPTS):
            try:
                return self.tree.create(actor, name=self.files.free_name(actor.id, _folder_name(title), ""))
            except NameTaken:  # by somebody at this moment
                continue
        raise NameTaken(field="name")


def _clean_title(name: str) -> str:
    return clean_line(name, field="name", what="The title", least=1, most=MAX_REQUEST_NAME)


def _with_terms(link: Link, terms: RequestTerms) -> Link:
    """Raises Invalid."""
    found = clean_terms(terms)
    return replace(link, **{field: getattr(found, field) for field in TERMS})


def _folder_name(title: str) -> str:
    """The title as a name."""
    wanted = title.replace("/", "-").replace("\\", "-").strip(" .").encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    try:
        return clean_name(wanted.strip())
    except Invalid:
        return "Request"
