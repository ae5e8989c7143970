"""strace on processes that run already."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.trial import NotTried
from tests.support.servers import wait_for


@contextlib.contextmanager
def attached(options: Sequence[str], pids: Sequence[int], said: Path) -> Iterator[None]:
    """It watches all of these processes until this ends. `said`: the file of what it says itself. Raises NotTried."""
    with said.open("w+") as output:
        tracer = subprocess.Popen(
            ["strace", *options, *(word for pid in pids for word in ("-p", str(pid)))],
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
        try:
            wait_for(
                lambda: all(f"Process {pid} attached" in said.read_text() for pid in pids) or tracer.poll() is not None,
                "strace",
                20,
            )
            if tracer.poll() is not None:
                raise NotTried(f"strace may not look here: {said.read_text().strip()}")
            yield
        finally:
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
                tracer.wait(20)
