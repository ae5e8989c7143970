"""Keys: spelled in one place, on one slot where they must be, and never the same for two things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from redis.crc import key_slot

import backoffice
from backoffice.domain.ids import new_id
from backoffice.stores.chunk_keys import GROUP, split_chunk_key
from backoffice.stores.keys import Keys

KEYS = Keys()
PACKAGE = Path(backoffice.__file__).parent


def control() -> list[bytes]:
    nouns = ("users", "roles", "sessions", "tokens", "uploads", "files")
    found = [
        KEYS.audit,
        KEYS.roles_epoch,
        KEYS.install,
        KEYS.intents,
        KEYS.chunk_map("x"),
        KEYS.quota("x"),
        KEYS.request("x"),
        KEYS.worker("x"),
        KEYS.workers,
        KEYS.worked,
    ]
    found += [
        KEYS.audit_index("actor", "x"),
        KEYS.segments(KEYS.audit_index("actor", "x")),
        KEYS.segment(KEYS.audit_index("actor", "x"), 1),
        KEYS.full_indexes,
        KEYS.seen("x"),
        KEYS.throttle("x"),
        KEYS.throttled("x"),
        KEYS.daily("x", "y", 1),
        KEYS.reads("x"),
        KEYS.reads_due,
        KEYS.refusals("x", "y"),
    ]
    for noun in nouns:
        for name in ("epoch", "by", "one", "facet", "audit", "created", "x"):
            found.append(KEYS.record(noun, name))
            found += [KEYS.index(noun, name), KEYS.index(noun, name, "y"), KEYS.index(noun, name, "f=y")]
            found += [KEYS.unique(noun, name), KEYS.facet_values(noun, name)]
    return found


def test_the_control_plane_is_on_one_slot() -> None:
    assert len({key_slot(key) for key in control()}) == 1
    # Also with text of a user in a key: the first braces decide.
    assert key_slot(KEYS.index("files", "tag", "{x}:y}{")) == key_slot(KEYS.audit)


def test_no_two_things_share_a_key() -> None:
    assert len(set(control())) == len(control())
    other = Keys("other")
    assert other.audit not in control()


def test_chunks_are_spread_in_groups() -> None:
    file_id = new_id()
    first = {key_slot(KEYS.chunk(file_id, n)) for n in range(GROUP)}
    second = {key_slot(KEYS.chunk(file_id, n)) for n in range(GROUP, 2 * GROUP)}
    assert len(first) == len(second) == 1
    assert KEYS.chunk("f", 63) == b"file:{f}:chunk:63"
    assert KEYS.chunk("f", 64) == b"file:{f.1}:chunk:64"
    # CRC-16 keeps numbers of one length apart, a hundred of them here; those of another length can meet them.
    assert len({key_slot(KEYS.chunk(file_id, n * GROUP)) for n in range(200)}) >= 100


@pytest.mark.parametrize("index", [0, 1, 63, 64, 99_999])
def test_a_chunks_key_is_read_back(index: int) -> None:
    file_id = new_id()
    assert split_chunk_key(KEYS.chunk(file_id, index)) == (file_id, index)


@pytest.mark.parametrize(
    "key", [b"file:{x}", b"file:{x}:chunk:", b"file:{x}:chunk:a", b"files:{x}:chunk:1", b"{bo}:users:1", b"x", b""]
)
def test_other_keys_are_no_chunks(key: bytes) -> None:
    assert split_chunk_key(key) is None


def test_house_rule_3_no_key_is_spelled_elsewhere() -> None:
    spelled = re.compile(r"""["'](?:\{bo\}|file:\{\{|bo:)|b["']file:""")
    found = [
        path.relative_to(PACKAGE)
        for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.lua"))
        # fsck meets keys as they are, of whatever form.
        if path.relative_to(PACKAGE).as_posix() not in {"stores/keys.py", "stores/chunk_keys.py", "stores/fsck/run.py"}
        and spelled.search(path.read_text("utf-8"))
    ]
    assert found == []


def test_no_KEYS_and_no_SCAN_but_in_fsck() -> None:
    asks = re.compile(r"""["'](?:KEYS|SCAN|HSCAN|SSCAN|ZSCAN)["']|\.keys\(["']|scan_iter""")
    found = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if asks.search(path.read_text("utf-8"))
    }
    scanning = ("stores/fsck/", "stores/backup/", "stores/scan.py")
    assert all(name.startswith(scanning) for name in found), found
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "stores.scan import" in path.read_text("utf-8")
    }
    # The last for the port's `scan`, which `fsck` alone calls.
    others = {name for name in importers if not name.startswith("stores/backup/")}
    assert others == {
        *("stores/fsck/chunks.py", "stores/fsck/run.py", "stores/fsck/long_indexes.py"),
        "stores/chunks/redis.py",
    }


def test_I4_lua_is_never_put_together_from_text() -> None:
    for path in (PACKAGE / "stores").rglob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"redis\.call|\beval\(", text), path
