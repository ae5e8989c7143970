"""What the services need of the stores; for files see `file_ports`, for the log `log_ports`. A store matches by shape;
`tests/unit/test_ports.py` and mypy prove it.

Every method that changes the control plane takes the event that records it: no entry, no effect. All may raise
`Unavailable` and, where they store something, `StoreFull`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Protocol, TypeVar

from backoffice.domain.access import Actor
from backoffice.domain.audit import AuditEvent
from backoffice.domain.blocked import Counted
from backoffice.domain.identities import Identity
from backoffice.domain.links import Link
from backoffice.domain.maintenance import OnFinding, OnProgress, Report
from backoffice.domain.paging import Page, Query
from backoffice.domain.roles import Role
from backoffice.domain.sessions import Session
from backoffice.domain.shares import Share
from backoffice.domain.system import NOTHING_DONE, Heartbeat, Installation
from backoffice.domain.throttling import Bucket
from backoffice.domain.tokens import Token
from backoffice.domain.users import User
from backoffice.domain.versions import Version
from backoffice.domain.views import ListLook, SavedView

R = TypeVar("R")


class RecordStore(Protocol[R]):
    """Records of one noun. Which facets and orders there are, and what else has to hold, its own port says."""

    def get(self, record_id: str) -> R | None:
        """The record, or None. One round trip."""

    def get_many(self, ids: Sequence[str]) -> list[R | None]:
        """The records in order, None where there is none. One round trip."""

    def page(self, query: Query) -> Page[R]:
        """The records asked for. Raises Invalid for an unknown index, a bad cursor or a limit out of bounds."""

    def as_read(self, record: R) -> Version:
        """What its key held when it was read: another one where it was changed or removed since."""

    def insert(self, record: R, event: AuditEvent) -> None:
        """Keep a new record. Raises Conflict when there is one of this id, NameTaken when a unique text is taken."""

    def replace(self, old: R, new: R, event: AuditEvent) -> None:
        """Put `new` in the place of `old`. Raises VersionMismatch unless it is still `old`, and NameTaken."""

    def remove(self, old: R, event: AuditEvent) -> None:
        """Remove the record, also when memory is full. Raises VersionMismatch unless it is still `old`."""


class UserStore(RecordStore[User], Protocol):
    """Users. Facets: `role`, `status`, `quota` (`near`: nearly used up). Orders: `created`, `username`, `expires` and
    `inactive` (`inactive_at`; of those that have one), `signed_in` (0 = never did). Search: words of name and address.

    `insert` and `replace` raise NameTaken (`details["field"]`; a deleted user's name stays taken) and Invalid for a
    role that is not there; `replace` and `remove` LastAdmin, `remove` InUse (the user still has files or uploads).
    """

    def find(self, login: str) -> User | None:
        """By user name, or by e-mail address."""

    def find_invite(self, invite: str) -> User | None:
        """By the hash of a one-time link."""

    def touch(self, user_id: str, last_login_at: int, inactive_at: int) -> None:
        """Note a sign-in, and when days without another one end the account (0 = never). Not an act; the version
        stays."""

    def note_ends(self, ends: Sequence[tuple[User, int]]) -> None:
        """Note of each when days without signing in end the account, unless it has changed since it was read; and
        whether the quota is nearly used up. Not an act; the version stays."""

    def ends_noted_by(self) -> str:
        """By which rules that was noted for all users; "" = it was not yet, or the quota of everybody was another."""

    def ends_are_noted(self, rules: str) -> None:
        """They are, by these."""

    def count_admins(self) -> int:
        """Active users that hold the admin role."""

    def holders(self) -> Mapping[str, int]:
        """Role -> how many users have it; those that nobody has are left out. One round trip."""


class AccountStore(Protocol):
    """What every request needs at once."""

    def load(self, user_id: str) -> tuple[User | None, Mapping[str, Role]]:
        """A user and all roles by name: one round trip, unless a role was changed since."""

    def load_with_versions(self, user_id: str) -> tuple[User | None, Mapping[str, Role], Sequence[Version]]:
        """The same, with the versions of what was read."""

    def load_many(self, ids: Sequence[str]) -> tuple[Mapping[str, User], Mapping[str, Role]]:
        """Several, by id, without those that are not there. Likewise."""

    def find(self, login: str) -> tuple[User | None, Mapping[str, Role]]:
        """By user name or e-mail address. Two round trips, found or not."""


class IdentityStore(Protocol):
    """Who has a credential, remembered from one request to the next."""

    def of_token(self, token_id: str, *, remembered: bool = False) -> Identity[Token] | None:
        """A token and its user; None where one of them is not there.

        `remembered`: as it is remembered, to be confirmed by the first thing that this request asks of the store,
        which raises IdentityChanged if anything of it has changed but times of last use.
        """

    def of_session(self, session_id: str, *, remembered: bool = False) -> Identity[Session] | None:
        """The same for a session."""

    def note_use(self, credential: Token | Session) -> None:
        """Remember new times of use, where the credential is remembered."""

    @property
    def unconfirmed(self) -> bool:
        """Whether this request rests on what is remembered, and has not asked the store for anything yet."""

    def confirm(self) -> None:
        """Ask now whether it still holds, if nothing was asked since. Raises IdentityChanged, Unavailable."""

    def unmoved(self, versions: Sequence[Version]) -> bool:
        """Whether the store still has all these. One round trip."""

    def begin_request(self) -> None:
        """Nothing is left to confirm of an earlier request of this thread."""

    def counts(self) -> Mapping[str, int]:
        """What happened since this was asked last: `remembered`, `read`, `changed`, `dropped` (there were too many)."""

    def __len__(self) -> int:
        """How many are remembered."""


class RoleStore(RecordStore[Role], Protocol):
    """Custom roles; the built-in ones are in `domain/access.py`. `insert` raises Conflict when there are too many,
    `remove` InUse (a user still holds it)."""

    def all(self) -> Mapping[str, Role]:
        """All roles by name, built-in ones included; read again only after a change."""

    def replace_several(self, pairs: Sequence[tuple[Role, Role]], events: Sequence[AuditEvent]) -> None:
        """Put the second of each pair in the place of the first, all or none, with an event for each. Raises
        VersionMismatch unless each is still the first."""


class SessionStore(RecordStore[Session], Protocol):
    """Sessions; they vanish from the store when they end. `replace` may give a session another secret, and so another
    id. Facets: `user`, `ip`. Order: `expires`."""

    def of_user(self, user_id: str) -> list[Session]:
        """The latest to die first."""

    def touch(self, session: Session, seen_at: int, expires_at: int) -> None:
        """Note that it was used. Not an act."""

    def sweep(self, now: int) -> int:
        """Drop index entries of sessions that vanished by themselves; how many."""


class ViewStore(RecordStore[SavedView], Protocol):
    """Saved views. Facets: `owner`, `shared` (the section). `insert`, and `replace` by one that is shared, raise
    Conflict when there are too many."""

    def for_section(self, owner: str, section: str) -> list[SavedView]:
        """Those of this person and the shared ones of the section."""


class ListLooks(Protocol):
    """How each person has arranged each list."""

    def of(self, user_id: str, section: str) -> ListLook:
        """As it is kept. One round trip."""

    def keep(self, user_id: str, section: str, look: ListLook) -> None:
        """Keep it, unless the person has gone meanwhile. Not an act."""


class TokenStore(RecordStore[Token], Protocol):
    """API tokens. Facet: `user`. Orders: `created`, `name`. `insert` raises Conflict when the user has too many."""

    def touch(self, token: Token, used_at: int) -> None:
        """Note that it was used. Not an act."""


class LinkStore(RecordStore[Link], Protocol):
    """Share links. Facets: `owner`, `kind`, `file`, `folder`. Orders: `created`, `expires`, `name`. `insert` raises
    Conflict when the owner has too many."""

    def use(self, link: Link, event: AuditEvent) -> None:
        """Count a download that begins, if the link is as it was read and has one left; exact, however many begin at
        the same moment. Raises NotFound when it is used up, VersionMismatch when it was changed or revoked, TooMany."""


class ShareStore(RecordStore[Share], Protocol):
    """Shares. Facets: `owner`, `object`, `user` and `role` (with whom), `kind`, `access`. Orders: `created`, `name`.
    `insert` raises NameTaken where the same is shared with the same already, Conflict when the owner
    has too many."""

    def as_read(self, record: Share) -> Version:
        """What its key held when it was read: another one where it was changed or removed since."""


class Throttle(Protocol):
    """Slows down who fails."""

    def attempt(self, buckets: Sequence[Bucket]) -> int:
        """Milliseconds to wait, and nothing is counted; or 0 = go on, and each of the buckets counts a failure until
        `succeed`."""

    def succeed(self, buckets: Sequence[Bucket]) -> None:
        """An attempt was no failure: those that keep what they counted are as if it had not been made, the others
        forget everything."""


class ThrottleTables(Protocol):
    """What the throttle remembers."""

    def counted(self, kind: str, now: int, limit: int) -> list[Counted]:
        """Of this kind those that failed last, at most `limit`. Two round trips."""

    def forget(self, kind: str, who: str, event: AuditEvent) -> None:
        """Forget the failures of one; every process knows at once."""


class Durability(Protocol):
    """When is a write of the control plane safe."""

    @property
    def level(self) -> str:
        """`memory`, `os`, `disk`, `replica:k` or `disk+replica:k`."""

    def barrier(self) -> None:
        """Returns when all that this process wrote is safe at `level`. Raises Unavailable when that cannot be said."""


class Heartbeats(Protocol):
    """Which workers live."""

    def beat(self, host: str, done: Mapping[str, int] = NOTHING_DONE) -> None:
        """The worker on this host lives, and has `done` so much since it said so last (`SiteNumbers.worked`). Also when
        memory is full. Not an act."""

    def alive(self) -> list[Heartbeat]:
        """The workers that live, by host."""


class InstallationStore(Protocol):
    """How the store was set up."""

    def get(self) -> Installation | None: ...
    def insert(self, installation: Installation, event: AuditEvent) -> None:
        """Raises Conflict when there is one already."""


class StoreHealth(Protocol):
    """The state of the store itself."""

    def ping(self) -> None:
        """Raises Unavailable."""

    def room(self) -> bool:
        """Whether there is memory and disk for more uploads."""

    def info(self) -> Mapping[str, str]:
        """Facts for operators: version, memory, persistence, policy."""


class StoreCheck(Protocol):
    """Whether the whole store is sound: every index, count, quota and chunk is compared with its record, while people
    go on working. Findings are told as they are made; memory does not grow with the number of records."""

    def check(self, *, on_finding: OnFinding, on_progress: OnProgress) -> Report:
        """Changes nothing."""

    def repair(self, actor: Actor, *, on_finding: OnFinding, on_progress: OnProgress) -> Report:
        """The same, and what can be repaired is: each repair with an event of `actor`'s, in one commit."""

    def steps(self, actor: Actor | None, *, on_finding: OnFinding) -> Generator[tuple[int, int], None, Report]:
        """Either of them (None: changes nothing) in pieces, after each of which it says how far it is."""

    def index_looks(self, actor: Actor, cursor: str) -> str:
        """Let no new user name look like one that an earlier version gave, for some of these; where it goes on, "" when
        it was done, now or before. What is added is an event of `actor`'s."""
