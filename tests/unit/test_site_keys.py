"""The keys that stay outside of the store, and the program that stands for a key management service."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backoffice.domain.traceparent import TraceParent
from backoffice.settings import Settings, SettingsError
from backoffice.site_keys import KMS, KmsCommand, LocalKey, WrappingFailed, site_keys_of
from backoffice.traces import Tracing, carry, traced, use

KEY, ABOUT = bytes(range(32)), b"data key 1"
XOR = """#!/usr/bin/env python3
import base64, sys
value, about = (base64.b64decode(line) for line in sys.stdin.read().split("\\n")[:2])
assert sys.argv[1] in ("wrap", "unwrap") and about == b"data key 1"
print(base64.b64encode(bytes(one ^ 85 for one in value)).decode())
"""


def program(path: Path, text: str) -> KmsCommand:
    made = path / "kms"
    made.write_text(text)
    made.chmod(0o700)
    return KmsCommand(made, seconds=5)


def test_a_key_opens_what_it_wrapped_and_nothing_else() -> None:
    key, data = LocalKey(KEY), os.urandom(32)
    wrapped = key.wrap(data, ABOUT)
    assert data not in wrapped
    assert key.unwrap(wrapped, ABOUT) == data
    assert wrapped != key.wrap(data, ABOUT)
    flipped = bytes([wrapped[0] ^ 1]) + wrapped[1:]
    for opener, value, about in (
        (LocalKey(KEY[::-1]), wrapped, ABOUT),
        (key, wrapped, b"data key 2"),
        (key, flipped, ABOUT),
        (key, b"", ABOUT),
    ):
        with pytest.raises(WrappingFailed):
            opener.unwrap(value, about)


def test_the_name_of_a_key_says_nothing_of_it() -> None:
    assert LocalKey(KEY).name == LocalKey(KEY).name != LocalKey(KEY[::-1]).name
    assert LocalKey(KEY).name not in KEY.hex()


def test_a_program_wraps(tmp_path: Path) -> None:
    kms, data = program(tmp_path, XOR), os.urandom(32)
    wrapped = kms.wrap(data, ABOUT)
    assert wrapped != data
    assert kms.unwrap(wrapped, ABOUT) == data
    assert kms.name == KMS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/bin/sh\necho no such key >&2; exit 3\n", "ended with 3: no such key"),
        ("#!/bin/sh\necho '*'\n", "its answer is not base64"),
        ("#!/bin/sh\n", "its answer is empty"),
        ("#!/bin/sh\nprintf YWJj\n", "answered with 3 bytes, not 32"),
        ("no program", "Exec format error"),
        ("#!/bin/sh\nsleep 20\n", "no answer within 0.2 s"),
    ],
)
def test_a_program_that_fails_is_told(tmp_path: Path, text: str, told: str) -> None:
    kms = program(tmp_path, text)
    with pytest.raises(WrappingFailed, match=told.replace("*", r"\*")) as failed:
        KmsCommand(kms.program, 0.2 if "sleep" in text else 5).unwrap(KEY, ABOUT)
    assert b64encode(KEY).decode() not in str(failed.value)


def test_a_program_is_not_given_our_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have the other keys of the site, and the password of the store."""
    for name in ("BACKOFFICE_ENCRYPTION_KEYS", "REDIS_PASSWORD", "APP_SECRET_KEY", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.setenv(name, "not for others")
    monkeypatch.setenv("VAULT_ADDR", "for it")
    kms = program(tmp_path, "#!/bin/sh\nenv | base64 -w 0\n")
    told = kms.wrap(KEY, ABOUT)
    assert b"for it" in told
    assert b"not for others" not in told


def test_what_a_program_has_started_ends_with_it(tmp_path: Path) -> None:
    here = tmp_path / "pid"
    kms = program(tmp_path, f"#!/bin/sh\nsleep 60 & echo $! > {here}; wait\n")
    with pytest.raises(WrappingFailed, match="no answer"):
        KmsCommand(kms.program, 2).unwrap(KEY, ABOUT)
    until = time.monotonic() + 10
    state = Path(f"/proc/{here.read_text().strip()}/stat")
    while state.exists() and " Z " not in state.read_text() and time.monotonic() < until:
        time.sleep(0.02)
    assert not state.exists() or " Z " in state.read_text()


def test_settings_name_the_keys(tmp_path: Path) -> None:
    one, other = b64encode(KEY).decode(), b64encode(KEY[::-1]).decode()
    environ = {"BACKOFFICE_ENCRYPTION_KEYS": f"{one},{other}"}
    settings = Settings.from_env(environ, need_secret=False)
    assert one not in repr(settings)
    assert [key.name for key in site_keys_of(settings).keys] == [LocalKey(KEY).name, LocalKey(KEY[::-1]).name]
    kms = program(tmp_path, XOR).program
    settings = Settings.from_env({**environ, "BACKOFFICE_KMS_COMMAND": str(kms)}, need_secret=False)
    assert site_keys_of(settings).first.name == KMS
    assert not site_keys_of(Settings.from_env({}, need_secret=False))


def test_only_a_site_that_encrypts_refuses_what_is_not_encrypted() -> None:
    with pytest.raises(SettingsError, match="BACKOFFICE_ENCRYPTED_ONLY needs BACKOFFICE_ENCRYPTION_KEYS"):
        Settings.from_env({"BACKOFFICE_ENCRYPTED_ONLY": "1"}, need_secret=False)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "BACKOFFICE_ENCRYPT_DATA needs BACKOFFICE_ENCRYPTION_KEYS or BACKOFFICE_KMS_COMMAND"),
        (
            {"BACKOFFICE_ENCRYPTION_KEYS": b64encode(KEY).decode(), "REDIS_URL": "redis://127.0.0.1:6379"},
            "BACKOFFICE_ENCRYPT_DATA is for the embedded store, and REDIS_URL names another",
        ),
    ],
)
def test_what_cannot_encrypt_the_data_directory_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_env({"BACKOFFICE_ENCRYPT_DATA": "1", **given}, need_secret=False)
    [found] = error.value.problems
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKOFFICE_ENCRYPTION_KEYS", "short"),
        ("BACKOFFICE_ENCRYPTION_KEYS", b64encode(b"x" * 31).decode()),
        ("BACKOFFICE_ENCRYPTION_KEYS", "*" * 44),
        ("BACKOFFICE_KMS_COMMAND", "kms"),
        ("BACKOFFICE_KMS_COMMAND", "/no/such/program"),
        ("BACKOFFICE_KMS_COMMAND", "/tmp"),  # noqa: S108
    ],
)
def test_bad_settings_are_told_without_the_key(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as told:
        Settings.from_env({name: value}, need_secret=False)
    assert name in str(told.value)
    assert name.endswith("COMMAND") or value not in str(told.value)


TELLS_TRACE = """#!/bin/sh
printf %s "$TRACEPARENT" | base64 -w0
"""


def test_the_program_is_told_the_trace_that_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACEPARENT", raising=False)
    kms = program(tmp_path, TELLS_TRACE)
    sent = TraceParent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
    carry(sent)
    try:
        assert kms.wrap(b"key", ABOUT).decode() == sent.header
    finally:
        carry(None)
    with pytest.raises(WrappingFailed, match="its answer is empty"):
        kms.wrap(b"key", ABOUT)
    provider = TracerProvider(shutdown_on_exit=False)
    use(Tracing(provider, SimpleSpanProcessor(InMemorySpanExporter())))
    try:
        with traced("job"):
            _, trace_id, span_id, flags = kms.wrap(b"key", ABOUT).decode().split("-")
    finally:
        use(None)
    assert (len(trace_id), len(span_id), flags) == (32, 16, "01")
