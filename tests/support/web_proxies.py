"""nginx and Caddy as Debian has them, run with the example configurations of `deploy/`. In these only addresses, ports
and paths are others than in the files: what is tried is what people copy."""

from __future__ import annotations

import contextlib
import http.client
import os
import pwd
import re
import shlex
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import ROOT, free_ports, need, wait_for

NGINX, CADDY = ROOT / "deploy" / "nginx", ROOT / "deploy" / "caddy"
SELF_MADE = shlex.split(
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    " -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
)
KINDS = ("nginx", "caddy")


@dataclass(frozen=True, slots=True)
class WebProxy:
    """One that runs. `home` has its configuration, logs and temporary files; `path` is where the site is."""

    kind: str
    home: Path
    plain: int
    secure: int
    path: str

    @property
    def url(self) -> str:
        return f"https://localhost:{self.secure}{self.path}"

    @property
    def log(self) -> Path:
        return self.home / "log" / "access.log"

    def logs(self) -> str:
        """All that it has written anywhere."""
        return "".join(one.read_text("utf-8", "replace") for one in self.home.rglob("*") if one.suffix == ".log")

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.home / "tls" / "cert.pem")

    def connect(self, source: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """From that address of this machine's loopback."""
        return http.client.HTTPSConnection(
            "localhost", self.secure, context=self.trust(), timeout=60, source_address=(source, 0)
        )

    def socket(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.secure), timeout=60, source_address=(source, 0))
        return self.trust().wrap_socket(plain, server_hostname="localhost")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask for a path of the site, from the slash on."""
        with contextlib.closing(self.connect(source)) as connection:
            connection.request(method, f"{self.path}{path}", body, dict(headers or {}))
            answer = connection.getresponse()
            return answer, answer.read()


def tls(home: Path) -> Path:
    """A certificate for localhost that this machine made itself."""
    need(shutil.which("openssl"), "openssl")
    folder = home / "tls"
    folder.mkdir()
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*SELF_MADE, *files], check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def web_proxy(
    kind: str, home: Path, upstream: int, ports: tuple[int, int], path: str = "", second: int = 0
) -> Iterator[WebProxy]:
    """`ports`: those for HTTP and for HTTPS. `path` as "/files": the variant for a site below one. `second`: another
    upstream of nginx."""
    need(shutil.which(kind), f"{kind} (apt-get install {kind})")
    home.mkdir(parents=True)
    (home / "log").mkdir()
    tls(home)
    proxy = WebProxy(kind, home, *ports, path)
    command = (_nginx if kind == "nginx" else _caddy)(proxy, upstream)
    if second:
        conf = home / "conf.d" / "backoffice-upstream.conf"
        line = f"server 127.0.0.1:{upstream};"
        conf.write_text(conf.read_text().replace(line, f"{line} server 127.0.0.1:{second};"))
    with (home / "output.log").open("ab") as output:
        environ = {**os.environ, "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environ)
    try:
        wait_for(lambda: process.poll() is not None or _listens(proxy.secure), f"{kind} listens")
        assert process.poll() is None, proxy.logs()
        yield proxy
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def configuration(kind: str, home: Path, upstream: int, ports: tuple[int, int], path: str = "") -> list[str]:
    """Write it into `home`; the command that checks it."""
    home.mkdir(parents=True)
    (home / "log").mkdir()
    tls(home)
    proxy = WebProxy(kind, home, *ports, path)
    command = (_nginx if kind == "nginx" else _caddy)(proxy, upstream)
    if kind == "nginx":
        return ["nginx", "-t", *command[1:3]]
    return ["caddy", "validate", *command[2:]]


def _nginx(proxy: WebProxy, upstream: int) -> list[str]:
    """Lay the files out as docs/deploy.md says, below `home`."""
    home, site = proxy.home, "below-a-path.conf" if proxy.path else "site.conf"
    (home / "www").mkdir()
    for name, place in {
        "nginx.conf": "nginx.conf",
        "upstream.conf": "conf.d/backoffice-upstream.conf",
        "common.conf": "conf.d/backoffice-common.conf",
        site: "conf.d/backoffice.conf",
        "snippet.conf": "snippets/backoffice.conf",
    }.items():
        text = (NGINX / name).read_text("utf-8")
        text = re.sub("/etc/nginx/(?!mime)", f"{home}/", text).replace("/var/log/nginx", f"{home}/log")
        text = text.replace("/run/nginx.pid", f"{home}/nginx.pid").replace("/var/www/html", f"{home}/www")
        text = text.replace("127.0.0.1:5000", f"127.0.0.1:{upstream}")
        text = re.sub(r"listen (?:\[::\]:)?80\b", f"listen 127.0.0.1:{proxy.plain}", text)
        text = re.sub(r"listen (?:\[::\]:)?443\b", f"listen 127.0.0.1:{proxy.secure}", text)
        text = _once(text).replace("files.example.org", "localhost").replace("www.example.org", "localhost")
        if name == "nginx.conf":
            text = text.replace("www-data", pwd.getpwuid(os.getuid()).pw_name)
            text = text.replace("http {", "http {\n" + _temporary(home))
        (home / place).parent.mkdir(exist_ok=True)
        (home / place).write_text(text, "utf-8")
    return ["nginx", "-c", str(home / "nginx.conf"), "-g", "daemon off;"]


def _once(text: str) -> str:
    """Loopback has one family here: a line that names an address again goes."""
    return re.sub(r"^(\s*listen [^\n]*;\n)\1", r"\1", text, flags=re.MULTILINE)


def _temporary(home: Path) -> str:
    """Where it would keep bodies: the test looks there, and the system's own place is not ours."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"    {kind}_temp_path {home}/temporary-{kind};\n" for kind in kinds)


def _caddy(proxy: WebProxy, upstream: int) -> list[str]:
    home = proxy.home
    (home / "www").mkdir()
    text = (CADDY / ("Caddyfile.below-a-path" if proxy.path else "Caddyfile")).read_text("utf-8")
    text = text.replace("/etc/caddy/", f"{home}/").replace("/var/log/caddy", f"{home}/log")
    text = text.replace("/var/www/html", f"{home}/www").replace("127.0.0.1:5000", f"127.0.0.1:{upstream}")
    text = re.sub(r"^(?:files|www)\.example\.org ", f"https://localhost:{proxy.secure} ", text, flags=re.MULTILINE)
    ports = f"\thttp_port {proxy.plain}\n\thttps_port {proxy.secure}\n\tadmin off\n\tdefault_bind 127.0.0.1\n"
    text = text.replace("\n{\n", "\n{\n" + ports, 1)
    (home / "Caddyfile").write_text(text, "utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(home / "Caddyfile")]


def connections_to(port: int) -> int:
    """How many are open, by the kernel's own table (Linux)."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(one.split()[2].endswith(f":{port:04X}") and one.split()[3] == "01" for one in lines)


def two_ports() -> tuple[int, int]:
    first, second = free_ports(2)
    return first, second
