"""Users in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from backoffice.domain.access import ADMIN, BUILT_IN
from backoffice.domain.limits import MAX_ROLES
from backoffice.domain.text import fold
from backoffice.domain.usernames import look, same_name
from backoffice.domain.users import User
from backoffice.errors import InUse, Invalid, LastAdmin, NameTaken, StoreFull
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Unique, Words
from backoffice.stores.records.store import RedisRecords

NOUN = "users"
NOBODY = "0"
"""An id that no user has, read where there is none, so that an unknown name takes as long as a known one."""
ENDS = "account_ends"
"""Field of the installation that says by which rules and by which quota of those who have none of their own
`inactive_at` and `quota_near` were noted for all users."""
ALIKE = "This username looks like another user's (I, l and 1 count as one letter, 0 and o as well)."


class RedisUsers(RedisRecords[User]):
    """User names and e-mail addresses share one space, so that no login can mean two people. `active_admin` is what the
    last-administrator rule counts: one whose account ends by itself is none. No two users look alike (`look`); those
    that did before there was this index keep their names, and `fsck` names them; `fsck/looks.py` brings it up."""

    noun, record = NOUN, User
    remembered = 2_048
    """A page that walks through many asks for some of them several times (`stores/together.py`)."""
    indexes = (
        Unique("username", lambda user: user.username),
        Unique("email", lambda user: user.email),
        Unique("look", lambda user: look(user.username), field="username", taken=ALIKE),
        Unique("invite", lambda user: user.invite),
        Sorted("created", lambda user: user.created_at),
        Sorted("expires", lambda user: user.expires_at or None),
        Sorted("signed_in", lambda user: user.last_login_at),
        Sorted("inactive", lambda user: user.inactive_at or None),
        Lexical("username", lambda user: user.username),
        Words(
            "words",
            lambda user: f"{user.username} {user.email}",
            within=("role", "status"),
            fields=("username", "email"),
        ),
        Facet("role", lambda user: user.roles, lambda user: user.created_at, "created", listed=True),
        Facet("status", lambda user: (user.status,), lambda user: user.created_at, "created", listed=True),
        Facet("quota", lambda user: ("near",) if user.quota_near else (), lambda user: user.created_at, "created"),
        Facet(
            "active_admin",
            lambda user: ("yes",) if _administers_for_good(user) else (),
            lambda user: user.created_at,
            "created",
        ),
    )

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(db, keys)
        self._quota = bounds.default_quota

    def find(self, login: str) -> User | None:
        """By user name, or by e-mail address. Two round trips, found or not."""
        user = self.get(self.id_of(login))
        return user if user is not None and is_login_of(login, user) else None

    def id_of(self, login: str) -> str:
        """Who has this name or address, `NOBODY` where none does. One round trip."""
        folded = same_name(login)
        found = self._db.many([("HGET", self._keys.unique(NOUN, name), folded) for name in ("username", "email")])
        return next((one.decode() for one in found if one is not None), NOBODY)

    def find_invite(self, invite: str) -> User | None:
        """By the hash of a one-time link."""
        return self.collection.find("invite", invite) if invite else None

    def _inserting(self, commit: Commit, record: User) -> None:
        """Raises NameTaken (`details["field"]`). A deleted user's name stays taken."""
        self._check_names(commit, None, record)
        self._check_roles(commit, (), record.roles)

    def _replacing(self, commit: Commit, old: User, new: User) -> None:
        """Raises NameTaken, LastAdmin."""
        self._check_names(commit, old, new)
        self._check_roles(commit, old.roles, new.roles)
        self._keep_an_admin(commit, old, new)
        if new.quota_bytes != old.quota_bytes:
            user = self._keys.record(NOUN, old.id)
            commit.note_quota(self._keys.quota(old.id), user, self._keys.quota_near, old.id, self._quota)

    def _removing(self, commit: Commit, old: User) -> None:
        """Raises LastAdmin, InUse (the user still has files, also such as wait to be accepted, or uploads)."""
        self._keep_an_admin(commit, old, None)
        for noun, facet in (("files", "owner"), ("files", "trash"), ("files", "waiting"), ("uploads", "owner")):
            key = self._keys.index(noun, facet, old.id)
            commit.check("absent", key, error=InUse(f"The user still has {noun}."))
        # Bytes of purged files and cancelled uploads count until their chunks are gone.
        quota = self._keys.quota(old.id)
        commit.check("unused", quota, error=InUse("The user's deleted files are still being cleared away."))
        commit.write("DEL", quota)
        commit.write("DEL", self._keys.list_looks(old.id))
        commit.write("HSET", self._keys.unique(NOUN, "reserved"), same_name(old.username), old.id)
        commit.write("HSET", self._keys.unique(NOUN, "reserved"), look(old.username), old.id)

    def touch(self, user_id: str, last_login_at: int, inactive_at: int) -> None:
        """Note a sign-in, and when days without another one end the account. Not an act; the version stays."""
        with suppress(StoreFull):
            self._note_times([(user_id, last_login_at, inactive_at, "", "")])

    def note_ends(self, ends: Sequence[tuple[User, int]]) -> None:
        """Note of each when days without signing in end the account, unless it has changed since it was read."""
        self._note_times([(one.id, one.last_login_at, at, one.version, one.last_login_at) for one, at in ends])

    def _note_times(self, times: Sequence[tuple[str, int, int, int | str, int | str]]) -> None:
        keys = [self._keys.index(NOUN, "signed_in"), self._keys.index(NOUN, "inactive"), self._keys.quota_near]
        for user_id, *_ in times:
            keys += [self._keys.record(NOUN, user_id), self._keys.quota(user_id)]
        self._db.script("user_times", keys, [self._quota, *(part for row in times for part in row)], allow_oom=True)

    def ends_noted_by(self) -> str:
        """By which rules these moments were noted for all users; "" = they were not yet."""
        noted = (self._db.call("HGET", self._keys.install, ENDS) or b"").decode()
        rules, _, quota = noted.rpartition(";")
        return rules if quota == str(self._quota) else ""

    def ends_are_noted(self, rules: str) -> None:
        """They are, by these."""
        self._db.call("HSET", self._keys.install, ENDS, f"{rules};{self._quota}")

    def count_admins(self) -> int:
        """Active users that hold the admin role."""
        return int(self._db.call("ZCARD", self._keys.index(NOUN, "active_admin", "yes")))

    def holders(self) -> Mapping[str, int]:
        """Role -> how many users have it; those that nobody has are left out. One round trip."""
        return dict(self.collection.facet_values("role", MAX_ROLES + len(BUILT_IN)))

    def _check_names(self, commit: Commit, old: User | None, new: User) -> None:
        """A new name is nobody's address, and was no deleted user's name; a new address is nobody's name."""
        if old is None or fold(old.username) != fold(new.username):
            taken = NameTaken("This username is taken.", field="username")
            commit.check("unset", self._keys.unique(NOUN, "reserved"), fold(new.username), error=taken)
            commit.check("free", self._keys.unique(NOUN, "email"), fold(new.username), new.id, error=taken)
        if old is None or look(old.username) != look(new.username):
            alike = NameTaken(ALIKE, field="username")
            commit.check("unset", self._keys.unique(NOUN, "reserved"), look(new.username), error=alike)
        if new.email and (old is None or fold(old.email) != fold(new.email)):
            taken = NameTaken("This email is taken.", field="email")
            commit.check("free", self._keys.unique(NOUN, "username"), fold(new.email), new.id, error=taken)

    def _check_roles(self, commit: Commit, before: Sequence[str], after: Sequence[str]) -> None:
        """Roles that are given are there at that moment, so that a role cannot go while somebody gets it."""
        for name in after:
            if name not in before and name not in BUILT_IN:
                error = Invalid(f"There is no role {name!r}.", field="roles")
                commit.check("present", self._keys.record("roles", name), error=error)

    def _keep_an_admin(self, commit: Commit, old: User, new: User | None) -> None:
        facet = self.collection.facets["active_admin"]
        if tuple(facet.values(old)) and not (new is not None and tuple(facet.values(new))):
            key = self._keys.index(NOUN, "active_admin", "yes")
            commit.check("spare", key, old.id, error=LastAdmin())


def _administers_for_good(user: User) -> bool:
    """An active administrator whose account does not end by itself."""
    return user.active and ADMIN in user.roles and not user.expires_at and not user.inactive_days


def is_login_of(login: str, user: User) -> bool:
    """Whether the user signs in by this name or address."""
    return same_name(login) in {fold(user.username), fold(user.email)}
