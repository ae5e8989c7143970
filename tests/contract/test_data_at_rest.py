"""What the embedded store writes, encrypted by the file system: on a disk with ext4, and on an imitation of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backoffice.commands import doctor
from backoffice.domain.diagnosis import Verdict
from backoffice.embedded import at_rest, conversions, convert, fscrypt
from backoffice.embedded import disk as room
from backoffice.embedded.at_rest import Teller, decrypt, is_locked, plain_reason, readable
from backoffice.embedded.data_dir import DataDirectoryError, Layout, take_lock
from backoffice.embedded.discovery import Running, announce, socket_url
from backoffice.settings import Secret, Settings
from tests.support.chunks import unsynced
from tests.support.data_at_rest import CANARY, FEW, HELD, KEY, SECRET, fill, held, opened, refused, settings
from tests.support.encrypting import Disk, dies, encrypting_disk, imitated_disk, kill


@pytest.fixture(params=["imitation", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    if request.param == "imitation":
        monkeypatch.setattr(os, "fsync", unsynced)
        yield imitated_disk(tmp_path, monkeypatch)
        return
    with encrypting_disk(tmp_path) as made:
        yield made


@pytest.fixture
def layout(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(room, "FULL", 0)  # the disk is a small one
    made = Layout.at(disk.root / "data")
    made.prepare()
    return made


def test_what_is_written_cannot_be_read_when_the_store_has_stopped(layout: Layout, disk: Disk) -> None:
    with opened(layout, settings()):
        fill(layout)
        layout.outer_secret.unlink()
        assert plain_reason(layout) == ""
        assert not is_locked(layout)
        assert layout.secret == layout.inner_secret  # made inside
    assert is_locked(layout)
    if disk.image is not None:
        assert disk.has(CANARY, b"appendonly.aof", b"store.log") == []
        assert not {path.name for path in layout.store.iterdir()} & {"store.log", "password"}
        with pytest.raises(OSError, match="key not available"):
            (layout.store / "new").write_text("x")
    with opened(layout, settings()):
        assert held(layout) == HELD


def test_a_plain_directory_is_encrypted_at_the_next_start(layout: Layout, disk: Disk) -> None:
    fill(layout)
    if disk.image is not None:
        assert disk.has(CANARY) == [CANARY]  # so that there is something to be found
    said: list[str] = []
    with opened(layout, settings(), said):
        assert held(layout) == HELD
        assert plain_reason(layout) == ""
        assert layout.secret.read_text() == SECRET + "\n"
    assert said == [f"Encrypting {layout.store}, once: a copy is made, which takes its place ..."]
    assert not layout.other.exists()
    assert not layout.outer_secret.exists()
    assert is_locked(layout)
    if disk.image is not None:
        assert disk.has(CANARY, SECRET.encode()) == []  # what was there before was overwritten
    with opened(layout, settings(), said):
        assert held(layout) == HELD
    assert len(said) == 1


def test_it_is_decrypted_by_a_command_and_by_nothing_else(layout: Layout) -> None:
    fill(layout)
    with opened(layout, settings()):
        pass
    refused(layout, settings(0), "BACKOFFICE_ENCRYPT_DATA=1, or, .* run `manage.py encryption decrypt-data`")
    with pytest.raises(DataDirectoryError, match="is 1, and `up` would encrypt it again"):
        decrypt(layout, settings(), Teller(print))
    lock = take_lock(layout.lock)
    assert lock is not None
    with lock, pytest.raises(DataDirectoryError, match="`up` is running"):
        decrypt(layout, settings(0), Teller(print))
    with pytest.raises(DataDirectoryError, match="lacks its key"):
        decrypt(layout, settings(0, ""), Teller(print))
    assert decrypt(layout, settings(0), Teller(print))
    assert not decrypt(layout, settings(0), Teller(print))
    assert not layout.directory_key.exists()
    with opened(layout, settings(0)):
        assert held(layout) == HELD
        assert "is not encrypted" in plain_reason(layout)
        assert layout.secret.read_text() == SECRET + "\n"


def test_what_did_not_come_about_is_not_told(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the note and what it says, and then started without that."""
    fill(layout)

    def killed(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(convert, "exchange", killed)
        refused(layout, settings(), "cannot be used .input/output error.")
    assert [one.encrypted for one in conversions.waiting(layout)] == [True]
    with opened(layout, settings(0)):
        assert conversions.waiting(layout) == []


def test_without_its_keys_nothing_starts_and_nothing_is_changed(layout: Layout) -> None:
    fill(layout)
    with opened(layout, settings()):
        pass
    other = b64encode(bytes(32)).decode()
    refused(layout, settings(keys=other), "BACKOFFICE_ENCRYPTION_KEYS lacks its key [0-9a-f]{16}$")
    kept = layout.directory_key.read_bytes()
    layout.directory_key.unlink()
    refused(layout, settings(), "directory.key is missing: put it back from a copy")
    assert not layout.directory_key.exists()
    with contextlib.suppress(DataDirectoryError):  # that of another directory
        at_rest._keys(layout, settings()).make()
    refused(layout, settings(), "is encrypted by another key than that in .*directory.key")
    layout.directory_key.write_bytes(kept)
    with opened(layout, settings(keys=f"{other},{KEY}")):
        assert held(layout) == HELD


def test_another_site_key_opens_it_after_a_rotation(layout: Layout) -> None:
    fill(layout)
    other = b64encode(bytes(32)).decode()
    with opened(layout, settings()):
        at_rest._keys(layout, settings(keys=f"{other},{KEY}")).rewrap()
    refused(layout, settings(), "lacks its key")
    with opened(layout, settings(keys=other)):
        assert held(layout) == HELD


def test_a_store_elsewhere_is_not_encrypted_here(layout: Layout) -> None:
    one = Settings(encrypt_data=1, encryption_keys=(Secret(KEY),), redis_url="unix:///run/redis.sock")
    refused(layout, one, "REDIS_URL names another")


def test_a_link_is_not_followed(layout: Layout, tmp_path: Path) -> None:
    layout.store.rmdir()
    (tmp_path / "elsewhere").mkdir()
    layout.store.symlink_to(tmp_path / "elsewhere")
    refused(layout, settings(), "is a link or a disk of its own")
    with opened(layout, settings(0)):
        pass


def test_without_room_for_a_copy_nothing_is_changed(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(layout)
    monkeypatch.setattr(room, "free_bytes", lambda _: 1000)
    refused(layout, settings(), r"needs 1.5 MB, and there are 1.0 kB: free some room .*Nothing was changed$")
    assert held(layout) == HELD
    assert "is not encrypted" in plain_reason(layout)


def test_a_copy_that_differs_is_not_taken(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(layout)
    sync = os.fsync

    def damaging(file: int) -> None:
        sync(file)
        with contextlib.suppress(OSError):
            if os.fstat(file).st_size == len(HELD["appendonlydir/appendonly.aof.1.incr.aof"]):
                os.pwrite(file, b"?", 77_777)

    monkeypatch.setattr(os, "fsync", damaging)
    refused(layout, settings(), "is not what was read of it: does its disk fail")
    assert held(layout) == HELD


def test_who_is_told_to_stop_stops_and_goes_on_later(layout: Layout) -> None:
    fill(layout)
    asked = iter([False, True])
    with (
        pytest.raises(convert.Interrupted, match="it goes on at the next start"),
        readable(layout, settings(), Teller(print, lambda: next(asked))),
    ):
        pass
    assert held(layout) == HELD
    assert conversions.waiting(layout) == []
    with opened(layout, settings(0)):  # or works on as it was
        (layout.store / "store.log").write_bytes(b"more")
    with opened(layout, settings()):
        assert held(layout) == {**HELD, "store.log": b"more"}


def test_what_was_copied_is_not_copied_again(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(layout)
    copied: list[str] = []
    copy_file = convert._copy_file

    def noted(path: Path, place: Path, watch: convert.Watch) -> None:
        if len(copied) == 3:
            raise convert.Interrupted
        copy_file(path, place, watch)
        copied.append(path.name)

    monkeypatch.setattr(convert, "_copy_file", noted)
    with pytest.raises(convert.Interrupted), opened(layout, settings()):
        pass
    monkeypatch.setattr(convert, "_copy_file", lambda *given: (copied.append(given[0].name), copy_file(*given)))
    with opened(layout, settings()):
        assert held(layout) == HELD
    assert sorted(copied) == sorted([*(Path(name).name for name in HELD), "store.lock"])


@pytest.mark.parametrize("disk", ["imitation"], indirect=True)  # on a disk, with cuts of its power: tests/deploy
@pytest.mark.parametrize("to", ["encrypted", "plain"])
def test_whenever_it_is_killed_all_is_there_and_it_goes_on(disk: Disk, layout: Layout, to: str) -> None:
    """Before each call that changes something, as long as there is one."""

    def convert_it(one: Layout) -> None:
        if to == "plain":
            decrypt(one, settings(0), Teller(lambda _: None))
        else:
            with opened(one, settings()):
                pass

    step, died = 0, True
    while died:
        one = Layout.at(disk.root / f"data{step}")
        one.prepare()
        fill(one, FEW)
        if to == "plain":
            with opened(one, settings()):
                pass
        died = dies(step, lambda one=one: convert_it(one), kill)  # type: ignore[misc]
        with either_way(one):
            assert held(one) == FEW, step
        convert_it(one)
        with either_way(one):
            assert held(one) == FEW, step
            assert (plain_reason(one) == "") is (to == "encrypted")
            assert one.secret.read_text() == SECRET + "\n"
        assert [noted.encrypted for noted in conversions.waiting(one)] == [True, False][: 1 + (to == "plain")]
        assert not one.other.exists()
        shutil.rmtree(one.root)
        step += 1
    assert step > 40


@contextlib.contextmanager
def either_way(layout: Layout) -> Iterator[None]:
    """With its key, where it has one, and without any conversion."""
    if fscrypt.policy_of(layout.store) is None:
        yield
        return
    with at_rest._key_in_kernel(layout, settings()):
        yield


def test_doctor_asks_the_file_system(layout: Layout) -> None:
    fill(layout)
    here = settings()

    def told(encrypt: int = 1, running: bool = True) -> tuple[Verdict, str]:
        one = replace(here, data_dir=layout.root, encrypt_data=encrypt)
        if running:
            one = replace(one, redis_url=socket_url("/run/store.sock"))
        [found] = doctor._data(one)
        return found.verdict, found.text

    announce(layout, Running(os.getpid(), "http://127.0.0.1:1", "/run/store.sock"))
    assert told(0)[0] is Verdict.GOOD
    assert told(0)[1].startswith("names and records are not encrypted by this site")
    verdict, text = told()
    assert (verdict, text.partition(",")[0]) == (Verdict.BAD, f"{layout.store} is not encrypted")
    assert told(running=False)[0] is Verdict.BAD  # the store is another one
    with opened(layout, here):
        assert told() == (Verdict.GOOD, "names and records by the file system")
        assert told(0) == (Verdict.GOOD, "names and records by the file system")
        layout.store.rename(layout.root / "away")  # somebody puts a copy back while it runs
        subprocess.run(["cp", "-r", layout.root / "away", layout.store], check=True)
        assert told()[0] is Verdict.BAD
        shutil.rmtree(layout.store)
        (layout.root / "away").rename(layout.store)
        layout.directory_key.unlink()
        assert told()[0] is Verdict.BAD
