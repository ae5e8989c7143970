"""The image without an engine: built by buildah, started by the kernel's own means (namespaces, chroot, setpriv) with
an engine's bounds: no root, no capability, nothing writable but /tmp and /data."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.image_tools import (
    BASE,
    IMAGE,
    SCRATCH,
    USER,
    base_tar,
    done,
    folder_for_a_while,
    hand_over,
    secrets_of_pip,
    walk,
    works,
)
from tests.support.servers import ROOT


@dataclass(frozen=True, slots=True)
class Chrooted:
    """The image's files below `root`, and processes that see nothing else."""

    root: Path
    data: Path
    facts: dict[str, Any]
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes]
    output: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = inside(self.root, self.data, words)
        environ = environment(self.facts, self.environ)
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)

    def healthy(self) -> bool:
        [kind, *words] = self.facts["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.run(*words).returncode == 0

    def said(self) -> str:
        return self.output.read_text("utf-8", "replace")

    def stop(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in map(int, children):  # unshare itself passes no signal on
            os.kill(pid, 15)
        return self.process.wait(40)


def inside(root: Path, data: Path, words: Sequence[str]) -> list[str]:
    """As an engine starts a container: the root read-only, /tmp and /data writable, a user without any capability."""
    script = f"""
set -e
mount --bind {root} {root}
mount -o remount,bind,ro {root}
mount -t tmpfs tmpfs {root}{SCRATCH}
mount --bind {data} {root}/data
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
cd {root}
exec chroot . /usr/bin/setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs \\
  --bounding-set=-all --inh-caps=-all --ambient-caps=-all \\
  /bin/sh -c 'cd /app && exec "$@"' sh "$@"
"""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", *words]


def environment(facts: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    return {**dict(one.split("=", 1) for one in facts["Env"]), **environ}


class Buildah:
    """Builds with chroot, in a store of files alone; starts what it built by `inside`."""

    def __init__(self) -> None:
        self.environ = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        self._made = ""

    def _buildah(self, *words: str) -> str:
        return done("buildah", *words, env=self.environ, cwd=ROOT)

    def build(self) -> None:
        with folder_for_a_while() as folder:
            self._make_base(folder)
            bases = [f"--build-arg=PYTHON_IMAGE={BASE}"]
            options = ["--format=docker", "--layers=false", *secrets_of_pip(folder)]
            self._buildah("build", *options, *bases, "--tag", IMAGE, ".")

    def _make_base(self, folder: Path) -> None:
        if works("buildah", "inspect", "--type=image", BASE, env=self.environ):
            return
        tar, made = base_tar(folder), self._buildah("from", "scratch")
        self._buildah("add", "--quiet", made, str(tar), "/")
        self._buildah("commit", "--quiet", "--rm", "--format=docker", made, BASE)

    def start(self, data: Path, environ: Mapping[str, str], port: int, *words: str) -> Chrooted:
        hand_over(data)
        root, facts = self._mounted(), self.facts()
        output = data.with_name(f"{data.name}.output")
        with output.open("ab") as stream:
            command = inside(root, data, [*facts["Entrypoint"], *words])
            process = subprocess.Popen(
                command, env=environment(facts, environ), stdout=stream, stderr=stream, stdin=subprocess.DEVNULL
            )
        return Chrooted(root, data, facts, environ, process, output)

    def _mounted(self) -> Path:
        self._made = self._made or self._buildah("from", IMAGE)
        return Path(self._buildah("mount", self._made))

    def files(self) -> list[tuple[str, int]]:
        return walk(self._mounted())

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._buildah("inspect", "--type=image", IMAGE))["Docker"]["config"]
        return found

    def save(self, path: Path) -> None:
        self._buildah("push", "--quiet", IMAGE, f"oci-archive:{path}")

    def close(self) -> None:
        if self._made:
            self._buildah("umount", self._made)
            self._buildah("rm", self._made)
            self._buildah("rmi", IMAGE)
