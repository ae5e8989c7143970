"""Every command with values that nobody means: an answer or a sentence, never a trace. And a store that refuses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from backoffice.cli import COMMANDS
from tests.support.commands import Run
from tests.support.servers import Store, free_ports

ODD = [
    *("", " ", "☃", "-1", "\udcff", "a\nb\x1b[2J", "[", "..", "/dev/null/x", "~nobody-has-this-name"),
    *("9" * 9, "9" * 25, "x" * 300),
]
LINES = [
    "user create V",
    "user create odd --email V --role V --quota V",
    "user create odd --quota V",
    "user create odd --role V",
    "user list --role V",
    "user list --status V",
    "user list --search V",
    "user update V --username V --email V",
    "user update rosa --username V",
    "user update rosa --email V",
    "user disable V",
    "user enable V",
    "user delete V",
    "user set-password V",
    "user invite V",
    "role create V",
    "role create odd --permission V",
    "role create odd --description V",
    "role update V --description V",
    "role delete V",
    "token create --user V",
    "token create --user rosa --name V",
    "token create --user rosa --scope V",
    "token create --user rosa --days V",
    "token list --user V",
    "token revoke V",
    "audit tail -n V",
    "audit search --actor V",
    "audit search --object V",
    "audit search --action V",
    "audit search --ip V",
    "audit search -n V",
    "audit export --until V --out log",
    "audit export --since V --until 2100-01-01 --out log",
    "audit export --until 2100-01-01 --out V",
    "audit seal V",
    "audit trim V",
    "audit verify V",
    "upload V",
    "upload V --url V",
    "upload V --parallel V",
    "upload V --name V --tag V --on-conflict V",
    "upload - --name V",
    "upload file --tag V",
    "upload file --name V",
    "upload V --token V",
    "upload V --token-file V",
    "download V",
    "download V --to V",
    "download V --url V",
    "share V",
    "share file --url V",
    "share V --days V",
    "share V --max-downloads V",
    "share V --password-file V",
    "request V",
    "request V --folder V --message V",
    "request V --max-size V --max-file-size V",
    "request V --type V --password-file V",
    "encryption decrypt-data --data V",
    "demo --from V",
    "fsck V",
    "encryption V",
    "migrate V",
    "store V",
    "doctor V",
    "backup V",
    "backup V --base V --key-file V",
    "backup copy --base V",
    "backup key V",
    "backup check V",
    "backup prove V --scratch V",
    "restore V",
    "restore copy --base V --data V",
    "up --port V",
    "up --workers V",
    "serve --port V",
    "serve --workers V",
    "serve --fd V",
    "worker --notice-fd V",
    "V",
]


@pytest.fixture
def run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Whatever asks for a password gets one; whatever asks for a token or a file finds one."""
    monkeypatch.setenv("BACKOFFICE_TOKEN", "bo_a.b")
    (tmp_path / "file").write_bytes(b"x")
    return partial(run, typed="violet-harbour-93\n")


def test_the_table_has_every_command() -> None:
    assert {line.split()[0] for line in LINES} - {"V"} == {name for name, _, _ in COMMANDS} - {"bench"}


@pytest.mark.parametrize("line", LINES)
def test_odd_values_are_told_in_a_sentence(run: Run, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if line.startswith(("upload", "download", "share", "request")) and "--url" not in line:
        line += f" --url http://127.0.0.1:{free_ports(1)[0]}"
    if "--url" in line:
        monkeypatch.setattr("backoffice.client.upload.FIRST_ATTEMPTS", 1)
        monkeypatch.setattr("backoffice.client.download.FIRST_ATTEMPTS", 1)
    assert run("user", "create", "rosa", "--role", "admin")[0] == 0
    for value in ODD:
        if line.startswith(("up ", "serve", "worker")) and not value.strip():
            continue  # as good as not given: it would run
        status, out, said = run(*(value if word == "V" else word for word in line.split()))
        assert status in {0, 1, 2}, (value, said)
        assert status == 0 or (said + out).strip(), value
        assert "Traceback" not in said + out
        assert "\x1b[2J" not in said + out, value


@pytest.mark.parametrize("command", [["user", "list"], ["fsck"], ["serve"], ["worker"], ["demo"], ["doctor"]])
def test_a_database_that_the_store_does_not_have_is_told_in_a_sentence(
    run: Run, store_server: Store, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for url in (f"{store_server.url}?db=99", f"{store_server.url}?db=999999999"):
        monkeypatch.setenv("REDIS_URL", url)
        status, out, said = run(*command)
        assert status == 1
        assert f"The store at {store_server.url} refuses: " in said + out
        assert "REDIS_URL ends in the number of a database" in said + out


@pytest.mark.parametrize("command", [["user", "list"], ["worker"], ["doctor"]])
@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster"])
def test_a_store_that_is_not_there_is_named_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, scheme: str, command: list[str]
) -> None:
    place = f"127.0.0.1:{free_ports(1)[0]}"
    end = "/main" if "sentinel" in scheme else ""
    monkeypatch.setenv("REDIS_URL", f"{scheme}://me:canary@{place}{end}")
    monkeypatch.setenv("REDIS_PASSWORD", "canary")
    status, out, said = run(*command)
    assert status == 1
    assert f"The store at {scheme}://me@{place}{end} does not answer: " in said + out
    assert "Check that it runs, REDIS_URL and REDIS_PASSWORD." in said + out
    assert "canary" not in said + out


def test_a_wrong_password_and_missing_rights_are_told(run: Run, real: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "wrong")
    status, _, said = run("user", "list")
    assert (status, "The store refuses our password." in said) == (1, True), said


@pytest.fixture
def limited(real: Redis) -> Iterator[None]:
    real.execute_command("ACL", "SETUSER", "few", "on", ">few", "+get", "~*")
    yield
    real.execute_command("ACL", "DELUSER", "few")


def test_missing_rights_are_told(run: Run, store_server: Store, limited: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", store_server.url.replace("unix://", "unix://few@"))
    monkeypatch.setenv("REDIS_PASSWORD", "few")
    status, _, said = run("user", "list")
    assert (status, "Give its user the rights" in said) == (1, True), said
