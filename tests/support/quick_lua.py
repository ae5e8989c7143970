"""Scripts of the imitated servers, compiled once for all servers of a run.

fakeredis makes an interpreter for each server, compiles a script at each call, collects Lua's garbage after it, and
looks at all global variables before each command of a script, which together takes more than what the script does.
That is only the imitation's: a real server compiles once. That a script leaves no global variable behind is still asked
when it has ended.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

from fakeredis._commands import COMMANDS_WITH_SUB
from fakeredis.commands_mixins import scripting_mixin
from fakeredis.commands_mixins.scripting_mixin import ScriptingCommandsMixin

_COLLECT = "collectgarbage()"
_runtime_of = ScriptingCommandsMixin._get_server_runtime
_eval = ScriptingCommandsMixin.eval
_call = ScriptingCommandsMixin._lua_redis_call
_WITH_SUB = frozenset(name.encode() for name in COMMANDS_WITH_SUB)
_SCALARS = frozenset({bytes, int})
_lock = RLock()
_made: dict[str, dict[str, Any]] = {}
"""What the first server of each kind has of Lua. The others have it as well: which of them runs a script is said anew
with each script."""


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


def _shared_runtime_of(self: Any, server: Any) -> Any:
    if not hasattr(server, "compiling"):
        kind = server.server_type
        if kind not in _made:
            server.compiling = _Compiling(_runtime_of(self, server))
            _made[kind] = {name: value for name, value in vars(server).items() if name.startswith("_lua_")}
            _made[kind]["compiling"] = server.compiling
        vars(server).update(_made[kind])
    return server.compiling


def _eval_alone(self: Any, *args: Any) -> Any:
    """No two servers at once, for they share their interpreter."""
    with _lock:
        return _eval(self, *args)


def _quick_call(self: Any, runtime: Any, known: Any, op: bytes, *args: Any) -> Any:
    """A command of a script."""
    if op.lower() in _WITH_SUB:
        return _call(self, runtime, known, op, *args)
    func, signature = self._name_to_func(op.decode().lower())
    convert = scripting_mixin._convert_redis_arg
    given = [arg if type(arg) is bytes else convert(arg) for arg in args]
    result = self._run_command(func, signature, given, True)
    return result if type(result) in _SCALARS else self._convert_redis_result(runtime, result)


def install() -> None:
    """For all imitated servers of this process."""
    ScriptingCommandsMixin._get_server_runtime = _shared_runtime_of
    ScriptingCommandsMixin.eval = _eval_alone
    ScriptingCommandsMixin._lua_redis_call = _quick_call
