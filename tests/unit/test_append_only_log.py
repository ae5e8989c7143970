"""A store that ran in a directory is not started there without its log, whatever part of that is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from backoffice.embedded import append_only_log
from backoffice.embedded.data_dir import Layout
from backoffice.settings import Durability
from tests.support.servers import run_store

MANIFEST = "appendonly.aof.manifest"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which a store has run, by this version."""
    root = tmp_path_factory.mktemp("used") / "data"
    with run_store(root) as store, store.client() as client:
        client.set("a", "1")
    append_only_log.remember(Layout.at(root))
    return root


@pytest.fixture
def layout(used: Path, tmp_path: Path) -> Layout:
    """A copy of it to lose something of."""
    shutil.copytree(used, tmp_path / "data", ignore=lambda _, names: [name for name in names if name.endswith(".sock")])
    return Layout.at(tmp_path / "data")


def log(layout: Layout) -> Path:
    return layout.store / append_only_log.DIRECTORY


def earlier(layout: Layout) -> None:
    """As versions left it that wrote no mark."""
    layout.used.unlink()


def cut_manifest(layout: Layout) -> None:
    (log(layout) / MANIFEST).write_bytes(b"")


def rotate(layout: Layout) -> None:
    earlier(layout)
    layout.store_log.rename(layout.store_log.with_suffix(".log.1"))
    shutil.rmtree(log(layout))


LOSSES: list[tuple[str, list[Callable[[Layout], object]]]] = [
    ("the manifest", [lambda layout: (log(layout) / MANIFEST).unlink()]),
    ("the manifest, earlier", [earlier, lambda layout: (log(layout) / MANIFEST).unlink()]),
    ("what is in the manifest", [cut_manifest]),
    ("the commands", [lambda layout: next(log(layout).glob("*.incr.aof")).unlink()]),
    ("the base", [lambda layout: next(log(layout).glob("*.base.rdb")).unlink()]),
    ("the whole log", [lambda layout: shutil.rmtree(log(layout))]),
    ("the whole log, earlier", [earlier, lambda layout: shutil.rmtree(log(layout))]),
    ("the whole log, earlier, the server's words set aside", [rotate]),
    ("the whole store", [lambda layout: shutil.rmtree(layout.store)]),
]


@pytest.mark.parametrize(("what", "steps"), LOSSES, ids=[what for what, _ in LOSSES])
def test_what_is_gone_is_named(layout: Layout, what: str, steps: list[Callable[[Layout], object]]) -> None:
    assert append_only_log.refusal(layout, durable=True) == ""
    for step in steps:
        step(layout)
    said = append_only_log.refusal(layout, durable=True)
    assert str(log(layout)) in said
    assert "missing" in said
    assert "from a backup" in said


def test_data_that_a_setting_would_hide_is_not_hidden(layout: Layout) -> None:
    assert "BACKOFFICE_DURABILITY is memory" in append_only_log.refusal(layout, durable=False)


def test_a_directory_without_data_may_be_started_in(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "data")
    for durable in (True, False):  # never used
        assert append_only_log.refusal(layout, durable=durable) == ""
    with run_store(layout.root, Durability.MEMORY):  # used without a log
        pass
    for durable in (True, False):
        assert append_only_log.refusal(layout, durable=durable) == ""
    log(layout).mkdir()  # and left behind by a first start that was killed in its middle
    (log(layout) / "appendonly.aof.1.base.rdb").write_bytes(bytes(90))
    assert append_only_log.refusal(layout, durable=True) == ""


def test_history_that_the_server_is_about_to_delete_may_be_gone(layout: Layout) -> None:
    with (log(layout) / MANIFEST).open("a") as manifest:
        manifest.write("file appendonly.aof.0.incr.aof seq 0 type h\n")
    assert append_only_log.refusal(layout, durable=True) == ""
