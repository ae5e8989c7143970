"""Logs: one line for each thing, JSON for machines, colours for a terminal. Everything goes to standard error.

Library records (gunicorn, redis) take the same way as ours.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from backoffice.settings import Settings
from backoffice.units import filesize

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
)
# They tell of every connection and worker; their warnings are enough.
_CHATTY: Final = ("gunicorn.error", "urllib3")
MOST_OF_A_CAUSE: Final = 300
"""Characters of it in a line."""

ACCESS: Final = "backoffice.access"
REQUEST: Final = "request"
"""Logger and event of the line that says of a request that it was answered."""
_RED, _YELLOW, _GREEN, _DIM, _PLAIN = (f"\x1b[{code}m" for code in (31, 33, 32, 2, 0))


def configure(settings: Settings) -> None:
    """Set up logging for this process. On a terminal in colours, elsewhere as JSON."""
    human = sys.stderr.isatty() or not settings.production
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Lines(sys.stderr, human=human)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(human=human)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(
            max(logging.WARNING, root.level) if root.level > logging.DEBUG else logging.DEBUG
        )


class _Lines(logging.StreamHandler[TextIO]):
    """Where the lines go, one at a time."""

    def __init__(self, stream: TextIO, *, human: bool) -> None:
        super().__init__(stream)
        self.human = human

    def write(self, line: str) -> None:
        """Write a line that is made already. What goes wrong is told as for any other line, and stops nobody."""
        self.acquire()
        try:
            self.stream.write(line)
            self.flush()
        except (OSError, ValueError):  # a full disk, a reader that has gone, a stream that is closed
            self.handleError(logging.makeLogRecord({"msg": line}))
        finally:
            self.release()


def json_lines() -> Callable[[str], None] | None:
    """How to write a line of JSON, with its line end, that is made already, without interleaving with any other; None
    where lines are for people."""
    handlers = logging.getLogger().handlers
    return (
        handlers[0].write if len(handlers) == 1 and isinstance(handlers[0], _Lines) and not handlers[0].human else None
    )


def logger(name: str) -> Any:
    """A structlog logger. Give events as `log.info("file.ready", file_id=…)`; never a secret, never a raw file name."""
    return structlog.stdlib.get_logger(name)


def _rendering(*, human: bool) -> list[Processor]:
    if human:
        return [_visible, _ForPeople(colours=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=True)]


class _ForPeople:
    """The last processor: a request is a short line, where it is one that was answered; all else says what it says."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._other = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_trace)

    def __call__(self, log: Any, method: str, event: EventDict) -> str:
        if (event["event"], event.get("logger")) != (REQUEST, ACCESS):
            return str(self._other(log, method, event))
        status, ip = event["status"], event["ip"] or "-"
        colour = _RED if status >= 500 else _YELLOW if status >= 400 else _GREEN
        time = f"{event['timestamp']:.19}".partition("T")[2]
        said = f"{event['method']:<6} {event['path']}  {event['ms']:.0f} ms, {filesize(event['bytes'] or 0)}"
        who = self._in(_DIM, f"{ip} {event['request_id']}")
        return f"{self._in(_DIM, time)} {self._in(colour, str(status))} {said}  {who}"

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colours else text


def _visible(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Nothing that was sent to us may play with the terminal: paths, names and agents are shown escaped."""
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _trace(stream: TextIO, exc_info: ExcInfo) -> None:
    """Without local variables, which may hold secrets, and escaped: the message may repeat what was sent."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write("\n".join(map(_escaped, text.getvalue().split("\n"))))


def _escaped(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def cause_of(error: BaseException) -> str:
    """What was behind an error of ours, in the words of the client library: which server, and what of it; "" where
    nothing was. Never the command, which a pipeline puts before them and which may hold anything."""
    cause = error.__cause__
    if cause is None:
        return ""
    text = str(cause).rpartition(" caused error: ")[2]
    return f"{type(cause).__name__}: {text.partition(chr(10))[0][:MOST_OF_A_CAUSE]}"
