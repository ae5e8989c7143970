"""Through a proxy that the environment names: requests, tunnels, names and passwords, and what goes without."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.client.errors import ClientError, ConnectionFailed
from backoffice.client.http import Client
from backoffice.secret import Secret
from tests.support.client_site import SIZE, Person, ids
from tests.support.fault_proxy import relay
from tests.support.in_between import Between, between
from tests.support.scripted_site import GOOD, Other
from tests.support.servers import free_ports, need

SITE = "http://files.test"
"""A host that only the proxy knows."""


@pytest.fixture
def proxy(other: Other) -> Iterator[Between]:
    with between(other.url) as found:
        yield found


def client(url: str, **environ: str) -> Client:
    return Client(url, Secret("bo_a.b"), environ)


def with_login(url: str, login: str) -> str:
    return url.replace("://", f"://{login}@")


def test_a_plain_site_is_asked_for_by_its_whole_address(proxy: Between, other: Other) -> None:
    other.answers = [GOOD, GOOD]
    site = client(SITE, HTTP_PROXY=proxy.url)
    site.request("GET", "/limits", query=[("a", "b")])
    site.request("PUT", "/files/x", body=b"x" * 500_000)
    site.close()
    assert proxy.asked == [("GET", f"{SITE}/limits?a=b", 0), ("PUT", f"{SITE}/files/x", 500_000)]
    assert other.asked[0][2]["Authorization"] == "Bearer bo_a.b"
    assert len(other.asked[1][3]) == 500_000


def test_upload_and_download_go_through_it(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with between(ann.client.url) as front:
        monkeypatch.setenv("HTTP_PROXY", front.url)
        path = ann.file("a.bin", SIZE)
        status, out, said = ann.run("upload", "a.bin", "--url", SITE)
        assert status == 0, said
        assert ann.run("download", ids(out)["a.bin"], "--url", SITE, "--to", "b.bin")[0] == 0
        assert (ann.home / "b.bin").read_bytes() == path.read_bytes()
        assert all(target.startswith(SITE) for _, target, _ in front.asked)


def test_a_site_with_tls_is_reached_by_a_tunnel_that_sees_nothing(
    other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(shutil.which("openssl"), "openssl, to make a certificate")
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -keyout key -out cert"
    )
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=DNS:files.test"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    with relay(other.url, tls) as net, between(net.url) as proxy:
        proxy.login = "me:p@ss"
        other.answers = [GOOD]
        site = client("https://files.test", HTTPS_PROXY=with_login(proxy.url, "me:p%40ss"))
        assert site.request("PUT", "/x", body=b"1" * 300_000).json() == {"fine": True}
        site.close()
        assert (proxy.tunnels, proxy.asked) == (["files.test:443"], [])
        assert "Proxy-Authorization" not in other.asked[0][2]


@pytest.mark.parametrize("url", [SITE, "https://files.test"])
def test_a_proxy_that_wants_a_login_is_told_once_and_without_it(proxy: Between, url: str) -> None:
    proxy.login = "me:right"
    secret = "canary-7d1c"
    where = with_login(proxy.url, f"me:{secret}")
    site = client(url, HTTP_PROXY=where, HTTPS_PROXY=where)
    with pytest.raises(ClientError, match="The proxy asks for a name and a password") as caught:
        site.request("GET", "/limits")
    site.close()
    assert len(proxy.asked) + len(proxy.tunnels) == 1
    assert secret not in str(caught.value) + repr(site.__dict__) + repr(caught.value.__cause__)


@pytest.mark.parametrize("url", [SITE, "https://files.test"])
def test_a_proxy_that_does_not_answer_is_named(url: str) -> None:
    where = f"http://127.0.0.1:{free_ports(1)[0]}"
    site = client(url, ALL_PROXY=with_login(where, "me:canary"))
    with pytest.raises(ConnectionFailed, match="cannot be used: Connection refused") as caught:
        site.request("GET", "/limits", attempts=1)
    site.close()
    assert where in str(caught.value)
    assert "NO_PROXY" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_no_proxy_and_this_machine_go_straight(proxy: Between, other: Other) -> None:
    other.answers = [GOOD] * 2
    straight = client(other.url, HTTP_PROXY=proxy.url)
    assert straight.request("GET", "/limits").json() == {"fine": True}
    straight.close()
    left_out = client(SITE, HTTP_PROXY=proxy.url, NO_PROXY=".test")
    with pytest.raises(ConnectionFailed):
        left_out.request("GET", "/limits", attempts=1)
    left_out.close()
    assert proxy.asked == []
