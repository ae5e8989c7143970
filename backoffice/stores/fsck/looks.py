"""The looks of user names that an earlier version gave: it kept no index of them (`RedisUsers`).

The worker brings it up once, in steps, and notes that in the hash of the installation. Two users who looked alike
before keep their names: the one who was there first has the look, `doctor` counts the others and `fsck` names them.
"""

from __future__ import annotations

from functools import partial

from backoffice.domain.audit import ObjectRef
from backoffice.domain.maintenance import Invariant
from backoffice.domain.paging import Query
from backoffice.domain.usernames import look
from backoffice.stores.client import Db
from backoffice.stores.fsck.repair import Changed, Fault, Repairer, scan
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.users import NOUN, RedisUsers

TOGETHER = 100
"""Users in one commit."""
DONE = "looks"
"""Field of the installation that says that it was done."""
INDEX = ObjectRef("index", "users.look")


def looks_are_known(db: Db, keys: Keys) -> bool:
    """Whether the look of every name is in the index, but for those that another one has."""
    return bool(db.call("HEXISTS", keys.install, DONE))


def lookalikes(db: Db, keys: Keys) -> int:
    """How many users have a name that looks like another's; once the index is whole."""
    users, looks = db.many([("ZCARD", keys.index(NOUN, "created")), ("HLEN", keys.unique(NOUN, "look"))])
    return max(0, int(users) - int(looks))


class LookIndex:
    """Brings the index up. Any number of processes may do it at once, and it may stop anywhere and begin again."""

    def __init__(self, repairer: Repairer) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys
        self._users = RedisUsers(self._db, self._keys)

    def step(self, cursor: str) -> str:
        """Do it for a page of users, and after the last for the names of deleted ones; where it goes on, "" when it was
        done. It is done again as long as two look alike: the one who has the look may have got another name since."""
        if not cursor and looks_are_known(self._db, self._keys) and not lookalikes(self._db, self._keys):
            return ""
        page = self._users.page(Query(sort="created", cursor=cursor, limit=TOGETHER))
        ids = [user.id for user in page.items]
        self._repairer.verify_and_repair(partial(self._unknown, ids))
        if page.next_cursor:
            return page.next_cursor
        for names in scan(self._db, "HSCAN", self._keys.unique(NOUN, "reserved")):
            self._repairer.verify_and_repair(partial(self._unreserved, dict(names)))
        self._db.call("HSET", self._keys.install, DONE, 1)
        return ""

    def _unknown(self, ids: list[str]) -> Fault | None:
        """The looks of these users that nobody has."""
        users = [user for user in self._users.get_many(ids) if user is not None]
        first = {look(user.username): user for user in reversed(users)}
        key = self._keys.unique(NOUN, "look")
        held = self._db.call("HMGET", key, *first) if first else []
        missing = {text: user for (text, user), holder in zip(first.items(), held, strict=True) if holder is None}
        if not missing:
            return None

        def repair(commit: Commit) -> None:
            for text, user in missing.items():
                self._users.collection.expect(commit, user, error=Changed())
                commit.check("unset", key, text, error=Changed())
                commit.write("HSET", key, text, user.id)

        return Fault(Invariant.UNIQUE, INDEX, f"the looks of {len(missing)} user names were not known", repair)

    def _unreserved(self, names: dict[bytes, bytes]) -> Fault | None:
        """The looks of these names of deleted users that are not reserved."""
        key = self._keys.unique(NOUN, "reserved")
        looks = {look(name.decode()): holder.decode() for name, holder in names.items()}
        held = self._db.call("HMGET", key, *looks) if looks else []
        missing = {text: one for (text, one), there in zip(looks.items(), held, strict=True) if there is None}
        if not missing:
            return None

        def repair(commit: Commit) -> None:
            for text, holder in missing.items():
                commit.check("unset", key, text, error=Changed())
                commit.write("HSET", key, text, holder)

        return Fault(Invariant.UNIQUE, INDEX, f"the looks of {len(missing)} deleted user names were not known", repair)
