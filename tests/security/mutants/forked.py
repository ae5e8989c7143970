"""Runs of pytest in forks of this process, which has imported what takes longest: the libraries, and nothing of the
project. A run begins in a tenth of the time that a program of its own would need.

The process must have no other threads.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = (
    "pytest", "hypothesis", "unittest.mock", "xml.etree.ElementTree", "concurrent.futures.thread",
    "fakeredis", "lupa", "redis.cluster", "argon2", "zxcvbn", "xxhash", "urllib3", "prometheus_client", "structlog",
    "flask", "jinja2", "flask_admin.model", "flask_admin.contrib", "flask_login", "flask_principal", "flask_wtf",
    "flask_bootstrap", "gunicorn.app.base", "gunicorn.workers.gthread", "click", "rich.console", "dotenv",
    "pydantic", "pydantic.main", "pydantic.fields", "pydantic.root_model",
)  # fmt: skip
"""One that is missing here costs time and nothing else."""
STUCK_SECONDS = 40
"""For one test with one of its parameters: without what ends a wait it waits for ever, and that is a failure."""
OPTIONS = ("-q", "-x", "--assert=plain", "--tb=short", "-p", "no:cacheprovider", f"--timeout={STUCK_SECONDS}")
NOT_NEEDED = ("-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:anyio")
"""Plugins that no named test wants."""
OURS = ("tests", "backoffice", "manage")

PASSED, FAILED, NEITHER, LATE = 0, 100, 101, 102
"""How a run ended: a test failed by itself; something else (no import, a fixture); it had to be ended."""


class _Failures:
    """A plugin of pytest that tells a test that failed from one that could not begin."""

    found = False

    def pytest_runtest_logreport(self, report: object) -> None:
        self.found = self.found or (getattr(report, "when", "") == "call" and bool(getattr(report, "failed", False)))


@dataclass(slots=True)
class Run:
    """`scratch`: a directory of its own, for what pytest says and for the tests' files."""

    process: int
    scratch: Path
    began: float
    limit: float

    @property
    def said(self) -> str:
        return (self.scratch / "said").read_text("utf-8", "replace")[-2000:]


def import_libraries() -> None:
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # pytest collects garbage at its end, and need not go through all of that


def start(tests: Sequence[str], copy: Path, scratch: Path, limit: float, only: str = "") -> Run:
    """pytest for `tests` in `copy`, in a process and a session of its own. `only`: those with this in their name."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return Run(process, scratch, time.monotonic(), limit)
    status = NEITHER
    try:
        os.setsid()
        status = _pytest([*(f"tests/{test}" for test in tests), *(("-k", only) if only else ())], copy, scratch)
    except BaseException:  # noqa: BLE001 -- nothing of this process may go on as the one that it was forked from
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _pytest(asked: Sequence[str], copy: Path, scratch: Path) -> int:
    output = os.open(scratch / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, opened in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(opened, number)
    os.chdir(copy)
    # Of the caller's Python nothing but the interpreter: the copy has to be what is imported.
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "CI"):
        os.environ.pop(name, None)
    sys.dont_write_bytecode = False
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if "site-packages" in entry or entry.startswith(sys.base_prefix)]
    import pytest  # noqa: PLC0415 -- is there already
    from hypothesis import Phase, settings  # noqa: PLC0415

    # That an input fails is enough; the smallest one is not looked for.
    settings.register_profile("found", derandomize=True, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("found")
    failures = _Failures()
    command = [*OPTIONS, *NOT_NEEDED, f"--basetemp={scratch}/t", *asked]
    status = int(pytest.main(command, plugins=[failures]))
    return FAILED if failures.found else PASSED if status == 0 else NEITHER


def status(run: Run) -> int | None:
    """How it ended, None while it goes on within its limit; then nothing that it started runs any more."""
    if os.waitid(os.P_PID, run.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
        return os.waitstatus_to_exitcode(stop(run))
    if time.monotonic() - run.began > run.limit:
        stop(run)
        return LATE
    return None


def stop(run: Run) -> int:
    """End it with all that it has started. Returns its status, as `os.wait` does."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(run.process, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):  # it may not have had the time to make its session
        os.kill(run.process, signal.SIGKILL)
    return os.waitpid(run.process, 0)[1]
