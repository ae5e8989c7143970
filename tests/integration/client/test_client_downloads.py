"""`download` as it is typed, against a running site and over a network that fails."""

from __future__ import annotations

import subprocess

from tests.support.client_site import CHUNK, MANAGE, SIZE, Person, ids
from tests.support.fault_proxy import Relay
from tests.support.servers import wait_for


def kept(ann: Person, size: int = SIZE) -> tuple[str, bytes]:
    """A file on the site: its id and bytes."""
    made = ann.file("kept.bin", size)
    file_id = ids(ann.run("upload", made.name)[1])["kept.bin"]
    data = made.read_bytes()
    made.unlink()
    return file_id, data


def test_a_download_survives_cut_connections(ann: Person, net: Relay) -> None:
    file_id, data = kept(ann)
    net.cut_down = [400_000, 300_000, 300_000]
    assert ann.run("download", file_id, "--url", net.url)[:2] == (0, "kept.bin\n")
    assert net.cut_down == []
    assert (ann.home / "kept.bin").read_bytes() == data
    assert net.down < SIZE + 300_000  # what was in buffers at each cut, on a busy machine; from the start it were more
    assert [path.name for path in ann.home.iterdir()] == ["kept.bin"]


def test_a_killed_download_goes_on_where_it_stopped(ann: Person, net: Relay) -> None:
    file_id, data = kept(ann)
    net.pause = 0.02
    command = [*MANAGE, "download", file_id, "--url", net.url, "--to", "new name"]
    process = subprocess.Popen(command, cwd=ann.home, env=ann.environ())
    wait_for(
        lambda: any(path.stat().st_size >= SIZE // 2 for path in ann.home.glob("new name.*.part")), "half of it", 30
    )
    process.kill()
    process.wait()
    assert not (ann.home / "new name").exists()
    net.pause, net.down = 0, 0
    assert ann.run("download", file_id, "--url", net.url, "--to", "new name")[0] == 0
    assert net.down < SIZE * 0.6
    assert (ann.home / "new name").read_bytes() == data
    assert not list(ann.home.glob("*.part"))


def test_a_damaged_beginning_is_found_and_thrown_away(ann: Person, net: Relay) -> None:
    file_id, data = kept(ann)
    net.cut_down = [700_000] + [1000] * 20  # and then nothing gets through
    command = [*MANAGE, "download", file_id, "--url", net.url]
    process = subprocess.Popen(command, cwd=ann.home, env=ann.environ(), stderr=subprocess.DEVNULL)
    wait_for(lambda: any(path.stat().st_size > CHUNK for path in ann.home.glob("*.part")), "a part of it", 30)
    process.kill()
    process.wait()
    [part] = ann.home.glob("kept.bin.*.part")
    with part.open("r+b") as file:
        file.write(b"damage")
    status, out, err = ann.run("download", file_id)
    assert (status, out) == (1, "")
    assert "thrown away" in err
    assert list(ann.home.iterdir()) == []
    assert ann.run("download", file_id)[0] == 0
    assert (ann.home / "kept.bin").read_bytes() == data


def test_a_file_that_exists_is_kept_unless_forced(ann: Person) -> None:
    file_id, data = kept(ann, 10)
    there = ann.home / "kept.bin"
    there.write_bytes(b"mine")
    status, out, err = ann.run("download", file_id)
    assert (status, out) == (1, "")
    assert "kept.bin exists; --force replaces it" in err
    assert there.read_bytes() == b"mine"
    assert ann.run("download", file_id, "--force")[0] == 0
    assert there.read_bytes() == data
    assert ann.run("download", file_id, "--to", "/dev/null", "--force")[0] == 1
