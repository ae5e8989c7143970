"""Where a site is, and by which proxy one gets there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from backoffice.client.errors import ClientError

_PORTS: Final = {"http": 80, "https": 443}
_PROXY_PORT: Final = 1080
"""What curl takes where the address of a proxy names none."""


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where a site is. `base`: the path that it is served below, without a slash at the end."""

    scheme: str
    host: str
    port: int
    base: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port != _PORTS[self.scheme] else "")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; name and password are in `headers`, and nothing that is printed has them."""

    scheme: str
    host: str
    port: int
    headers: dict[str, str] = field(repr=False)

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_address(url: str) -> SiteAddress:
    """The address in `url`, which may lack the scheme: then it is http. Raises ClientError."""
    wrong = ClientError(f"{url!r} is not the address of a site, such as https://files.example.org")
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError:  # UnicodeError is one
        raise wrong from None
    if parts.scheme not in _PORTS or not host or parts.query or parts.fragment or parts.username:
        raise wrong
    base = quote(parts.path.rstrip("/"), safe="/%")
    site = SiteAddress(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, base)
    _check_parses(site.origin, wrong)
    return site


def find_proxy(site: SiteAddress, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that `environ` names for a site: HTTP_PROXY or HTTPS_PROXY, else ALL_PROXY; in small letters they go
    first. NO_PROXY leaves hosts out. What is on this machine is never asked of another. Raises ClientError.
    """
    if site.loopback or _is_left_out(site, _variable(environ, "no_proxy")):
        return None
    name = f"{site.scheme}_proxy"
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        environ = {key: value for key, value in environ.items() if key != "HTTP_PROXY"}  # a CGI's header `Proxy:`
    for one in (name, "all_proxy"):
        if text := _variable(environ, one):
            return _parse_proxy(one.upper(), text)
    return None


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _parse_proxy(name: str, text: str) -> Proxy:
    # The value may hold a password: no message repeats it.
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError:
        host = ""
    if not host:
        raise ClientError(f"{name} is not the address of a proxy, such as http://proxy.example.org:3128.")
    if parts.scheme not in _PORTS:
        raise ClientError(
            f"{name} names a proxy that speaks {parts.scheme}; only http:// and https:// are understood here. Leave the"
            " site out of it with NO_PROXY, or name another."
        )
    headers: dict[str, str] = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = make_headers(proxy_basic_auth=login.encode().decode("latin-1"))
    proxy = Proxy(parts.scheme, host, _PROXY_PORT if port is None else port, headers)
    _check_parses(proxy.place, ClientError(f"{name} is not the address of a proxy."))
    return proxy


def _check_parses(url: str, wrong: ClientError) -> None:
    try:
        parse_url(url)
    except HTTPError:
        raise wrong from None


def _is_left_out(site: SiteAddress, no_proxy: str) -> bool:
    """Whether NO_PROXY names the site: by `*`, a domain with all below it, an address, or a network."""
    return any(_matches(site, entry.lower()) for entry in re.split(r"[\s,]+", no_proxy) if entry)


def _matches(site: SiteAddress, entry: str) -> bool:
    if entry == "*":
        return True
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        try:
            return ipaddress.ip_address(site.host) in network
        except ValueError:
            return False
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal():
        return int(port) == site.port and _matches(site, name)
    entry = entry.removeprefix("*").strip(".")
    return bool(entry) and (site.host == entry or site.host.endswith(f".{entry}"))
