"""A file of 2 GB goes up and down, over a cluster and behind sentinels, by the site itself."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from tests.support.cluster import run_replicated_cluster, run_sentinels
from tests.support.commands import typed_in
from tests.support.servers import Site, run_cluster

pytestmark = pytest.mark.large

SIZE = 2 * 10**9
PIECE = bytes(range(256)) * 4096
DOWN_AFTER = 30_000
"""ms: Sentinel's own default. To copy what it has for a new log a server stands still for seconds on a busy machine."""
PASSWORD = "violet-harbour-93-lantern"


@contextmanager
def site_over(kind: str, directory: Path) -> Iterator[tuple[str, str, list[int]]]:
    """Address, token, and the ports of the servers that have the bytes."""
    with ExitStack() as stack:
        (directory / "servers").mkdir()
        if kind == "cluster":
            nodes = stack.enter_context(run_cluster(directory / "servers"))
            ports = [port for _, port in nodes]
            url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
        elif kind == "cluster with replicas":
            cluster = stack.enter_context(run_replicated_cluster(directory / "servers", down_after=DOWN_AFTER))
            url, ports = cluster.url, [one.port for one in cluster.primaries]
        else:
            url, _ = stack.enter_context(run_sentinels(directory / "servers", replicas=1, down_after=DOWN_AFTER))
            ports = []
        environ = {
            "REDIS_URL": url,
            "ADMIN_USERS": "admin",
            "BACKOFFICE_ADMIN_PASSWORD": PASSWORD,
            "BACKOFFICE_DATA_DIR": str(directory / "data"),
            "BACKOFFICE_REPLICAS": "0" if kind == "cluster" else "1",
        }
        site = Site.start(directory / "data", "--workers", "2", environ=environ)
        stack.callback(site.close)
        address = site.ready()
        made = typed_in(environ, "token", "create", "--user", "admin", "--days", "1")
        assert made.returncode == 0, made.stderr
        yield urlsplit(address).netloc, made.stdout.split()[-1], ports


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["cluster", "cluster with replicas", "sentinel"])
def test_2_gb_go_up_and_down(kind: str, tmp_path: Path) -> None:
    digest = hashlib.sha256()
    with site_over(kind, tmp_path) as (netloc, token, ports), closing(http.client.HTTPConnection(netloc)) as connection:
        before = {port: memory(port) for port in ports}
        connection.putrequest("PUT", "/files/large.bin")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Length", str(SIZE))
        connection.endheaders()
        left, began = SIZE, time.monotonic()
        while left:
            piece = PIECE[: min(len(PIECE), left)]
            connection.send(piece)
            digest.update(piece)
            left -= len(piece)
        answer = connection.getresponse()
        file = json.loads(answer.read())
        up = time.monotonic() - began
        assert answer.status == 201, file
        assert (file["size"], file["sha256"]) == (SIZE, digest.hexdigest())
        assert answer.getheader("X-Durability") == ("memory" if kind == "cluster" else "replica:1")
        grown = [memory(port) - before[port] for port in ports]
        for one in grown:
            assert abs(one - SIZE / 3) < 0.1 * SIZE / 3, grown
        back, began = hashlib.sha256(), time.monotonic()
        connection.request("GET", f"/files/{file['id']}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        while data := answer.read(1024 * 1024):
            back.update(data)
        assert back.hexdigest() == digest.hexdigest()
        down = time.monotonic() - began
    print(f"\n{kind}: up {SIZE / up / 1e6:.0f} MB/s, down {SIZE / down / 1e6:.0f} MB/s, by shard {grown}")


def memory(port: int) -> int:
    with Redis(port=port) as client:
        return int(client.info("memory")["used_memory"])
