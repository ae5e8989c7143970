"""Services of people and of files over one store, and what belongs to people in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.deliveries import Delivery, RequestTerms, guest_credential
from backoffice.domain.files import FileSpec
from backoffice.domain.jobs import Selection
from backoffice.domain.shares import ShareAccess
from backoffice.domain.users import User
from backoffice.services.archive import Archive
from backoffice.services.backups import Backups
from backoffice.services.bulk import Bulk
from backoffice.services.consequences import Consequences
from backoffice.services.deliveries import Deliveries
from backoffice.services.encryption import EncryptionCare
from backoffice.services.guests import ROLES
from backoffice.services.jobs import Jobs
from backoffice.services.leaving import Leaving
from backoffice.services.link_requests import Requests
from backoffice.services.links import Links
from backoffice.services.shared_files import SharedFiles
from backoffice.services.undo import make_undo
from backoffice.services.undo_records import UndoRecords
from backoffice.services.views import Lists, Views
from backoffice.services.zips import Zips
from backoffice.stores.backup.raw_chunks import raw_chunks
from backoffice.stores.backup.store import RedisBackups
from backoffice.stores.bounds import UNBOUNDED
from backoffice.stores.delivered_files import RedisDeliveries
from backoffice.stores.durability import RedisDurability
from backoffice.stores.encryption.state import RedisEncryption
from backoffice.stores.jobs import RedisJobs
from backoffice.stores.links import RedisLinks
from backoffice.stores.log.archive import RedisArchive
from backoffice.stores.log.audit import entries_of
from backoffice.stores.shares import RedisShares
from backoffice.stores.views import RedisListLooks, RedisViews
from tests.support.chunks import SITE_KEYS
from tests.support.people import ROOT, People
from tests.support.uploads import KEYS, World, reader


def _consequences(people: People, world: World) -> Consequences:
    return Consequences(
        accounts=people.accounts,
        users=people.user_store,
        files=world.files,
        uploads=world.uploads,
        sessions=people.session_store,
        tokens=people.token_store,
        links=RedisLinks(people.db, people.keys),
        shares=RedisShares(people.db, people.keys),
        audit=people.log,
        together=people.db.together,
        policy=people.users.policy,
        now=people.clock,
    )


def _links(people: People, world: World) -> Links:
    store = RedisLinks(people.db, people.keys)
    return Links.of(store, people.users, Zips(world.library, world.folders))


def _shared(people: People, world: World) -> SharedFiles:
    store = RedisShares(people.db, people.keys)
    return SharedFiles.of(store, people.users, world.library, world.folders, world.service)


class Scene:
    """Services of people and of files over one store."""

    def __init__(self, fake: Redis) -> None:
        self._fake, self._numbers = fake, count()
        self.people, self.world = People(fake), World.over(fake)
        self.harmless = "harmless"
        self.people.roles.create(ROOT, name=self.harmless, permissions=["files:read"])
        """A role that grants what everybody holds."""
        people, world = self.people, self.world
        self.links = _links(people, world)
        self.requests = Requests.of(self.links, world.folders)
        deliveries = RedisDeliveries(world.db, KEYS)
        self.deliveries = Deliveries(deliveries, self.links.store, world.chunks, people.log, people.clock)
        self.shared = _shared(people, world)
        self.shares = self.shared.shares
        ways_in = (people.users, people.sessions, people.tokens)
        bulk = Bulk(world.library, world.service, *ways_in, self.links, self.shares, self.deliveries)
        store = RedisJobs(people.db, people.keys)
        self.jobs = Jobs(store=store, accounts=people.accounts, bulk=bulk, audit=people.log, now=people.clock)
        self.consequences = _consequences(self.people, self.world)
        self.views = Views(store=RedisViews(self.people.db, self.people.keys), audit=self.people.log)
        self.lists = Lists(store=RedisListLooks(self.people.db, self.people.keys), views=self.views)
        library = self.world.library
        records = UndoRecords(
            library, self.world.folders, people.users, people.roles, self.views, people.log, people.clock
        )
        self.undo = make_undo(records, self.jobs)
        self.leaving = Leaving(
            self.people.users,
            self.people.sessions,
            self.people.tokens,
            self.jobs,
            self.consequences,
            self.people.accounts,
            self.people.log,
            self.people.clock,
        )
        self.encryption = EncryptionCare(RedisEncryption(world.db, KEYS, SITE_KEYS, None), people.log)
        self.archive = Archive(RedisArchive(self.people.db, self.people.keys), self.people.log)

    @property
    def backups(self) -> Backups:
        """Making and restoring backups of this store."""
        people = self.people
        raw = raw_chunks(people.db, people.keys, self.world.chunks)
        store = RedisBackups(people.db, people.keys, raw, None, UNBOUNDED.default_quota)
        return Backups(store, people.log, self.archive, self.world.maintenance, RedisDurability(people.db, people.keys))

    def back_up(self, who: Actor) -> None:
        """All of it, to a file that goes again."""
        with TemporaryDirectory() as place:
            for _ in self.backups.make(who, Path(place) / "a.backup"):
                pass

    def view(self, owner: User, *, shared: bool = False) -> str:
        """A saved view of theirs."""
        reader = Actor(owner.id, owner.username, ROOT.roles)
        return self.views.create(reader, section="files", name="mine", query="", shared=shared).id

    def link(self, owner: User) -> str:
        """A share link of theirs."""
        return self.links.create(self.writer(owner), file=self.file(owner))[0].id

    def closed_link(self, owner: User) -> str:
        """Likewise, closed by who opened it while something barred it."""
        link = self.links.store.get(self.link(owner))
        assert link is not None
        self.links._close(link, "its file was away meanwhile")
        return link.id

    def request(self, owner: User) -> str:
        """A request for files of theirs."""
        terms = RequestTerms(max_files=10)
        return self.requests.create(self.writer(owner), name=f"r{next(self._numbers)}", terms=terms)[0].id

    def delivery(self, owner: User) -> str:
        """A file that a guest has delivered to them, and that waits; by a link that is open whatever they may now."""
        link = self.request(owner)
        credential = guest_credential(link, "0" * 10)
        guest = Actor(link, "a guest", roles=ROLES, credential=credential, acts_for=owner.id)
        spec = FileSpec("d.txt", delivery=Delivery(review=True))
        return self.world.service.upload_stream(guest, spec, reader(b"one")).id

    def share(self, owner: User) -> str:
        """A share of theirs, of a folder."""
        return self._shared(owner, self.people.user(f"g{next(self._numbers)}"))

    def closed_share(self, owner: User) -> str:
        """Likewise, closed by who used it while something barred it."""
        share = self.shares.store.get(self.share(owner))
        assert share is not None
        self.shares._close(share, "the folder was away meanwhile")
        return share.id

    def received(self, grantee: User) -> str:
        """A share with them, of somebody's folder into which they may write."""
        return self._shared(self.people.user(f"g{next(self._numbers)}"), grantee)

    def _shared(self, owner: User, grantee: User) -> str:
        writer, folder = self.writer(owner), self.folder(owner)
        return self.shares.create(writer, folder=folder, user=grantee.username, access=ShareAccess.WRITE).id

    def session(self, owner: User) -> str:
        return self.people.sessions.start_for(self.people.visitor(), owner).session.id

    def token(self, owner: User) -> str:
        made, _ = self.people.tokens.create(ROOT, name="backup", user_id=owner.id)
        return made.id

    def file(self, owner: User, *, trashed: bool = False) -> str:
        """A file of the owner, in one body: that is one commit."""
        file = self.world.service.upload_stream(self.writer(owner), FileSpec("a.txt"), reader(b"one"))
        if trashed:
            self.world.library.trash(ROOT, file.id)
        return file.id

    def file_with_version(self, owner: User) -> tuple[str, str]:
        """A file of the owner's that has got other content, and what it held before."""
        file, writer = self.file(owner), self.writer(owner)
        self.world.service.replace_content(writer, file, reader(b"two"))
        return file, self.world.library.history(writer, file).earlier[0].id

    def folder(self, owner: User) -> str:
        return self.world.folders.create(self.writer(owner), name=f"f{next(self._numbers)}").id

    def trashed_folder(self, owner: User) -> str:
        return self.world.folders.trash(self.writer(owner), self.folder(owner)).id

    def upload(self, owner: User, *, whole: bool = False) -> str:
        writer, parts = self.writer(owner), [b"one", b"two"]
        return self.world.partly(writer, parts, 2 if whole else 0).id

    def job(self, owner: User) -> str:
        """A job of the owner, as somebody who may start one."""
        starter = replace(self.writer(owner), credential="session:0")
        return self.jobs.start(starter, "file.trash", Selection((self.file(owner),))).id

    def writer(self, owner: User) -> Actor:
        """The owner as somebody who may write files of their own, which an auditor may not any more."""
        return Actor(owner.id, owner.username, ROOT.roles)

    def newest_entry(self) -> str:
        """The identifier of the newest entry of the log."""
        [(entry_id, _)] = self._fake.xrevrange(self.people.keys.audit, count=1)
        return str(entry_id.decode())

    def actions_since(self, entry_id: str, actor: User) -> list[str]:
        """What the log has of this user after that entry, oldest first."""
        new = entries_of(self._fake.xrange(self.people.keys.audit, min=f"({entry_id}"))
        return [entry.event["action"] for entry in new if entry.event["actor"]["id"] == actor.id]
