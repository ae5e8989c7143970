"""H6, H7: host names, and the machines in front of us."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from flask import Flask, request
from redis import Redis

from backoffice.settings import TrustedProxies
from backoffice.web.route_access import public
from tests.support.website import PASSWORD, SHELL, Site, make_site, make_whole_site

FORWARDING = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")


def _part(app: Flask) -> None:
    @app.get("/seen")
    @public
    def seen() -> dict[str, str | None]:
        left = [name for name, _ in request.headers if "forward" in name.lower() or name in FORWARDING]
        return {"ip": request.remote_addr, "scheme": request.scheme, "host": request.host, "left": ",".join(left)}


def seen(site: Site, peer: str = "10.0.0.9", **headers: str) -> dict[str, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = site.app.test_client().get("/seen", headers=sent, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json
    assert found["left"] == ""
    return found


GOOD_HOSTS = (
    "localhost",
    "LOCALHOST:5000",
    "127.0.0.1:5000",
    "[::1]:5000",
    "files.example.org",
    "files.example.org.",
    "intra:80",
)
BAD_HOSTS = (
    "evil.example",
    "localhost.evil.example",
    "evil.example:80",
    "localhost@evil.example",
    "localhost:80@evil.example",
    "localhost, evil.example",
    "localhost evil.example",
    "",
    " ",
    ":5000",
    "[::2]",
    "[::1",
    "localhost:port",
    "localhost:123456",
    "http://localhost",
    "localhost/",
    "localhost/x",
    "localhost?x",
    "localhost#x",
    "localhost\\x",
    "LOCALHOST%00",
    "local\thost",
    "127.0.0.1.nip.example",
    "0x7f000001",
    "2130706433",
    "xn--lcalhost-54a",
    "lоcalhost",
    "a" * 3000,
    "-",
    "..",
    "localhost..",
)


@pytest.fixture
def hosted(fake: Redis) -> Site:
    return make_site(fake, _part, public_url="http://files.example.org", allowed_hosts=("intra",))


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_H6_our_own_names_are_answered(hosted: Site, host: str) -> None:
    assert hosted.app.test_client().get("/login", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_H6_CVE_2026_26747_other_names_are_400_and_not_repeated(hosted: Site, host: str) -> None:
    raw = host.encode().decode("latin-1")
    answer = hosted.app.test_client().get("/login", environ_overrides={"HTTP_HOST": raw})
    assert answer.status_code == 400
    assert answer.json["code"] == "unknown_host"
    assert "evil" not in answer.text + str(answer.headers)


def test_H6_no_host_at_all_is_400(hosted: Site) -> None:
    assert hosted.app.test_client().get("/login", environ_overrides={"HTTP_HOST": ""}).status_code == 400


def test_H6_health_is_answered_under_any_name(hosted: Site) -> None:
    for path in ("/livez", "/readyz"):
        assert hosted.app.test_client().get(path, headers={"Host": "10.1.2.3:5000"}).status_code == 200


def test_H6_the_numbers_are_answered_under_any_name_to_a_token_alone(fake: Redis) -> None:
    """Prometheus asks each web process by its address."""
    site = make_whole_site(fake)
    site.add_user("otto", "operator")
    bearer = {"Authorization": f"Bearer {site.token('otto', 'system:read')}"}
    for host in ("10.1.2.3:5000", "evil.example"):
        client = site.app.test_client()
        answer = client.get("/metrics", headers={"Host": host, **bearer})
        assert answer.status_code == 200
        assert host not in answer.text + str(answer.headers)
        for accept in ("*/*", "text/html"):
            refused = client.get("/metrics", headers={"Host": host, "Accept": accept})
            assert refused.status_code != 200
            assert host not in refused.text + str(refused.headers)


def test_H7_nothing_is_believed_by_default(fake: Redis) -> None:
    site = make_site(fake, _part)
    found = seen(
        site,
        X_Forwarded_For="1.2.3.4",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="evil.example",
        X_Forwarded_Prefix="/x",
        X_Real_IP="1.2.3.4",
        Forwarded="for=1.2.3.4;proto=https;host=evil.example",
        X_Client_IP="1.2.3.4",
    )
    assert (found["ip"], found["scheme"], found["host"]) == ("10.0.0.9", "http", "localhost")


@pytest.mark.parametrize(
    ("count", "hops", "ip"),
    [
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6,7.7.7.7,1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (2, "1.2.3.4", "10.0.0.9"),
        (1, "", "10.0.0.9"),
        (1, "garbage", "10.0.0.9"),
        (1, "1.2.3.4, unknown", "10.0.0.9"),
        (1, "1.2.3.4:5678", "1.2.3.4"),
        (1, "[2001:db8::1]:5678", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
        (1, "1.2.3.4\x00", "10.0.0.9"),
    ],
)
def test_H7_CVE_2026_111934_only_the_hop_that_our_proxy_added_counts(
    fake: Redis, count: int, hops: str, ip: str
) -> None:
    site = make_site(fake, _part, trusted_proxies=TrustedProxies(count=count))
    assert seen(site, X_Forwarded_For=hops)["ip"] == ip


@pytest.mark.parametrize(
    ("peer", "hops", "ip"),
    [
        ("10.0.0.9", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.9", "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        ("10.0.0.9", "10.0.0.5, 10.0.0.1", "10.0.0.5"),
        ("192.0.2.1", "1.2.3.4", "192.0.2.1"),
        ("192.0.2.1", "10.0.0.1", "192.0.2.1"),
        ("::ffff:10.0.0.9", "1.2.3.4", "1.2.3.4"),
        ("", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.9", "1.2.3.4, junk", "10.0.0.9"),
    ],
)
def test_H7_CVE_2026_11922_only_our_networks_are_believed(fake: Redis, peer: str, hops: str, ip: str) -> None:
    site = make_site(fake, _part, trusted_proxies=TrustedProxies(networks=(ip_network("10.0.0.0/8"),)))
    assert seen(site, peer, X_Forwarded_For=hops)["ip"] == ip


def test_H7_protocol_and_host_of_a_trusted_proxy(fake: Redis) -> None:
    site = make_site(fake, _part, trusted_proxies=TrustedProxies(count=1), allowed_hosts=("files.example.org",))
    found = seen(site, X_Forwarded_Proto="https", X_Forwarded_Host="files.example.org")
    assert (found["scheme"], found["host"]) == ("https", "files.example.org")
    assert seen(site, X_Forwarded_Proto="http, https")["scheme"] == "https"
    assert seen(site, X_Forwarded_Proto="gopher")["scheme"] == "http"
    headers = {"X-Forwarded-Host": "evil.example"}
    assert site.app.test_client().get("/seen", headers=headers).status_code == 400


def test_H7_request_id_of_a_trusted_proxy(fake: Redis) -> None:
    site = make_site(fake, _part, trusted_proxies=TrustedProxies(count=1))
    for sent, kept in (("abcdef-0123456789", True), ("short", False), ("a" * 65, False), ("aaaaaaaa\u2028x", False)):
        answer = site.app.test_client().get(
            "/livez", environ_overrides={"HTTP_X_REQUEST_ID": sent.encode().decode("latin-1")}
        )
        assert (answer.headers["X-Request-ID"] == sent) is kept


def test_CVE_2026_108162_rotating_forwarded_addresses_do_not_evade_the_limit(site: Site) -> None:
    site.add_user("ann")
    browser = site.browser()
    browser.get("/login")
    statuses = []
    for n in range(60):
        forged = f"203.0.113.{n}"
        headers = {"X-Forwarded-For": forged, "X-Real-IP": forged, "Forwarded": f"for={forged}"}
        data = {"username": f"name{n}", "password": "x"}
        statuses.append(
            browser.post("/login", data, headers=headers, environ_overrides={"REMOTE_ADDR": "198.51.100.7"}).status_code
        )
    assert statuses[0] == 401
    assert statuses[-1] == 429
    entries = site.services.audit.page(SHELL, limit=200).items
    seen_from = {entry.event["actor"].get("ip") for entry in entries if entry.event["action"] == "session.refuse"}
    assert seen_from == {"198.51.100.7"}


def test_CVE_2026_69193_spraying_one_password_over_many_names_is_slowed(site: Site) -> None:
    browser = site.browser()
    browser.get("/login")
    statuses = {browser.post("/login", {"username": f"u{n}", "password": PASSWORD}).status_code for n in range(60)}
    assert statuses == {401, 429}


def test_A5_a_throttled_answer_says_when_to_come_again(site: Site) -> None:
    browser = site.browser()
    browser.get("/login")
    for _ in range(30):
        answer = browser.post("/login", {"username": "ann", "password": "x"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Sign in" in answer.text
