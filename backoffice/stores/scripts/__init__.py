"""The Lua scripts of this folder, each described at its head.

A server runs a script by itself: there is no import. What several of them share stands in files of its own, which are
put before the text of each script that is loaded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SHARED = ("_bytes", "_log")
"""In this order: a file may use what those before it define."""
OF_SEGMENTS = frozenset({"log_index", "log_repair", "log_segment", "log_trim"})
"""Scripts before which `_segments` is put as well: the others run too often to define what they do not use."""

OF_QUOTAS = frozenset({"commit", "delete_and_release", "upload", "user_times"})
"""Those before which `_quota` is put, likewise."""
ASK_THEMSELVES = frozenset({"commit", "read", "upload"})
"""Scripts that know themselves when they are repeated: then they do not ask whether something has changed."""

_UNWATCHED = "local function changed() end\n"
_ASKS = "local refusal = changed()\nif refusal then return refusal end\n"


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the SHA-1 by which the server knows it."""

    source: str
    sha: str


def load(name: str, *, shebang: bool = True, allow_oom: bool = False, watched: bool = False) -> Script:
    """`<name>.lua`, ready to send. `allow_oom` lets it run when memory is full; that is said in its first line, so it
    takes `shebang`. `watched`: it begins by comparing versions, which are added to its keys and arguments."""
    source = (_read("_watch") if watched else _UNWATCHED) + shared(name) + _asking(name, watched=watched) + _read(name)
    if shebang:
        source = ("#!lua flags=allow-oom\n" if allow_oom else "#!lua\n") + source
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def _asking(name: str, *, watched: bool) -> str:
    """What asks whether something has changed, before a script that does not ask by itself."""
    return _ASKS if watched and name not in ASK_THEMSELVES else ""


def shared(name: str = "") -> str:
    """What stands before this script."""
    further = [one for one, scripts in (("_segments", OF_SEGMENTS), ("_quota", OF_QUOTAS)) if name in scripts]
    return "".join(map(_read, (*SHARED, *further)))


@cache
def _read(name: str) -> str:
    return files("backoffice.stores.scripts").joinpath(f"{name}.lua").read_text("utf-8")
