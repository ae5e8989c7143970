"""The bundled server's files: what it is told, who may read them, and where its socket goes."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.commands.cli_settings import load_to_serve
from backoffice.embedded import append_only_log, config
from backoffice.embedded import discovery as locate
from backoffice.embedded.data_dir import LONGEST_SOCKET_PATH, DataDirectoryError, Layout, keep_secret, take_lock
from backoffice.embedded.diagnose import FailureCause, explain, trouble
from backoffice.embedded.discovery import NotRunning, Running, announce, attach
from backoffice.settings import Durability, Settings
from tests.support.servers import Store, run_store


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.at(tmp_path / "data")
    layout.prepare()
    return layout


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def values(layout: Layout) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in layout.store_config.read_text().splitlines())


@pytest.mark.parametrize(
    ("durability", "appendonly", "appendfsync"),
    [(Durability.DISK, "yes", "always"), (Durability.OS, "yes", "no"), (Durability.MEMORY, "no", None)],
)
def test_durability_decides_the_log(
    layout: Layout, durability: Durability, appendonly: str, appendfsync: str | None
) -> None:
    config.write(layout, durability=durability, max_memory=None)
    told = values(layout)
    assert (told["appendonly"], told.get("appendfsync")) == (appendonly, appendfsync)
    assert told["maxmemory-policy"] == "noeviction"
    assert told["port"] == "0"
    assert told["save"] == '""'


def test_k4_everything_is_for_this_user_alone(layout: Layout, store_server: Store) -> None:
    config.write(layout, durability=Durability.DISK, max_memory=None)
    assert [mode(path) for path in (layout.root, layout.store)] == [0o700, 0o700]
    assert [mode(path) for path in (layout.store_config, layout.store_password)] == [0o600, 0o600]
    assert mode(store_server.socket) == 0o600


def test_a_directory_others_could_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    Layout.at(tmp_path / "data").prepare()
    assert mode(tmp_path / "data") == 0o700


def test_the_password_stays_the_same(layout: Layout) -> None:
    config.write(layout, durability=Durability.DISK, max_memory=None)
    first = layout.store_password.read_text()
    config.write(layout, durability=Durability.OS, max_memory=None)
    assert layout.store_password.read_text() == first
    assert len(first.strip()) >= 48
    assert values(layout)["requirepass"] == f'"{first.strip()}"'


def test_makers_of_a_secret_agree_on_one(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(keep_secret(tmp_path / "s"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    assert mode(tmp_path / "s") == 0o600


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("\n")
    with pytest.raises(DataDirectoryError, match="empty"):
        keep_secret(tmp_path / "s")


def test_the_server_limits_itself_to_a_share_of_the_memory(layout: Layout) -> None:
    config.write(layout, durability=Durability.DISK, max_memory=None)
    assert int(values(layout)["maxmemory"]) > 64 * 1024**2
    config.write(layout, durability=Durability.DISK, max_memory=123 * 1024**2)
    assert values(layout)["maxmemory"] == str(123 * 1024**2)


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A runtime directory with a short path, as a machine has it; pytest's own are too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="bo") as name:
        os.environ["XDG_RUNTIME_DIR"] = name
        yield Path(name)


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path, runtime: Path) -> None:
    layout = Layout.at(tmp_path / ("d" * 90))
    layout.prepare()
    socket = layout.socket()
    assert len(str(socket)) <= LONGEST_SOCKET_PATH
    assert mode(socket.parent) == 0o700
    assert layout.socket() == socket
    assert runtime in socket.parents
    layout.leave()
    assert list(runtime.iterdir()) == []
    assert Layout.at(tmp_path / ("e" * 90)).socket() != socket


@pytest.mark.usefixtures("runtime")
def test_a_socket_directory_that_others_made_is_refused(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / ("d" * 90))
    layout.socket().parent.chmod(0o777)
    with pytest.raises(DataDirectoryError, match="not a private directory"):
        layout.socket()


@pytest.mark.parametrize("name", ["plain", 'quo"te', "spa ce", "back\\slash", "ümlaut"])
def test_the_server_understands_any_path(tmp_path: Path, name: str) -> None:
    with run_store(tmp_path / name) as store, store.client() as client:
        assert client.set("a", "1")
    assert (tmp_path / name / "store" / "appendonlydir").is_dir()


def test_the_server_runs_as_it_was_told(store_server: Store) -> None:
    with store_server.client() as client:
        told = {_text(k): _text(v) for k, v in client.config_get("*").items()}
    expected = {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "no-appendfsync-on-rewrite": "no",
        "aof-load-truncated": "yes",
        "enable-debug-command": "no",
        "lazyfree-lazy-user-del": "yes",
        "save": "",
        "port": "0",
    }
    assert {name: told[name] for name in expected} == expected


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    first = take_lock(tmp_path / "l")
    assert first is not None
    assert take_lock(tmp_path / "l") is None
    first.close()
    again = take_lock(tmp_path / "l")
    assert again is not None
    again.close()


def test_commands_find_the_running_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(NotRunning, match=r"manage\.py up"):
        attach(settings)
    with run_store(tmp_path) as store:
        layout = Layout.at(tmp_path)
        keep_secret(layout.secret)
        announce(layout, Running(1, "http://127.0.0.1:1", str(store.socket)))
        found = attach(settings)
        assert found.redis_url == store.url
        assert found.redis_password is not None
        assert found.redis_password.reveal() == store.password
        assert found.secret_keys[0].reveal() == layout.secret.read_text().strip()
        monkeypatch.setenv("BACKOFFICE_DATA_DIR", str(tmp_path))
        places = {"BACKOFFICE_HOST": "::1", "BACKOFFICE_PORT": "4711"}
        assert (load_to_serve(places).host, load_to_serve(places).port) == ("127.0.0.1", 1)  # of links
        beside = load_to_serve(places, listens=True)
        assert (beside.host, beside.port) == ("::1", 4711)  # `serve` beside it listens where it is told to
    with pytest.raises(NotRunning):
        attach(settings)


def test_a_store_given_by_name_is_taken_as_it_is(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, redis_url="redis://elsewhere")
    assert attach(settings) == settings


def test_a_record_of_another_edition_is_no_record(layout: Layout) -> None:
    layout.record.write_text('{"pid": 1, "colour": "red"}')
    assert locate.find(layout) is None
    layout.record.write_text("{")
    assert locate.find(layout) is None


def test_the_log_tells_why_the_store_stopped(layout: Layout) -> None:
    binary = Path("/usr/bin/valkey-server")
    old = "# Bad file format reading the append only file appendonly.aof.1.incr.aof\n"
    layout.store_log.write_text(old)
    assert trouble(layout, 0) is FailureCause.DAMAGED
    assert "--fix" not in explain(layout, FailureCause.DAMAGED, 0, binary), "it is not the last part of the log"
    log = layout.store / append_only_log.DIRECTORY
    log.mkdir()
    (log / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    )
    cut = f"bash -c 'exec -a valkey-check-aof \"$@\"' _ {binary} --fix {log}/appendonly.aof.1.incr.aof"
    assert cut in explain(layout, FailureCause.DAMAGED, 0, binary)
    layout.store_log.write_text(old.replace("incr.aof", "base.rdb"))
    assert "--fix" not in explain(layout, FailureCause.DAMAGED, 0, binary)
    layout.store_log.write_text(old)
    assert trouble(layout, len(old)) is FailureCause.OTHER
    layout.store_log.write_text("# Error writing to the AOF file: No space left on device\n")
    assert trouble(layout, 0) is FailureCause.DISK_FULL
    assert "full" in explain(layout, FailureCause.DISK_FULL, 0, binary)
