"""A site with nginx or Caddy in front of it, and its administrator's token."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT, Site, free_ports
from tests.support.web_proxies import WebProxy, two_ports, web_proxy

PASSWORD = "violet-harbour-93-lantern"


@dataclass(frozen=True, slots=True)
class Front:
    """A site, what stands in front of it, and the administrator's token."""

    proxy: WebProxy
    token: str
    environ: dict[str, str]
    upstream: int

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.proxy.request(method, path, body, {"Authorization": f"Bearer {self.token}", **sent})

    def get(self, path: str) -> Any:
        answer, body = self.request("GET", path)
        assert answer.status == 200, body
        return json.loads(body)

    def command(self, *words: str) -> str:
        return run(self.environ, *words)


def run(environ: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def front(kind: str, home: Path, path: str = "") -> Iterator[Front]:
    """The site knows its address and that one proxy stands in front of it, and nothing else of it."""
    ports, [upstream] = two_ports(), free_ports(1)
    settings = {
        "BACKOFFICE_DATA_DIR": str(home / "data"),
        "BACKOFFICE_ADMIN_PASSWORD": PASSWORD,
        "BACKOFFICE_PUBLIC_URL": f"https://localhost:{ports[1]}{path}/",
        "BACKOFFICE_TRUSTED_PROXIES": "1",
        "BACKOFFICE_DURABILITY": "os",
    }
    site = Site.start(home / "data", environ=settings, port=upstream)
    try:
        with web_proxy(kind, home / kind, upstream, ports, path) as proxy:
            site.expect("Press Ctrl-C")  # then the worker has made the administrator
            environ = {"PATH": "/usr/bin:/bin", **settings}
            yield Front(proxy, run(environ, "token", "create", "--user", "admin"), environ, upstream)
    finally:
        site.close()
