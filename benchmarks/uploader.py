"""Uploads one file after the other over several connections, until told to stop: a process of its own, below others.

`python -m benchmarks.uploader SIZE CHUNK` reads a `site.Site` in JSON, a line of its standard input, and says "ready"
when it begins. It ends when its input does, and then says how many bytes it moved.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import Self

from benchmarks.doors import Content, upload_chunks
from benchmarks.plan import MIB
from benchmarks.site import ROOT, Failed, Site

NICE = 10
"""It takes what others leave. At the same priority its threads would stand before the client that measures, whose
waiting for a processor would be measured as the site's."""


class Uploading:
    """Files of `total` bytes in chunks of `size`, as long as the manager is open. `moved`: bytes, afterwards."""

    def __init__(self, site: Site, total: int, size: int) -> None:
        self.moved = 0
        self._site = json.dumps(asdict(site))
        self._command = [sys.executable, "-m", "benchmarks.uploader", str(total), str(size)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 -- both are pipes
        stdin.write(self._site + "\n")
        stdin.flush()
        if stdout.readline() != "ready\n":
            raise Failed(f"the uploads: {self._process.communicate()[1].strip()[-500:]}")
        return self

    def __exit__(self, *_: object) -> None:
        output, errors = self._process.communicate()
        if self._process.returncode:
            raise Failed(f"the uploads: {errors.strip()[-500:]}")
        self.moved = int(output)


def main(site: Site, total: int, size: int) -> None:
    os.nice(NICE)
    content = Content(memoryview(os.urandom(16 * MIB)), total)
    digests, over, moved = content.digests(size), threading.Event(), 0

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    print("ready", flush=True)
    while not over.is_set():
        file_id = upload_chunks(site, content, size, digests)
        moved += total
        site.free(file_id, content.count(size))
    print(moved)


if __name__ == "__main__":
    main(Site(**json.loads(sys.stdin.readline())), int(sys.argv[1]), int(sys.argv[2]))
