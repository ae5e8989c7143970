"""Makes a small data directory of this version, and a manifest of what is in it, for `test_upgrade.py`.

    python -m tests.integration.make_data fixtures/data-0.1.0

writes `fixtures/data-0.1.0.tar.xz` and `fixtures/data-0.1.0.json`. Run it once for a released version, with that
version's code, and keep both for ever: later versions must open the archive. It needs nothing but a checkout: a site
is started (`up`), used over HTTP and by commands, stopped, and its log rewritten; then a little more happens without
the rewriting, so that the archive has both forms of the log.

Bytes of files come from a seed, so they are the same each time; identifiers, secrets and times are not. What expires is
given as long as the settings allow: a hundred years for uploads, the trash and the session, ten for the tokens; only
the invitation (24 hours) is dead when a test opens the archive. The archive holds no name or path of the machine: what
is written anew at each start (configuration, the server's log, locks, ballast) is left out, the worker's heartbeat is
deleted before the rewriting, and commands run under the name in ACCOUNT.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from redis import Redis

import backoffice
from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.settings import Settings
from tests.integration.data_script import PASSWORD, Api, Made, Send, before_rewriting, since_rewriting
from tests.support.servers import ROOT, Site, run_store, wait_for

ACCOUNT = "maker"
LONG = "36500d"
LONG_LIVED = {
    "BACKOFFICE_ADMIN_PASSWORD": PASSWORD,
    "BACKOFFICE_UPLOAD_TTL": LONG,
    "BACKOFFICE_UPLOAD_MAX_AGE": LONG,
    "BACKOFFICE_TRASH_TTL": LONG,
    "BACKOFFICE_SESSION_IDLE": LONG,
    "BACKOFFICE_SESSION_MAX": LONG,
}
KEPT = ("secret.key", "store/password", "store/appendonlydir")
LISTS = (
    "",
    "?order=asc",
    "?sort=name",
    "?sort=name&order=desc",
    "?sort=size",
    "?sort=size&order=asc",
    "?tag=red",
    "?tag=red&tag=big",
    "?q=chunk",
    "?q=отчёт",
    "?q=日本語",
    "?q=résumé",
    "?q=chunk&sort=name&tag=big",
    "?mime_type=text/plain&sort=name",
    "?state=trashed",
    "?owner=ada&sort=name",
    "?owner=grace",
    "?owner=*&sort=name",
    "?owner=*&state=trashed",
)
"""Asked by the administrator for the last ones, by ada for the others."""


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        made = _first(data)
        with run_store(data) as store, closing(store.client()) as client:
            _rewrite(client)
            environ = {"REDIS_URL": store.url, "REDIS_PASSWORD": store.password}
            secret = (data / "secret.key").read_text("ascii").strip()
            settings = Settings.from_env({**LONG_LIVED, **environ, "APP_SECRET_KEY": secret})
            web = make_web(build_services(settings, client), settings).test_client()

            def send(method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
                answer = web.open(path, method=method, data=body, headers=dict(headers), buffered=True)
                return answer.status_code, answer.data

            since_rewriting(made, send)
            manifest = _manifest(made, send, _Commands(environ))
        _pack(data, target.with_name(f"{target.name}.tar.xz"))
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    target.with_name(f"{target.name}.json").write_text(text + "\n", "utf-8")


class _Commands:
    """`manage.py` with this environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {**os.environ, "LOGNAME": ACCOUNT, **environ}

    def __call__(self, *words: str, typed: str = "") -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        ran = subprocess.run(command, env=self._environ, input=typed, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{words}: {ran.stderr}")
        return ran.stdout


def _first(data: Path) -> Made:
    """What happens on a site that runs as a person runs it, until its worker has nothing left to do."""
    site = Site.start(data, environ=LONG_LIVED)
    try:
        url = site.ready()
        made = Made(Api(url), _Commands({"BACKOFFICE_DATA_DIR": str(data)}))
        before_rewriting(made)
        wait_for(lambda: all(one["sha256"] for one in _files(made, made.api.send, "?owner=*")), "digests", 60)
        if site.stop():
            raise RuntimeError("the site ended badly")
    finally:
        site.close()
    return made


def _files(made: Made, send: Send, query: str) -> list[dict[str, Any]]:
    token = made.admin_token if "owner=" in query else made.token
    items: list[dict[str, Any]] = Api.asked(send, "GET", f"/files{query}", token)["items"]
    return items


def _rewrite(client: Redis) -> None:
    """The log as one snapshot, without the heartbeat, whose key is the name of this machine."""
    for key in client.scan_iter("*:worker:*"):
        client.delete(key)
    client.bgrewriteaof()
    wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the log is rewritten")


def _manifest(made: Made, send: Send, command: _Commands) -> dict[str, Any]:
    """What a test finds in the archive."""
    lines = command("audit", "search", "-n", "10000", "--json").splitlines()
    return {
        "version": backoffice.__version__,
        "password": PASSWORD,
        "tokens": {"all": made.token, "narrow": made.narrow, "revoked": made.revoked, "admin": made.admin_token},
        "session": made.session,
        "invitation": made.invitation,
        "users": Api.asked(send, "GET", "/admin/users", made.admin_token)["items"],
        "roles": Api.asked(send, "GET", "/admin/roles", made.admin_token)["items"],
        "files": _files(made, send, "?owner=*") + _files(made, send, "?owner=*&state=trashed"),
        "bytes": made.digests,
        "purged": made.purged,
        "open": made.open,
        "cancelled": made.cancelled,
        "lists": {query: [one["id"] for one in _files(made, send, query)] for query in LISTS},
        "limits": Api.asked(send, "GET", "/limits", made.token),
        "log": [json.loads(line) for line in lines],
    }


def _pack(data: Path, archive: Path) -> None:
    """What is kept of the data directory, in an order and with times and owners that are always the same."""
    with tarfile.open(archive, "w:xz", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(_kept(data)):
            entry = tarfile.TarInfo(f"data/{path.relative_to(data).as_posix()}")
            content = path.read_bytes()
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))


def _kept(data: Path) -> Iterable[Path]:
    for name in KEPT:
        path = data / name
        yield from path.iterdir() if path.is_dir() else [path]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
