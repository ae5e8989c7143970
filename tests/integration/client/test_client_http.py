"""The client's manners: what it sends again and what not, whom it trusts, and what it says of what is no backoffice."""

from __future__ import annotations

import json
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError
from backoffice.client.http import Client
from backoffice.client.partial_file import LONGEST, partial_path, safe_name
from backoffice.secret import Secret
from tests.support.fault_proxy import relay
from tests.support.scripted_site import GOOD, Other, Scripted, problem
from tests.support.servers import ROOT, need, wait_for


@pytest.fixture
def client(other: Other) -> Iterator[Client]:
    found = Client(other.url, Secret("bo_a.b"))
    yield found
    found.close()


def test_what_passes_is_waited_for(client: Client, other: Other) -> None:
    other.answers = [
        problem(503, "unavailable"),
        problem(429, "too_many_attempts", **{"Retry-After": "1"}),
        (502, {}, b"<html>"),
        problem(400, "body_cut"),
        (200, {"Content-Length": "99"}, b'{"cut'),
        GOOD,
    ]
    sent: list[int] = []
    answer = client.request("POST", "/x", body=b"z" * 10, query=[("q", "é&")], on_sent=sent.append)
    assert answer.json() == {"fine": True}
    assert len(other.asked) == 6
    assert sum(sent) == 10
    method, path, headers, body = other.asked[-1]
    assert (method, path.partition("?")[2], body) == ("POST", "q=%C3%A9%26", b"z" * 10)
    assert headers["Authorization"] == "Bearer bo_a.b"


@pytest.mark.parametrize(
    ("variable", "sent"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",) * 2,
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX: y", None),
        ("", None),
    ],
)
def test_requests_are_a_part_of_the_trace_that_the_environment_names(
    other: Other, variable: str, sent: str | None
) -> None:
    other.answers = [problem(503, "unavailable"), GOOD]
    with closing(Client(other.url, Secret("bo_a.b"), {"TRACEPARENT": variable})) as client:
        client.request("GET", "/limits")
    assert [headers.get("traceparent") for *_, headers, _ in other.asked] == [sent, sent]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (problem(409, "name_taken"), "Said so. (name_taken)"),
        (problem(500, "internal_error"), "Said so. (internal_error, request abc)"),
        (problem(400, "invalid", "a\x1b[31m\nb\u202e"), "a [31m b (invalid)"),
        ((404, {"Content-Type": "text/html"}, b"<h1>nginx"), "is this the address of the site?"),
        ((302, {"Location": "https://elsewhere.example/"}, b""), "The site is elsewhere: https://elsewhere.example/"),
        ((307, {"Location": "/elsewhere"}, b""), "The site is elsewhere: /elsewhere"),
        (problem(401, "not_signed_in"), "The token is not accepted"),
    ],
)
def test_what_does_not_pass_is_told_at_once(client: Client, other: Other, answer: Scripted, says: str) -> None:
    other.answers = [answer]
    with pytest.raises(ResponseError) as caught:
        client.request("GET", "/limits")
    assert says in str(caught.value)
    assert len(other.asked) == 1


def test_patience_ends(client: Client, other: Other) -> None:
    other.answers = [problem(503, "unavailable")] * 3
    with pytest.raises(ResponseError):
        client.request("GET", "/limits", attempts=3)
    assert other.answers == []


def test_another_kind_of_server_is_recognised(client: Client, other: Other) -> None:
    other.answers = [(200, {}, b"<html>hello")]
    with pytest.raises(ClientError, match="not that of a backoffice site"):
        client.request("GET", "/limits").json()


def test_a_stopped_client_sends_nothing(client: Client, other: Other) -> None:
    client.stop()
    with pytest.raises(ConnectionFailed):
        client.request("GET", "/limits")
    assert other.asked == []


def test_an_address_that_cannot_be_one_is_not_tried_for_long(other: Other) -> None:
    other.answers = [GOOD]
    client = Client(f"{other.url}/ä b/", Secret("x"))
    client.request("GET", "/limits")
    client.close()
    assert other.asked[0][1] == "/%C3%A4%20b/limits"
    with pytest.raises(ClientError) as caught:
        Client("http://a b", Secret("x"))
    assert not caught.value.retryable


def test_who_can_read_the_token() -> None:
    token = Secret("x")
    assert Client("http://files.example.org", token).exposes_token
    assert not Client("https://files.example.org", token).exposes_token
    assert not any(
        Client(url, token).exposes_token for url in ("http://localhost:1", "127.0.0.1:5000", "http://[::1]:1/x")
    )


def test_tls_is_checked(other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(shutil.which("openssl"), "openssl, to make a certificate")
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -keyout key -out cert"
    )
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with relay(other.url, tls) as net:
        stranger = Client(net.url, Secret("x"))
        with pytest.raises(ClientError, match="is not trusted") as caught:
            stranger.request("GET", "/limits")
        assert not caught.value.retryable
        stranger.close()
        assert other.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
        other.answers = [GOOD, GOOD]
        friend = Client(net.url, Secret("x"))
        assert friend.request("PUT", "/a", body=b"1" * 500_000).json() == {"fine": True}
        assert friend.request("GET", "/b").json() == {"fine": True}
        friend.close()
        assert len(other.asked[0][3]) == 500_000


def test_ctrl_c_ends_it_at_once(other: Other, tmp_path: Path) -> None:
    limits = {"chunk_size": 65536, "max_chunk_size": 65536, "max_file_size": 10**9, "max_chunks": 1000}
    good = [json.dumps(limits).encode(), b'{"items": []}', b'{"file_id": "x"}']
    other.answers = [*((200, {}, body) for body in good), *[problem(503, "unavailable")] * 99]
    (tmp_path / "x").write_bytes(bytes(10**6))
    (tmp_path / "token").write_text("bo_a.b")
    command = [sys.executable, str(ROOT / "manage.py"), "upload", "x", "--url", other.url, "--token-file", "token"]
    # Whoever runs the tests in the background of a shell has it ignored, and so would the command.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heard)  # noqa: PLW1509
    wait_for(lambda: len(other.asked) > 6, "it is trying")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "Interrupted. The same command goes on where it stopped."


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Größe ✓.txt", "Größe ✓.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/cron.d/x", "x"),
        ("..\\..\\evil.exe", "evil.exe"),
        (".bashrc", "_.bashrc"),
        ("..", "the id"),
        ("", "the id"),
        ("a/", "the id"),
        ("a\x00b\n\x1b[2J", "a_b__[2J"),
        ("txt.\u202eexe", "txt._exe"),
    ],
)
def test_a_name_from_outside_stays_in_its_directory(name: str, safe: str) -> None:
    assert safe_name(name, "the id") == safe


def test_the_longest_names_have_room_to_grow() -> None:
    target = Path("ü" * 127)
    assert len(safe_name("ü" * 400, "x").encode()) <= LONGEST
    assert len(partial_path(target, '"tag"').name.encode()) <= LONGEST
    assert partial_path(target, '"tag"') != partial_path(target, '"other"')
