"""The access log: one line for each request, without secrets.

It is the one line that every request pays for. So where lines are JSON it is put together here, in the form that
structlog would give it, and not by its chain of processors: a tenth of the time.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii
from typing import Any, Final

import structlog
from gunicorn.glogging import Logger

from backoffice.logs import ACCESS, REQUEST, json_lines, logger
from backoffice.measures import count
from backoffice.web.context import REQUEST_ID

_SECRET_PATH: Final = re.compile(r"(.*?/(?:s\b|setup|tus)[^/]*/+)[^/].*", re.IGNORECASE | re.DOTALL)
"""Below these the rest of a path is as good as a password: however many slashes the client sends, and also where the
spelling, or what stands before it, leads nowhere; the link is good all the same."""
_NAMED_PATH: Final = re.compile(r"(.*?/files/+)(?![0-9A-Za-z]+/content\Z).+", re.DOTALL)
"""By PUT it is a name that stands there: files have no names in the log. Elsewhere it is an identifier."""
# Asked for every few seconds by machines: in the log they would bury what people do.
_PROBES: Final = ("/livez", "/readyz", "/metrics")

_log = logger(ACCESS)
_levels = logging.getLogger(ACCESS)


class AccessLog(Logger):  # type: ignore[misc] # gunicorn is not typed
    """gunicorn's logger, speaking through ours."""

    _write: Callable[[str], None] | None = None

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        for log in (self.error_log, self.access_log):
            log.handlers = []
            log.propagate = True
        self.loglevel = self.error_log.getEffectiveLevel()
        self._write = json_lines()

    def reopen_files(self) -> None:
        """There are none."""

    def access(self, resp: Any, _req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        count("sent_bytes", "", getattr(resp, "sent", None) or 0)
        path = str(environ.get("PATH_INFO", ""))
        level = logging.DEBUG if path in _PROBES or path.startswith("/static/") else logging.INFO
        if not _levels.isEnabledFor(level):
            return
        method, ip, request_id = (environ.get(name) for name in ("REQUEST_METHOD", "REMOTE_ADDR", REQUEST_ID))
        path, sent = public_path(path, str(method)), getattr(resp, "sent", None)
        ms = round(request_time.total_seconds() * 1000, 1)
        if self._write is None:
            _log.log(
                level,
                REQUEST,
                method=method,
                path=path,
                status=resp.status_code,
                bytes=sent,
                ms=ms,
                ip=ip,
                request_id=request_id,
            )
        else:
            # In structlog's form: same names, order and escapes.
            self._write(
                f'{{"method": {_json(method)}, "path": {_json(path)}, "status": {_json(resp.status_code)}, '
                f'"bytes": {_json(sent)}, "ms": {ms!r}, "ip": {_json(ip)}, "request_id": {_json(request_id)}, '
                f'"event": "{REQUEST}", {_of_request()}"level": "{logging.getLevelName(level).lower()}", '
                f'"logger": "{ACCESS}", "timestamp": "{datetime.now(UTC).isoformat()[:-6]}Z"}}\n'
            )


def _of_request() -> str:
    """What every line of this request says and this one has not said yet."""
    facts = structlog.contextvars.get_contextvars()
    return "".join([f'"{name}": {_json(value)}, ' for name, value in facts.items() if name != "request_id"])


def _json(value: object) -> str:
    if type(value) is str:
        return encode_basestring_ascii(value)
    return repr(value) if type(value) is int else json.dumps(value)


def public_path(path: str, method: str = "GET") -> str:
    """`path` without the part that opens a door, or is the name of a file. The query is never logged: it may hold one
    too."""
    found = _SECRET_PATH.fullmatch(path) or (_NAMED_PATH.fullmatch(path) if method == "PUT" else None)
    return f"{found[1]}…" if found else path
