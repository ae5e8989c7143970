"""The variant for Cloud Run, as far as it can run here: one process tree with the environment of `service.yaml`, all
data in a Redis over TLS, and a front that adds the client's address."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.fault_proxy import certificate, relay
from tests.support.servers import ROOT, Store, free_ports, run_store, wait_for

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(200)]

SERVICE = yaml.safe_load((ROOT / "deploy" / "cloud-run" / "service.yaml").read_text("utf-8"))
[CONTAINER] = SERVICE["spec"]["template"]["spec"]["containers"]
KEY = "kT8v-2Qx9Lr4WnB7pZs1HdMf6YcJ0aGe3uRi5oEb"
LARGEST_REQUEST = 32 * 1024**2  # of HTTP/1 there


def environment(store: Store, url: str, home: Path, port: int) -> dict[str, str]:
    """That of the file; what is elsewhere here are the store's address, the secrets' folders and the data directory."""
    given = {one["name"]: one["value"] for one in CONTAINER["env"]}
    assert given["REDIS_URL"].startswith("rediss://")
    given["REDIS_URL"] = f"rediss://127.0.0.1:{urlsplit(url).port}/0?ssl_ca_certs={home}/cert"
    for name, text in {"REDIS_PASSWORD_FILE": store.password, "APP_SECRET_KEY_FILE": KEY}.items():
        assert given[name].startswith("/secrets/")
        given[name] = str(home / name)
        (home / name).write_text(text)
    # The platform says the port in PORT, which is that of the file; here any free one.
    return {**os.environ, **given, "BACKOFFICE_DATA_DIR": str(home / "here"), "BACKOFFICE_PORT": str(port)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, str]]]:
    home = tmp_path_factory.mktemp("single")
    (home / "store").mkdir()
    tls = certificate(home)
    [port] = free_ports(1)
    with run_store(home / "store") as store, relay(store.url, tls) as net, (home / "output").open("wb") as output:
        environ = environment(store, net.url, home, port)
        environ["BACKOFFICE_ADMIN_PASSWORD"] = "violet-harbour-93-lantern"
        command = [sys.executable, "-m", "backoffice", *CONTAINER["args"]]
        process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=output, stderr=output)
        try:
            wait_for(lambda: "Press Ctrl-C" in (home / "output").read_text(), "the site is up", 90)
            yield port, environ
        finally:
            process.terminate()
            assert process.wait(60) == 0
            assert not list((home / "here").glob("*.aof"))  # it started no store of its own


@pytest.fixture(scope="module")
def token(site: tuple[int, dict[str, str]]) -> str:
    words = [sys.executable, "-m", "backoffice", "token", "create", "--user", "admin"]
    return subprocess.run(words, env=site[1], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def ask(
    port: int, method: str, path: str, token: str, body: bytes | None = None, kind: str = "application/octet-stream"
) -> tuple[int, bytes]:
    """As the front there passes a request on: the client's address last, whatever it sent before it."""
    headers = {
        "Host": urlsplit({one["name"]: one["value"] for one in CONTAINER["env"]}["BACKOFFICE_PUBLIC_URL"]).netloc,
        "X-Forwarded-For": "203.0.113.7, 198.51.100.4",
        "X-Forwarded-Proto": "https",
        "Authorization": f"Bearer {token}",
        "Content-Type": kind,
    }
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_file_in_chunks_and_back_in_ranges(site: tuple[int, dict[str, str]], token: str) -> None:
    """No request or answer of a chunk comes near what the platform lets through."""
    port, _ = site
    status, body = ask(port, "GET", "/limits", token)
    limits = json.loads(body)
    assert status == 200
    assert limits["max_chunk_size"] + 1024**2 < LARGEST_REQUEST
    chunks = [bytes([number]) * limits["max_chunk_size"] for number in range(3)]
    file_id = ""
    for number, chunk in enumerate(chunks):
        asked = f"/upload_chunk?chunk_index={number}&total_chunks=3" + (f"&file_id={file_id}" if file_id else "")
        status, body = ask(port, "POST", asked, token, chunk)
        assert status == 200, body
        file_id = json.loads(body)["file_id"]
    whole = b"".join(chunks)
    named = {"file_id": file_id, "name": "film.bin", "mime_type": "video/mp4", "total_size": len(whole)}
    status, body = ask(port, "POST", "/upload_complete", token, json.dumps(named).encode(), "application/json")
    assert status in {200, 201}, body
    assert ask(port, "GET", f"/files/{file_id}", token) == (200, whole)


def test_the_log_has_the_address_that_the_front_added(site: tuple[int, dict[str, str]], token: str) -> None:
    assert ask(site[0], "PUT", "/files/whose.txt", token, b"whose")[0] == 201
    exported = ask(site[0], "GET", "/admin/audit/export", token)[1].decode()
    [event] = [json.loads(line)["event"] for line in exported.splitlines() if "whose.txt" in line]
    assert event["actor"]["ip"] == "198.51.100.4"
