"""What building the image takes, whoever builds it: its base, what pip needs inside, and programs that are run."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import ROOT

IMAGE, BASE = "localhost/backoffice-test", "localhost/backoffice-python"
USER = 10001
SCRATCH = "/tmp"  # noqa: S108 -- inside the container
BUILD_SECONDS = 900


def works(*command: str, env: Mapping[str, str] | None = None, seconds: float = 20) -> bool:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, check=False, timeout=seconds, env=env).returncode == 0
    return False


def done(*command: str, **options: Any) -> str:
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS, **options)
    assert found.returncode == 0, f"{' '.join(command)}\n{found.stdout[-3000:]}\n{found.stderr[-3000:]}"
    return found.stdout.strip()


def secrets_of_pip(folder: Path) -> list[str]:
    """Options with which pip inside the build reaches what pip here reaches: its settings and its certificates."""
    listed = done(sys.executable, "-m", "pip", "config", "list").splitlines()
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


@contextlib.contextmanager
def folder_for_a_while() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="backoffice-image-") as name:
        yield Path(name)


def walk(root: Path) -> list[tuple[str, int]]:
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            found.append((f"/{path.relative_to(root)}", path.lstat().st_size))
    return found


def base_tar(folder: Path) -> Path:
    """Of Debian's packages, where no registry answers."""
    if os.getuid() != 0 or not shutil.which("mmdebstrap"):
        pytest.skip("NEEDS a registry, or mmdebstrap as root, for the base of the image (apt-get install mmdebstrap)")
    done(str(ROOT / "deploy" / "base_image"), str(folder / "base.tar"))
    return folder / "base.tar"


def hand_over(data: Path) -> None:
    """Let the container's user write there."""
    try:
        os.chown(data, USER, USER)
    except PermissionError:  # an engine without root, which has users of its own
        data.chmod(0o777)
