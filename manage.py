#!/usr/bin/env python3
"""Runs backoffice from a bare Python: makes `.venv` beside itself when needed, then hands over to `backoffice.cli`.

Until the hand-over only the standard library is used, in a syntax that Python 3.6 can still read and be told about.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("backoffice needs Python 3.11 or newer; this is %d.%d. Try: python3.11 manage.py" % sys.version_info[:2])

import compileall
import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:
    sys.exit("backoffice runs on Linux and macOS (on Windows: inside WSL).")

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
INSTALLED = VENV / "installed"
RUNTIME_LOCK = HERE / "requirements.lock"
BUILD_LOCK = HERE / "requirements-build.lock"  # what builds the packages below
TEST_LOCK = HERE / "requirements-test.lock"  # holds all that RUNTIME_LOCK holds, in the same versions

# Packages that come as source alone. pip would fetch what builds them without a hash, in its newest version; so it is
# told to use what is installed, which comes from BUILD_LOCK, and to build nothing else.
BUILT_HERE = ("flask-principal",)

# A pin of a lock file, and the condition under which it counts.
PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)(?: *; *(.*?))? *\\?")

# Files of tests are dealt out to processes, two for each core and four at most, for much of the time goes into waiting.
# `-n 0` runs them all in this one.
SPREAD = (f"--numprocesses={min(4, 2 * (os.cpu_count() or 1))}", "--dist=loadfile", "--no-loadscope-reorder")

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main(argv: list[str]) -> int:
    testing = argv[:1] in (["test"], ["mutations"], ["screenshots"], ["faults"])
    lock = TEST_LOCK if testing else RUNTIME_LOCK
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if not (_satisfied(lock) if inside else _has_the_versions_of(lock)):
        if not _satisfied(lock):
            _prepare(lock)
        os.execv(PYTHON, [str(PYTHON), str(HERE / "manage.py"), *argv])  # noqa: S606 -- this very program
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    if testing:
        known = {"test": _test, "mutations": _mutations, "screenshots": _screenshots, "faults": _faults}
        return known[argv[0]](argv[1:])
    return int(importlib.import_module("backoffice.cli").main(argv) or 0)


# --- the environment ---------------------------------------------------------------------------------------------


def _satisfied(lock: Path) -> bool:
    """Whether `.venv` holds what `lock` asks for now."""
    try:
        have = INSTALLED.read_text("ascii").split() if PYTHON.exists() else []
    except FileNotFoundError:
        return False
    except OSError as error:
        sys.exit(
            f"{VENV} cannot be read ({error.strerror}): run this as the user it belongs to, or let others read it."
        )
    return any(_stamp(known) in have for known in {lock, TEST_LOCK} if known.exists())


def _has_the_versions_of(lock: Path) -> bool:
    """Whether this Python, which is not that of `.venv`, has all that `lock` names, in the versions that were tested.
    Of what only some Pythons need, a missing package is no difference; another version is."""
    for line in lock.read_text("ascii").splitlines():
        pin = PIN.fullmatch(line)
        if pin is None:
            continue
        try:
            if importlib.metadata.version(pin[1]) != pin[2]:
                return False
        except importlib.metadata.PackageNotFoundError:
            if not pin[3]:
                return False
    return True


def _stamp(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _prepare(lock: Path) -> None:
    """Bring `.venv` up to `lock`. Of two processes one waits for the other and finds the work done."""
    with _alone():
        if _satisfied(lock):
            return
        try:
            installer = _make_venv()
            _install(lock, installer)
        except KeyboardInterrupt:
            sys.exit("\nInterrupted. Run the same command again to go on.")
        except OSError as error:
            sys.exit(f"The dependencies could not be installed: {error}")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    try:
        handle = (HERE / ".venv.lock").open("w")
    except OSError as error:
        sys.exit(
            f"Cannot make .venv in {HERE}: {error.strerror}. Copy the checkout to a place that you may write to, or run"
            " it with a Python that has what requirements.lock lists."
        )
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another process is installing; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make_venv() -> list[str]:
    """Make `.venv` unless there is a sound one. Returns the command that is pip for it."""
    own, other = [str(PYTHON), "-m", "pip"], [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if PYTHON.exists() and _runs([*own, "--version"]):
        return own
    _say(f"Making an environment in {VENV.name} (Python {sys.version.split()[0]}) ...")
    if importlib.util.find_spec("ensurepip"):
        try:
            venv.create(VENV, clear=True, with_pip=True, symlinks=True)
            return own
        except subprocess.CalledProcessError:
            _say("This Python cannot put pip into it; trying its own pip ...")
    venv.create(VENV, clear=True, with_pip=False, symlinks=True)
    if not _runs([*other, "--version"]):
        shutil.rmtree(VENV)
        sys.exit("This Python has neither `ensurepip` nor `pip`. On Debian and Ubuntu: apt install python3-venv")
    return other


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _install(lock: Path, pip: list[str]) -> None:
    """Install `lock`, and remember that only when all of it is there. Nothing runs that is not checked by its hash."""
    total = sum("==" in line for line in lock.read_text("utf-8").splitlines() if line[:1].isalnum())
    _say(f"Installing {total} packages from {lock.name}, each checked against its hash ...")
    options = ["--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    wheels = "--only-binary=:all:"
    _run_pip([*pip, "install", *options, wheels, "-r", str(BUILD_LOCK)], 0)
    building = ["--no-build-isolation", "--use-pep517", wheels, f"--no-binary={','.join(BUILT_HERE)}"]
    _run_pip([*pip, "install", *options, *building, "-r", str(lock)], total)
    with INSTALLED.open("a", encoding="ascii") as stamps:
        stamps.write(_stamp(lock) + "\n")
    _say("Installed.")


def _run_pip(command: list[str], total: int) -> None:
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_pip_environ()
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            if total:
                _progress(line, total, sum(s.startswith(("Collecting", "Requirement already")) for s in said))
    _progress("", total, 0)
    if process.returncode:
        sys.exit("\n".join([*said[-12:], "", _advice(said)]))


def _pip_environ() -> dict[str, str]:
    """As ours; with a home for a user who has none, such as a container's: what builds packages asks for it."""
    if _home() is not None:
        return dict(os.environ)
    return {**os.environ, "HOME": str(VENV), "PIP_NO_CACHE_DIR": "1"}


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _advice(said: list[str]) -> str:
    text = "\n".join(said)
    if "DO NOT MATCH THE HASHES" in text:
        return "A package is not the one that was tested. Do not go on: it may have been tampered with on its way here."
    if "No space left" in text or "Disk quota exceeded" in text:
        return (
            f"The disk that holds {HERE}, or the one for temporary files, is full: free some room and run this again."
        )
    if "exited-with-error" in text or "BackendUnavailable" in text:
        return "A package could not be built (pip's last lines are above); this has nothing to do with the network."
    return (
        "The packages could not be installed (pip's last lines are above). Without a network, or behind a proxy or"
        " a mirror,\nset pip up first (`pip config`, HTTPS_PROXY, PIP_INDEX_URL) and run the same command again."
    )


def _progress(line: str, total: int, done: int) -> None:
    """On a terminal: one line that counts up. Elsewhere: nothing, the step has been announced."""
    if not sys.stderr.isatty():
        return
    if not line:
        sys.stderr.write("\r\033[K")
    elif line.startswith("Collecting"):
        name = line.split()[1].partition("==")[0]
        filled = 30 * done // max(total, 1)
        sys.stderr.write(f"\r\033[K  {'█' * filled}{'░' * (30 - filled)} {done}/{total} {name}")
    elif line.startswith("Installing collected"):
        sys.stderr.write("\r\033[K  unpacking ...")
    sys.stderr.flush()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


# --- the tests ---------------------------------------------------------------------------------------------------


def _test(arguments: list[str]) -> int:
    os.chdir(HERE)
    # Hundreds of processes start. Where they may not keep what they compile, each would compile all of this anew.
    compileall.compile_dir("backoffice", quiet=2)
    _find_browser()
    return int(importlib.import_module("pytest").main([*SPREAD, *arguments]))


def _mutations(arguments: list[str]) -> int:
    """What the tests notice of controls that are taken away."""
    os.chdir(HERE)
    return int(importlib.import_module("tests.security.mutants.run").main(arguments))


def _faults(arguments: list[str]) -> int:
    """Whether anything that was acknowledged is lost when processes die, disks are full and the like."""
    os.chdir(HERE)
    compileall.compile_dir("backoffice", quiet=2)
    return int(importlib.import_module("tests.faults.run").main(arguments))


def _screenshots(arguments: list[str]) -> int:
    """Pictures of the main pages, for people to look at."""
    os.chdir(HERE)
    _find_browser()
    return int(importlib.import_module("tests.browser.screenshots").main(arguments))


def _find_browser() -> None:
    """Get a Chromium for the browser tests where none is. They say themselves what it means to have none."""
    kept = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or (_home() or HERE) / ".cache" / "ms-playwright")
    if any(map(shutil.which, BROWSERS)) or any(kept.glob("chromium-*/**/chrome")):
        return
    _say("No Chromium on this machine; fetching one for the browser tests ...")
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        worked = subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        worked = False
    _say("Chromium is here." if worked else "It could not be fetched. Try apt install chromium-headless-shell")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
