"""The Lua scripts of this folder, each described at its head."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the SHA-1 by which the server knows it."""

    source: str
    sha: str


def load(name: str, *, shebang: bool = True, allow_oom: bool = False) -> Script:
    """`<name>.lua`, ready to send. `allow_oom` lets it run when memory is full."""
    source = files("backoffice.stores").joinpath(f"{name}.lua").read_text("utf-8")
    if shebang:
        source = ("#!lua flags=allow-oom\n" if allow_oom else "#!lua\n") + source
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())
