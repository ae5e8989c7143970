"""Which proxy the environment names for which site, and what is no address."""

from __future__ import annotations

import base64

import pytest

from backoffice.client.address import find_proxy, parse_address
from backoffice.client.errors import ClientError

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "environ", "where"),
    [
        ("http://files.example", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://files.example", {"http_proxy": PROXY, "HTTP_PROXY": "http://other:1"}, PROXY),
        ("http://files.example", {"http_proxy": "", "HTTP_PROXY": PROXY}, None),
        ("http://files.example", {"HTTPS_PROXY": PROXY}, None),
        ("https://files.example", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://files.example", {"HTTP_PROXY": PROXY}, None),
        ("https://files.example", {"ALL_PROXY": "proxy.example"}, "http://proxy.example:1080"),
        ("https://files.example", {"https_proxy": "https://[fd00::1]:8443"}, "https://[fd00::1]:8443"),
        ("http://files.example", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
        ("http://127.0.0.1:5000", {"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, None),
        ("http://localhost:5000", {"HTTP_PROXY": PROXY}, None),
        ("http://[::1]:5000", {"HTTP_PROXY": PROXY}, None),
        ("http://files.example", {}, None),
    ],
)
def test_the_proxy_for_a_site(url: str, environ: dict[str, str], where: str | None) -> None:
    found = find_proxy(parse_address(url), environ)
    assert (found.place if found else None) == where


@pytest.mark.parametrize(
    ("no_proxy", "url", "left_out"),
    [
        ("*", "http://files.example", True),
        ("example", "http://files.example", True),
        (".example", "http://files.example", True),
        ("*.example", "http://files.example", True),
        ("files.example", "http://files.example", True),
        ("FILES.example:8080", "http://files.example:8080", True),
        ("files.example:8080", "http://files.example", False),
        ("iles.example", "http://files.example", False),
        ("a.files.example", "http://files.example", False),
        ("other, files.example", "http://files.example", True),
        ("a b files.example", "http://files.example", True),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.1.2.3", "http://10.1.2.3:5000", True),
        ("10.0.0.0/8", "http://files.example", False),
        ("fd00::/8", "http://[fd00::7]:5000", True),
        ("[fd00::7]", "http://[fd00::7]:5000", True),
        (",, .", "http://files.example", False),
    ],
)
def test_what_goes_without_a_proxy(no_proxy: str, url: str, left_out: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        found = find_proxy(parse_address(url), {"HTTP_PROXY": PROXY, name: no_proxy})
        assert (found is None) == left_out


def test_a_login_goes_into_the_header_and_nowhere_else() -> None:
    proxy = find_proxy(parse_address("http://a.example"), {"HTTP_PROXY": "http://me:p%40ss%C3%A4@proxy.example:3128"})
    assert proxy is not None
    sent = proxy.headers["proxy-authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "me:p@ssä"
    assert "p@ss" not in repr(proxy) + proxy.place
    assert sent not in repr(proxy)


@pytest.mark.parametrize(
    "text", ["http://", "http://a b", "socks5://me:canary@h:1", "http://me:canary@h:port", "x://["]
)
def test_what_is_no_proxy_is_told_without_its_password(text: str) -> None:
    with pytest.raises(ClientError) as caught:
        find_proxy(parse_address("http://a.example"), {"HTTP_PROXY": text})
    assert str(caught.value).startswith("HTTP_PROXY ")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "origin", "base"),
    [
        ("files.example", "http://files.example", ""),
        ("https://Files.example:443/", "https://files.example", ""),
        ("https://files.example:8443/x/", "https://files.example:8443", "/x"),
        ("http://[::1]:5000", "http://[::1]:5000", ""),
        ("http://bücher.example/ä b", "http://xn--bcher-kva.example", "/%C3%A4%20b"),
    ],
)
def test_addresses_of_sites(url: str, origin: str, base: str) -> None:
    site = parse_address(url)
    assert (site.origin, site.base) == (origin, base)


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://", "ftp://x", "http://a b", "http://u:p@x", "http://x?q", "http://x#f", "http://x:port"),
        *("http://[::1", f"http://{'a' * 64}.example", "http://..", "http://x:99999", "://"),
    ],
)
def test_what_is_no_address_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(ClientError, match="is not the address of a site"):
        parse_address(url)
