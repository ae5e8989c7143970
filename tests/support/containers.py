"""The image, built and started by what this machine has: podman or docker; else buildah and, in the place of an engine,
the kernel's own means (namespaces, chroot, setpriv), with the same bounds: no root, no capability, nothing writable but
/tmp and /data."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.support.servers import ROOT

IMAGE, BASE = "localhost/backoffice-test", "localhost/backoffice-python"
USER = 10001
SCRATCH = "/tmp"  # noqa: S108 -- inside the container
BUILD_SECONDS = 900


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
        if shutil.which(name) and _works(name, "info"):
            return Client(name)
    if os.getuid() == 0 and all(map(shutil.which, ("buildah", "unshare", "chroot"))):
        return Buildah()
    pytest.skip("NEEDS podman, docker, or buildah as root (apt-get install buildah)")


def _works(*command: str, env: Mapping[str, str] | None = None) -> bool:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, check=False, timeout=20, env=env).returncode == 0
    return False


def _done(*command: str, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS, **options)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout.strip()


def secrets_of_pip(folder: Path) -> list[str]:
    """Options with which pip inside the build reaches what pip here reaches: its settings and its certificates."""
    listed = _done(sys.executable, "-m", "pip", "config", "list").splitlines()
    known = {key.partition(".")[2]: value.strip("'") for key, _, value in (line.partition("=") for line in listed)}
    kept = {key: value for key, value in known.items() if key in {"index-url", "proxy", "timeout"}}
    options = []
    bundle = os.environ.get("PIP_CERT") or known.get("cert")
    if bundle:
        kept["cert"] = "/run/secrets/ca_bundle"
        options = [f"--secret=id=ca_bundle,src={bundle}"]
    if not kept:
        return []
    file = folder / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in kept.items()))
    return [*options, f"--secret=id=pip_conf,src={file}"]


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
            return _works("podman", "healthcheck", "run", self.name)
        return _done(self.program, "inspect", "--format", "{{.State.Health.Status}}", self.name) == "healthy"

    def said(self) -> str:
        done = subprocess.run([self.program, "logs", self.name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def stop(self) -> int:
        _done(self.program, "stop", "--time", "40", self.name)
        return int(_done(self.program, "inspect", "--format", "{{.State.ExitCode}}", self.name))


@dataclass(slots=True)
class Client:
    """podman or docker, which speak alike."""

    program: str
    started: list[str] = field(default_factory=list)

    def build(self) -> None:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_folder())
            _done(self.program, "build", *secrets_of_pip(folder), "--tag", IMAGE, ".", cwd=ROOT)

    def start(self, data: Path, environ: Mapping[str, str], port: int, *words: str) -> Container:
        name = f"backoffice-test-{os.getpid()}"
        self.started.append(name)
        variables = [f"--env={key}={value}" for key, value in environ.items()]
        bounds = ["--read-only", f"--tmpfs={SCRATCH}", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        place = [f"--volume={data}:/data", f"--publish=127.0.0.1:{port}:{port}"]
        _done(self.program, "run", "--detach", "--name", name, *bounds, *place, *variables, IMAGE, *words)
        return Running(self.program, name)

    def files(self) -> list[tuple[str, int]]:
        made = _done(self.program, "create", IMAGE)
        try:
            with _folder() as folder:
                _done(self.program, "export", "--output", str(folder / "all.tar"), made)
                (folder / "root").mkdir()
                _done("tar", "-xf", str(folder / "all.tar"), "-C", str(folder / "root"), "--exclude=dev/*")
                return _walk(folder / "root")
        finally:
            _done(self.program, "rm", made)

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_done(self.program, "image", "inspect", IMAGE))[0]["Config"]
        return found

    def save(self, path: Path) -> None:
        _done(self.program, "save", "--output", str(path), IMAGE)
        _done("gzip", "-6", "--force", str(path))
        path.with_name(f"{path.name}.gz").rename(path)

    def close(self) -> None:
        for name in self.started:
            _done(self.program, "rm", "--force", name)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="backoffice-image-") as name:
        yield Path(name)


def _walk(root: Path) -> list[tuple[str, int]]:
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            found.append((f"/{path.relative_to(root)}", path.lstat().st_size))
    return found


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
        return _done("buildah", *words, env=self.environ, cwd=ROOT)

    def build(self) -> None:
        with _folder() as folder:
            self._make_base(folder)
            bases = [f"--build-arg=PYTHON_IMAGE={BASE}"]
            options = ["--format=docker", "--layers=false", *secrets_of_pip(folder)]
            self._buildah("build", *options, *bases, "--tag", IMAGE, ".")

    def _make_base(self, folder: Path) -> None:
        """Of Debian's packages, where it is not there yet: no registry is asked."""
        if _works("buildah", "inspect", "--type=image", BASE, env=self.environ):
            return
        if not shutil.which("mmdebstrap"):
            pytest.skip("NEEDS mmdebstrap for a base without a registry (apt-get install mmdebstrap)")
        _done(str(ROOT / "deploy" / "base_image"), str(folder / "base.tar"))
        made = self._buildah("from", "scratch")
        self._buildah("add", "--quiet", made, str(folder / "base.tar"), "/")
        self._buildah("commit", "--quiet", "--rm", "--format=docker", made, BASE)

    def start(self, data: Path, environ: Mapping[str, str], port: int, *words: str) -> Container:
        os.chown(data, USER, USER)
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
        return _walk(self._mounted())

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
