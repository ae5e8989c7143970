"""The image, built and started by what this machine has: podman or docker; else buildah and the kernel's own means."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.containers_by_hand import Buildah
from tests.support.image_tools import (
    BASE,
    IMAGE,
    SCRATCH,
    base_tar,
    done,
    folder_for_a_while,
    hand_over,
    secrets_of_pip,
    walk,
    works,
)
from tests.support.servers import ROOT

[OFFICIAL] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)


class Container(Protocol):
    """One that runs."""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command inside of it, as its own user."""

    def healthy(self) -> bool:
        """What its health check says now."""

    def said(self) -> str:
        """All its output up to now."""

    def stop(self) -> int:
        """As an engine does: SIGTERM, and 40 s of patience. Its exit status."""


class Engine(Protocol):
    def build(self) -> None: ...

    def start(self, data: Path, environ: Mapping[str, str], port: int, *words: str) -> Container: ...

    def files(self) -> list[tuple[str, int]]:
        """Every file of the image: its path from the root on, and its bytes."""

    def facts(self) -> dict[str, Any]:
        """The image's configuration, as engines write it (`User`, `Env`, `Entrypoint`, `Healthcheck`, …)."""

    def save(self, path: Path) -> None:
        """Into an archive whose layers are compressed, as a registry has them."""

    def close(self) -> None:
        """Take away what was started, and what the next build does not go on with."""


def engine() -> Engine:
    """What this machine has, the most usual first."""
    for name in ("podman", "docker"):
        if shutil.which(name) and works(name, "info") and (client := Client(name)).runs():
            return client
    if os.getuid() == 0 and all(map(shutil.which, ("buildah", "unshare", "chroot"))):
        return Buildah()
    pytest.skip("NEEDS podman, docker, or buildah as root (apt-get install buildah)")


@dataclass(frozen=True, slots=True)
class Running:
    """A container of podman or docker."""

    program: str
    name: str

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self.program, "exec", self.name, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def healthy(self) -> bool:
        if self.program == "podman":
            return works("podman", "healthcheck", "run", self.name)
        return done(self.program, "inspect", "--format", "{{.State.Health.Status}}", self.name) == "healthy"

    def said(self) -> str:
        found = subprocess.run([self.program, "logs", self.name], capture_output=True, text=True, check=False)
        return found.stdout + found.stderr

    def stop(self) -> int:
        done(self.program, "stop", "--time", "40", self.name)
        return int(done(self.program, "inspect", "--format", "{{.State.ExitCode}}", self.name))


@dataclass(slots=True)
class Client:
    """podman or docker, which speak alike."""

    program: str
    started: list[str] = field(default_factory=list)
    base: str = ""

    def runs(self) -> bool:
        """Whether it runs what it has: on some machines it can build, and no more."""
        if works(self.program, "pull", "--quiet", OFFICIAL, seconds=200):
            self.base = OFFICIAL
        else:
            self.base = BASE
            self._import_base()
        return works(self.program, "run", "--rm", self.base, "python", "--version", seconds=60)

    def _import_base(self) -> None:
        if not works(self.program, "image", "inspect", BASE):
            with folder_for_a_while() as folder:
                done(self.program, "import", str(base_tar(folder)), BASE)

    def build(self) -> None:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(folder_for_a_while())
            base = f"--build-arg=PYTHON_IMAGE={self.base}"
            done(self.program, "build", *self._format(), *secrets_of_pip(folder), base, "--tag", IMAGE, ".", cwd=ROOT)

    def _format(self) -> list[str]:
        """podman's own has no health checks."""
        return ["--format=docker"] if self.program == "podman" else []

    def start(self, data: Path, environ: Mapping[str, str], port: int, *words: str) -> Container:
        name = f"backoffice-test-{os.getpid()}"
        self.started.append(name)
        hand_over(data)
        variables = [f"--env={key}={value}" for key, value in environ.items()]
        bounds = ["--read-only", f"--tmpfs={SCRATCH}", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        place = [f"--volume={data}:/data", f"--publish=127.0.0.1:{port}:{port}"]
        done(self.program, "run", "--detach", "--name", name, *bounds, *place, *variables, IMAGE, *words)
        return Running(self.program, name)

    def files(self) -> list[tuple[str, int]]:
        made = done(self.program, "create", IMAGE)
        try:
            with folder_for_a_while() as folder:
                done(self.program, "export", "--output", str(folder / "all.tar"), made)
                (folder / "root").mkdir()
                done("tar", "-xf", str(folder / "all.tar"), "-C", str(folder / "root"), "--exclude=dev/*")
                return walk(folder / "root")
        finally:
            done(self.program, "rm", made)

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(done(self.program, "image", "inspect", IMAGE))[0]["Config"]
        return found

    def save(self, path: Path) -> None:
        done(self.program, "save", "--output", str(path), IMAGE)
        done("gzip", "-6", "--force", str(path))
        path.with_name(f"{path.name}.gz").rename(path)

    def close(self) -> None:
        for name in self.started:
            done(self.program, "rm", "--force", name)
