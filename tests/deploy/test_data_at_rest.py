"""A whole site whose data directory is encrypted by the file system of a disk: what the disk has of it, and what a cut
of its power leaves while a directory is converted."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from backoffice.embedded import disk as room
from backoffice.embedded.at_rest import Teller, decrypt, plain_reason, readable
from backoffice.embedded.data_dir import Layout
from backoffice.settings import Secret, Settings
from tests.support.commands import Done, typed_in
from tests.support.encrypting import MIB, Disk, dies, encrypting_disk, mounted
from tests.support.servers import Site, alive, descendants, wait_for

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(600)]

KEY, OTHER = b64encode(bytes(range(32))).decode(), b64encode(bytes(range(1, 33))).decode()
WORDS = ("nightingale", "kingfisher", "goldcrest", "chiffchaff", "whitethroat")
"""In a name of a user, the name and the tag of a file, the name of a folder, and a text."""
CANARIES = [*(word.encode() for word in WORDS), b"user.create"]
"""And what the log has."""
NAMES = [b"appendonly.aof", b"valkey.conf"]
"""Of the store's own files. They say nothing, and stay on a disk where they once were in the clear."""
SETTINGS = {"BACKOFFICE_ADMIN_PASSWORD": "violet-harbour-93-lantern", "BACKOFFICE_ENCRYPTION_KEYS": KEY}
ON = {**SETTINGS, "BACKOFFICE_ENCRYPT_DATA": "1"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with encrypting_disk(tmp_path, 1024 * MIB) as made:
        yield made


@pytest.fixture
def layout(disk: Disk) -> Layout:
    return Layout.at(disk.root / "data")


class Run:
    """A site on the disk while the block lasts."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        self.layout, self.environ = layout, {**environ, "BACKOFFICE_DATA_DIR": str(layout.root)}
        # Not from the disk: what runs there could not be unmounted.
        self.site = Site.start(layout.root, "--workers", "1", environ=environ)

    def __enter__(self) -> Self:
        self.site.ready(120)
        return self

    def __exit__(self, *_: object) -> None:
        self.site.close()

    def command(self, *words: str, typed: str = "", **environ: str) -> Done:
        done = typed_in({**self.environ, **environ}, *words, typed=typed)
        assert done.returncode == 0, done.stderr
        return done

    def names(self) -> str:
        """Of users, and of what the log tells."""
        return self.command("user", "list").stdout + self.command("audit", "tail", "-n", "50").stdout


def furnish(run: Run, place: Path) -> str:
    """Somebody, and a file with canaries in it and about it; its identifier."""
    user, name, tag, folder, text = WORDS
    token = run.command("token", "create", "--user", "admin", "--days", "1").stdout.strip()
    run.command("user", "create", user, "--email", f"{user}@example.org")
    file = place / f"{name}.txt"
    file.write_text(f"a {text} sings\n" * 50)
    sent = run.command(
        *("upload", str(file), "--tag", tag, "--folder", folder, "--json"),
        BACKOFFICE_TOKEN=token,
        BACKOFFICE_PUBLIC_URL="",
    )
    return str(json.loads(sent.stdout.splitlines()[-1])["id"])


def test_nothing_of_a_site_can_be_read_on_its_disk_and_all_of_it_by_the_site(
    layout: Layout, disk: Disk, tmp_path: Path
) -> None:
    with Run(layout, {**SETTINGS, "BACKOFFICE_ENCRYPTION_KEYS": ""}) as run:
        file = furnish(run, tmp_path)
        before = run.names()
    assert disk.has(*CANARIES, *NAMES) == [*CANARIES, *NAMES]  # what is in the clear is found

    with Run(layout, ON) as run:  # which encrypts it
        assert run.site.lines[0].startswith(f"Encrypting {layout.store}, once")
        assert all(line in run.names() for line in before.splitlines())
        assert "encryption: names and records by the file system" in run.command("doctor").stdout
        token = run.command("token", "create", "--user", "admin", "--days", "1").stdout.strip()
        run.command("download", file, "--to", str(tmp_path / "back.txt"), BACKOFFICE_TOKEN=token)
        assert b"whitethroat" in (tmp_path / "back.txt").read_bytes()
        run.command("backup", str(tmp_path / "a.backup"), "--key-file", _pass_phrase(tmp_path))
        assert run.command("fsck").returncode == 0
        keys = {"BACKOFFICE_ENCRYPTION_KEYS": f"{OTHER},{KEY}"}
        assert "That of the data directory is, too" in run.command("encryption", "rotate", **keys).stdout
        told = run.command("audit", "search", "--action", "system.encrypt", **keys).stdout
        assert "directory" in told
        assert "data_directory" in told  # written by the start
    assert disk.has(*CANARIES) == []

    assert _refused(layout, ON) == f"Not started: {layout.store} is encrypted, and BACKOFFICE_ENCRYPTION_KEYS lacks its"
    assert _refused(layout, SETTINGS) == f"Not started: what the store wrote in {layout.store} is encrypted: set"
    with Run(layout, {**ON, "BACKOFFICE_ENCRYPTION_KEYS": OTHER}) as run:
        assert all(line in run.names() for line in before.splitlines())
    assert disk.has(*CANARIES) == []

    away = {"BACKOFFICE_DATA_DIR": str(layout.root), **SETTINGS, "BACKOFFICE_ENCRYPTION_KEYS": OTHER}
    done = typed_in(away, "encryption", "decrypt-data")
    assert done.stdout.splitlines()[-1] == f"{layout.store} is no longer encrypted."
    with Run(layout, {**SETTINGS, "BACKOFFICE_ENCRYPTION_KEYS": OTHER}) as run:
        assert all(line in run.names() for line in before.splitlines())
        assert "data_directory" in run.command("audit", "search", "--action", "system.decrypt").stdout


def _pass_phrase(place: Path) -> str:
    file = place / "phrase"
    file.write_text("a pass phrase of some length\n")
    file.chmod(0o600)
    return str(file)


def _refused(layout: Layout, environ: Mapping[str, str]) -> str:
    """The first words of what `up` says where it does not start."""
    site = Site.start(layout.root, environ=environ)
    assert site.process.wait(60) == 1
    [line] = site.said()
    return " ".join(line.split()[: 11 if "lacks" not in line else 9])


def test_a_supervisor_that_is_killed_leaves_a_site_that_starts_again(layout: Layout, disk: Disk) -> None:
    with Run(layout, ON) as run:
        before = run.names()
        family = descendants(run.site.process.pid)
        run.site.process.send_signal(signal.SIGKILL)
        run.site.process.wait()
        wait_for(lambda: not alive(family), "nothing of it is left", 60)
        assert plain_reason(layout) == ""  # the kernel still has the key
    with Run(layout, ON) as run:
        assert before in run.names()
    assert not {path.name for path in layout.store.iterdir()} & {"appendonlydir", "password"}


def test_a_restored_backup_is_encrypted_from_its_first_byte(layout: Layout, disk: Disk, tmp_path: Path) -> None:
    phrase = _pass_phrase(tmp_path)
    made = Layout.at(tmp_path / "made")
    with Run(made, SETTINGS) as run:
        furnish(run, tmp_path)
        run.command("backup", str(tmp_path / "a.backup"), "--key-file", phrase)
    given = (str(tmp_path / "a.backup"), "--data", str(layout.root), "--key-file", phrase)
    done = typed_in(ON, "restore", *given)
    assert done.returncode == 0, done.stderr
    assert disk.has(*CANARIES, *NAMES) == []
    with Run(layout, ON) as run:
        assert WORDS[0] in run.names()


HELD = {"appendonlydir/appendonly.aof.1.incr.aof": b"the canary sings" * 2000, "store.log": b"the canary"}
LITTLE = Settings(encrypt_data=1, encryption_keys=(Secret(KEY),))


def _convert(root: Path, to: str) -> None:
    layout = Layout.at(root)
    if to == "plain":
        decrypt(layout, replace(LITTLE, encrypt_data=0), Teller(_unheard))
    else:
        with readable(layout, LITTLE, Teller(_unheard)):
            pass


def _unheard(_text: str) -> None:
    """What is said while it is converted."""


def _die(root: Path, to: str, step: int) -> None:
    os._exit(9 if dies(step, lambda: _convert(root, to), lambda: os._exit(9)) else 0)


@pytest.mark.parametrize("to", ["encrypted", "plain"])
def test_a_cut_of_the_power_at_any_moment_leaves_all_of_it(
    tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before each call that changes something, and then the disk has what had been written to it by
    then, and nothing of what the kernel was still to write."""
    monkeypatch.setattr(room, "FULL", 0)  # the disk is a small one
    step, died = 0, True
    with encrypting_disk(tmp_path) as disk:
        while died:
            _prepare(disk.root / "data", to)
            child = multiprocessing.get_context("fork").Process(target=_die, args=(disk.root / "data", to, step))
            child.start()
            child.join()
            died = child.exitcode == 9
            assert child.exitcode in {0, 9}
            assert disk.image is not None
            shutil.copyfile(disk.image, tmp_path / "cut")
            with mounted(tmp_path / "cut", tmp_path / "after") as after:
                _convert(after.root / "data", to)
                assert _held(after.root / "data") == HELD, step
            _convert(disk.root / "data", to)  # and of who was only killed
            assert _held(disk.root / "data") == HELD, step
            shutil.rmtree(disk.root / "data")
            step += 1
    assert step > 40


def _prepare(root: Path, to: str) -> None:
    layout = Layout.at(root)
    layout.prepare()
    for name, data in HELD.items():
        path = layout.store / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    if to == "plain":
        _convert(root, "encrypted")
    os.sync()


def _held(root: Path) -> dict[str, bytes]:
    layout = Layout.at(root)
    settings = LITTLE if layout.directory_key.exists() else replace(LITTLE, encrypt_data=0)
    with readable(layout, settings, Teller(_unheard)):
        return {name: (layout.store / name).read_bytes() for name in HELD}
