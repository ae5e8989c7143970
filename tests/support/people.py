"""The services of people and the log, as tests put them together: real stores, cheap password hashes, a clock
to set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from backoffice.domain.access import ANONYMOUS, Actor, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import AuditEntry, AuditEvent
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.times import now_ms
from backoffice.domain.users import User
from backoffice.errors import BackofficeError
from backoffice.services.access import Access
from backoffice.services.audit import Audit
from backoffice.services.authorization import grants_of, session_credential
from backoffice.services.belongings import Belongings
from backoffice.services.blocks import Blocks
from backoffice.services.roles import Roles
from backoffice.services.sessions import Sessions
from backoffice.services.sign_in.passwords import Passwords
from backoffice.services.sign_in.trusted_devices import TrustedDevices
from backoffice.services.tokens import Tokens
from backoffice.services.users import Users
from backoffice.stores.client import Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.identities import RedisIdentities
from backoffice.stores.keys import Keys
from backoffice.stores.links import RedisLinks
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.shares import RedisShares
from backoffice.stores.throttle import RedisThrottle
from backoffice.stores.together import current_read
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.user_with_roles import RedisAccounts
from backoffice.stores.users import RedisUsers
from backoffice.stores.watch import watched
from tests.support.database import database

PASSWORD = "a fine long phrase"
ROOT = system_actor("test", "shell")


GOOD = frozenset({PASSWORD, "violet-harbour-93", "violet-harbour-93-lantern"})
"""None of them can be guessed, says `unit/test_passwords.py`."""


class Cheap(Passwords):
    """Hashes cheaply, and knows the GOOD ones: to judge one takes a third of the time in which a user is made."""

    def check(self, password: str, *own: str) -> str:
        return password if password in GOOD else Passwords.check(self, password, *own)


CHEAP = Cheap(memory_kib=8, passes=1, parallel=8)


@dataclass(slots=True)
class Clock:
    """Begins now, because the store lets records die by its own clock."""

    ms: int = field(default_factory=now_ms)

    def __call__(self) -> int:
        return self.ms

    def pass_(self, *, ms: int = 0, seconds: int = 0, minutes: int = 0, hours: int = 0, days: int = 0) -> None:
        self.ms += ms + 1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days)))


@dataclass(slots=True)
class CountedDb(Db):
    """Counts round trips. What a read asks is sent together with what others ask, and counted there."""

    trips: int = 0

    def __init__(self, client: Any) -> None:
        Db.__init__(self, client, shebang=database(client)._shebang)
        self.trips = 0

    def call(self, *command: Any) -> Any:
        self.trips += current_read() is None
        return Db.call(self, *command)

    def call_ahead(self, *command: Any) -> Any:
        self.trips += current_read() is None
        return Db.call_ahead(self, *command)

    def many(self, commands: Any) -> list[Any]:
        self.trips += current_read() is None and (bool(commands) or watched() is not None)
        return Db.many(self, commands)

    def script(self, *args: Any, **options: Any) -> Any:
        self.trips += current_read() is None
        return Db.script(self, *args, **options)


class People:
    """Services on one store."""

    def __init__(self, client: Any, passwords: Passwords = CHEAP) -> None:
        self.db, self.keys, self.clock = CountedDb(client), Keys("t"), Clock()
        db, keys = self.db, self.keys
        self.user_store, self.role_store, self.token_store = (
            RedisUsers(db, keys),
            RedisRoles(db, keys),
            RedisTokens(db, keys),
        )
        self.session_store, self.log = RedisSessions(db, keys), RedisAudit(db, keys)
        self.accounts = RedisAccounts(db, keys, self.user_store, self.role_store)
        self.identities = RedisIdentities(
            db, keys, self.user_store, self.role_store, self.token_store, self.session_store
        )
        self.throttle = RedisThrottle(db, keys, self.clock)
        self.passwords = passwords
        self._make_services(passwords, OPEN_END)

    def with_policy(self, policy: AccountPolicy) -> People:
        """The services of a site that lets accounts end by themselves."""
        self._make_services(self.passwords, policy)
        return self

    def _make_services(self, passwords: Passwords, policy: AccountPolicy) -> None:
        self.users = Users(
            store=self.user_store,
            accounts=self.accounts,
            roles=self.role_store,
            belongings=Belongings(
                self.token_store,
                RedisLinks(self.db, self.keys),
                RedisFolders(self.db, self.keys),
                RedisShares(self.db, self.keys),
            ),
            audit=self.log,
            throttle=self.throttle,
            passwords=passwords,
            policy=policy,
            now=self.clock,
        )
        self.roles = Roles(store=self.role_store, audit=self.log, now=self.clock)
        self.tokens = Tokens(
            store=self.token_store,
            accounts=self.accounts,
            identities=self.identities,
            audit=self.log,
            policy=policy,
            now=self.clock,
        )
        self.sessions = Sessions(
            self.session_store,
            self.user_store,
            self.accounts,
            self.log,
            self.throttle,
            passwords,
            TrustedDevices((b"k" * 32,)),
            self.identities,
            policy=policy,
            now=self.clock,
        )
        self._make_readers()

    def _make_readers(self) -> None:
        """What looks at them."""
        self.audit = Audit(self.log, self.clock)
        self.access = Access(
            self.accounts,
            self.user_store,
            self.role_store,
            self.token_store,
            RedisFiles(self.db, self.keys),
            self.log,
            self.db.together,
        )
        self.blocks = Blocks(tables=self.throttle, users=self.user_store, audit=self.log, now=self.clock)

    def user(self, username: str, *roles: str, password: str = PASSWORD) -> User:
        """An active user."""
        return self.users.create(ROOT, username=username, password=password, roles=roles or ("user",))[0]

    def actor(self, user: User, *, scopes: frozenset[Permission] | None = None) -> Actor:
        """That user in a session that has just begun."""
        user = self.user_store.get(user.id) or user
        return Actor(
            user.id,
            user.username,
            grants_of(user, self.role_store.all()),
            scopes,
            ip="192.0.2.1",
            credential=session_credential("0" * 64),
            auth_at=self.clock(),
        )

    def visitor(self, ip: str = "192.0.2.1") -> Actor:
        return replace(ANONYMOUS, ip=ip, agent="a browser", request_id="r1")

    def authenticate(self, secret: str) -> Any:
        return self.sessions.authenticate(secret, ip="192.0.2.1", agent="a browser", via="web", request_id="r2")

    def entries(self, action: Action | None = None) -> list[AuditEntry]:
        """The log, oldest first."""
        found = self.log.page((), "", 10_000).items[::-1]
        return [entry for entry in found if action is None or entry.event["action"] == action]


def event(action: Action = Actions.SYSTEM_REPAIR, actor: Actor = ROOT, **parts: Any) -> AuditEvent:
    return AuditEvent(action, actor, **parts)


def anybody(*permissions: Permission, name: str = "somebody") -> Actor:
    """An actor that holds just these."""
    return Actor("x" + name, name, (("some", frozenset(permissions)),))


def everything_but(*permissions: Permission, name: str = "most") -> Actor:
    return Actor("x" + name, name, (("most", frozenset(all_permissions()) - set(permissions)),))


def sign_in_outcome(people: People, name: str, password: str, ip: str = "192.0.2.1", device: str = "") -> str:
    """What came of it: the code of the refusal, or "ok"."""
    try:
        people.sessions.sign_in(people.visitor(ip), name, password, device)
    except BackofficeError as error:
        return error.code
    return "ok"
