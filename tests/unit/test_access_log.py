"""The line that every request writes: what structlog would write, never cut, never mixed with others."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from gunicorn.config import Config

from backoffice import logs, measures
from backoffice.secret import Secret
from backoffice.server.access_log import AccessLog, public_path
from backoffice.settings import Environment, Settings

HOSTILE = 'a"b\\c\r\nd\x00\x1b[31m é\u2028😀\udc80/'


Configure = Callable[..., io.StringIO]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Set logging up as the product does, and give what goes to standard error; all is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configured(*, terminal: bool = False, **settings: Any) -> io.StringIO:
        written = io.StringIO()
        monkeypatch.setattr(written, "isatty", lambda: terminal, raising=False)
        monkeypatch.setattr(sys, "stderr", written)
        logs.configure(Settings(secret_keys=(Secret("k" * 40),), **settings))
        return written

    yield configured
    root.handlers, root.level = handlers, level
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def _access(log: AccessLog, **environ: Any) -> None:
    given = {
        "PATH_INFO": "/files/x",
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": "192.0.2.1",
        "backoffice.request_id": "0123456789abcdef",
    }
    log.access(SimpleNamespace(status_code=200, sent=10_000), None, given | environ, timedelta(microseconds=1234))


def _without_time(line: str) -> list[tuple[str, Any]]:
    pairs = list(json.loads(line).items())
    assert pairs[-1][0] == "timestamp"
    datetime.fromisoformat(pairs[-1][1])
    return pairs[:-1]


@pytest.mark.parametrize(
    ("environ", "context"),
    [
        ({}, {"endpoint": "api.files.get", "user": "u1"}),
        ({"PATH_INFO": HOSTILE, "REQUEST_METHOD": HOSTILE}, {"endpoint": None}),
        ({"REMOTE_ADDR": HOSTILE}, {"user": HOSTILE}),
        ({"REMOTE_ADDR": None, "backoffice.request_id": None}, {}),
        ({"PATH_INFO": "/s/secret"}, {"request_id": "another"}),
        ({}, {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}),
    ],
)
def test_the_line_is_what_structlog_writes(configure: Configure, environ: dict[str, Any], context: Any) -> None:
    written = configure()
    structlog.contextvars.bind_contextvars(**context)
    log = AccessLog(Config())
    assert log._write is not None
    _access(log, **environ)
    log._write = None  # the long way
    _access(log, **environ)
    short, long = written.getvalue().splitlines()
    assert _without_time(short) == _without_time(long)
    assert short.isascii()


def test_what_was_sent_is_counted_also_where_no_line_is_written(configure: Configure) -> None:
    sent: list[tuple[str, str, int]] = []
    listener = SimpleNamespace(counted=lambda *told: sent.append(told))
    configure(log_level="ERROR")
    measures.listen("test", cast(Any, listener))
    try:
        _access(AccessLog(Config()))
    finally:
        measures.listen("test", None)
    assert sent == [("sent_bytes", "", 10_000)]


def test_on_a_terminal_lines_are_for_people(configure: Configure) -> None:
    written = configure(environment=Environment.DEVELOPMENT)
    _access(AccessLog(Config()))
    logs.logger("other").info("request", path="/x")
    request, other = written.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d 200 GET    /files/x  1 ms, 10.0 kB  192.0.2.1 0123456789abcdef", request)
    assert "path=/x" in other


def test_on_a_terminal_a_request_has_colours_and_nothing_that_was_sent_has_any(
    configure: Configure,
) -> None:
    written = configure(terminal=True)
    _access(AccessLog(Config()), PATH_INFO="/\x1b]0;owned\x07", REMOTE_ADDR=None)
    assert "\x1b[32m200\x1b[0m GET    /\\x1b]0;owned\\x07  1 ms" in written.getvalue()


@pytest.mark.parametrize(("level", "logged"), [("INFO", 0), ("DEBUG", 3)])
def test_probes_and_static_files_are_for_those_who_look_closely(configure: Configure, level: str, logged: int) -> None:
    written = configure(log_level=level)
    for path in ("/livez", "/metrics", "/static/css/app.css"):
        _access(AccessLog(Config()), PATH_INFO=path)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["level"] for line in lines] == ["debug"] * logged


def test_no_line_begins_inside_another_and_none_is_missing(configure: Configure) -> None:
    written = configure()
    log, other = AccessLog(Config()), logs.logger("other")

    def many(name: str) -> None:
        for number in range(100):
            _access(log, PATH_INFO=f"/{name}/{number}")
            other.info("something else", name=name, number=number)

    threads = [threading.Thread(target=many, args=(f"thread-{one}",)) for one in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    for one in range(8):
        paths = [line["path"] for line in lines if line.get("path", "").startswith(f"/thread-{one}/")]
        assert paths == [f"/thread-{one}/{number}" for number in range(100)]
    assert len([line for line in lines if line["event"] == "something else"]) == 800


def test_a_line_that_cannot_be_written_stops_no_request(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    written = configure()
    log = AccessLog(Config())
    monkeypatch.setattr(logging, "raiseExceptions", False)
    written.close()
    _access(log)
    logs.logger("other").info("neither does one of another kind")


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/files", "/files"),
        ("/something", "/something"),
        ("/setup/", "/setup/"),
        ("/s/AbCdEf", "/s/…"),
        ("/setup/AbCdEf", "/setup/…"),
        ("//setup/AbCdEf", "//setup/…"),
        ("/setup//AbCdEf", "/setup//…"),
        ("/SetUp/AbCdEf", "/SetUp/…"),
        ("/x/../setup/AbCdEf", "/x/../setup/…"),
        ("/setup;x/AbCdEf", "/setup;x/…"),
        ("/setups/AbCdEf", "/setups/…"),
        ("/tus/", "/tus/"),
        ("/tus/AbC~dEf", "/tus/…"),
        ("/below/tus//AbC~dEf", "/below/tus//…"),
        ("/TUS/AbC", "/TUS/…"),
        ("/status/AbC", "/status/AbC"),
        ("/s /AbCdEf", "/s /…"),
        ("/static/site.css", "/static/site.css"),
        ("/below/setup/AbCdEf/\n", "/below/setup/…"),
        ("/setup/AbCdEf/setup/x", "/setup/…"),
        ("/" + "s/" * 30_000, "/s/…"),
        ("/" + "setup/x" * 5_000, "/setup/…"),
    ],
)
def test_k3_paths_that_open_doors_are_not_logged(path: str, logged: str) -> None:
    assert public_path(path) == logged


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/files/notes of a patient.txt", "/files/…"),
        ("/files/a/b\nc.txt", "/files/…"),
        ("/files//x", "/files//…"),
        ("/below/files/x.txt", "/below/files/…"),
        ("/shares/aZPs5tZaumyK2RYhpdOyVO/files/x.txt", "/shares/aZPs5tZaumyK2RYhpdOyVO/files/…"),
        ("/files/aZPs5tZaumyK2RYhpdOyVO/content", "/files/aZPs5tZaumyK2RYhpdOyVO/content"),
        ("/files/a.b/content", "/files/…"),
    ],
)
def test_by_put_the_name_of_a_file_is_not_logged(path: str, logged: str) -> None:
    assert public_path(path, "PUT") == logged
    assert public_path("/files/aZPs5tZaumyK2RYhpdOyVO", "DELETE") == "/files/aZPs5tZaumyK2RYhpdOyVO"
