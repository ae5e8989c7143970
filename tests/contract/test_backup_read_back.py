"""What was restored is read again and compared with what was put back; where anything differs, `fsck` says what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from backoffice.domain.maintenance import Finding
from backoffice.services.maintenance import Maintenance
from backoffice.stores.backup.restore import RestoreRun
from backoffice.stores.backup.sealed import Key
from backoffice.stores.log.log_index import pack
from backoffice.stores.records.collection import flat_pairs
from tests.support.backups import KEYS, SHELL, Site, all_of, furnish, site_over, small

pytestmark = pytest.mark.real_only

CREATED, OWNED = KEYS.index("files", "created"), KEYS.index("files", "size")
CREATIONS = KEYS.audit_index("action", "file.create")


def first_file(target: Site) -> str:
    collection = target.services.files.files.collection  # type: ignore[attr-defined]
    found: str = collection.member_id(target.db.call("ZRANGE", CREATED, 0, 0)[0])
    return found


def first_owner(target: Site) -> str:
    file = target.services.files.files.get(first_file(target))
    assert file is not None
    return file.owner


def first_entry(target: Site) -> str:
    found: str = target.db.call("XRANGE", KEYS.audit, "-", "+", "COUNT", 1)[0][0].decode()
    return found


def gone(key: bytes, target: Site) -> None:
    [(member, _)] = flat_pairs(target.db.call("ZRANGE", key, 0, 0, "WITHSCORES"))
    target.db.call("ZREM", key, member)


def moved(key: bytes, target: Site) -> None:
    [(member, _)] = flat_pairs(target.db.call("ZRANGE", key, 0, 0, "WITHSCORES"))
    target.db.call("ZINCRBY", key, 1, member)


def exchanged(target: Site) -> None:
    """As many entries as before, and one of them another."""
    gone(CREATED, target)
    target.db.call("ZADD", CREATED, 1, "nobody's")


def backwards(target: Site) -> None:
    text = target.db.call("GET", CREATIONS)
    target.db.call("SET", CREATIONS, text[8:16] + text[:8] + text[16:])


DAMAGE: dict[str, Callable[[Site], Any]] = {
    "index lacks one": partial(gone, OWNED),
    "index has another": exchanged,
    "index has it elsewhere": partial(moved, OWNED),
    "index that should not be": lambda on: on.db.call("ZADD", KEYS.index("files", "tag", "red"), 1, "nobody's"),
    "name lacks": lambda on: on.db.call("HDEL", KEYS.unique("users", "username"), "ada"),
    "name of another": lambda on: on.db.call("HSET", KEYS.unique("users", "username"), "ada", "x"),
    "count": partial(moved, KEYS.facet_values("files", "mime_type")),
    "quota": lambda on: on.db.call("HINCRBY", KEYS.quota(first_owner(on)), "used", 1),
    "quota of nobody": lambda on: on.db.call("HSET", KEYS.quota("x"), "used", 1, "reserved", 0),
    "chunk lacks": lambda on: on.db.call("DEL", KEYS.chunk(first_file(on), 0)),
    "chunk is shorter": lambda on: on.db.call("SET", KEYS.chunk(first_file(on), 0), b"x"),
    "chunk would go": lambda on: on.db.call("PEXPIRE", KEYS.chunk(first_file(on), 0), 60_000),
    "chunk of nothing": lambda on: on.db.call("SET", KEYS.chunk("9" * 22, 0), b"x"),
    "map of nothing": lambda on: on.db.call("SET", KEYS.chunk_map("9" * 22), bytes(53)),
    "entry lacks": lambda on: on.db.call("XDEL", KEYS.audit, first_entry(on)),
    "index of the log lacks": lambda on: on.db.call("DEL", CREATIONS),
    "index of the log has more": lambda on: on.db.call("APPEND", CREATIONS, pack(f"{2**41}-0")),
    "index of the log backwards": backwards,
}


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_not_as_it_was_put_back_is_named(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Site], Any]
) -> None:
    small(site)
    site.back_up(tmp_path / "a.backup")
    proved = RestoreRun.proved

    def harmed(run: RestoreRun) -> Any:
        harm(target)
        return proved(run)

    monkeypatch.setattr(RestoreRun, "proved", harmed)
    found: list[Finding] = []
    restored = all_of(
        target.services.backups.restore(
            SHELL, tmp_path / "a.backup", on_finding=lambda finding, _: found.append(finding)
        )
    )
    assert found
    assert restored.report.left == len(found)


@pytest.mark.parametrize("in_directory", [False, True], ids=["redis", "directory"])
@pytest.mark.parametrize("key", ["", Key.new_text()], ids=["plain", "encrypted"])
def test_what_is_as_it_was_put_back_is_not_looked_at_twice(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, *, in_directory: bool
) -> None:
    """Of everything there is, also indexes of the log with segments: what was read again agrees with it."""
    monkeypatch.setattr("backoffice.stores.keys.Keys.full_bytes", 40)
    furnish(site)
    site.back_up(tmp_path / "a.backup", key=key)
    monkeypatch.setattr(Maintenance, "steps", None)
    if in_directory:
        target = site_over(target.client, tmp_path / "bytes")
    target.restore(tmp_path / "a.backup", key=key)
    assert target.db.call("EXISTS", KEYS.segments(CREATIONS))
    assert not target.differences(tmp_path / "a.backup", key=key)
