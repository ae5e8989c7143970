"""Scripts of the imitated server, compiled once for each server.

It compiles a script at each call and collects Lua's garbage after it, which takes more than what the script does. That
is only the imitation's: a real server compiles once.
"""

from __future__ import annotations

from typing import Any

from fakeredis.commands_mixins.scripting_mixin import ScriptingCommandsMixin

_COLLECT = "collectgarbage()"
_runtime_of = ScriptingCommandsMixin._get_server_runtime


class _Compiling:
    """A Lua runtime that keeps what it compiled; it collects garbage when Lua does so by itself."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._compiled: dict[bytes | str, Any] = {_COLLECT: lambda: None}

    def execute(self, script: bytes | str) -> Any:
        found = self._compiled.get(script)
        if found is None:
            found = self._compiled[script] = self._runtime.compile(script)
        return found()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


def _compiling_runtime_of(self: Any, server: Any) -> Any:
    runtime = _runtime_of(self, server)
    if not hasattr(server, "compiling"):
        server.compiling = _Compiling(runtime)
    return server.compiling


def install() -> None:
    """For all imitated servers of this process."""
    ScriptingCommandsMixin._get_server_runtime = _compiling_runtime_of
