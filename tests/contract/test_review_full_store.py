"""A store that is full: what makes room goes on, and what is stored can be read."""

from __future__ import annotations

import io
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from backoffice.app import build_services, make_worker
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import StoreFull
from backoffice.secret import Secret
from backoffice.services.container import Services
from backoffice.stores.client import Db, connect
from backoffice.stores.durability import RedisHealth
from backoffice.stores.keys import Keys
from tests.support.servers import Store, _pings, _running, binary, wait_for
from tests.support.website import settings


def _user(services: Services) -> Actor:
    """A user who may do everything."""
    system = system_actor("test", "shell")
    user, _ = services.users.create(system, username="ann", roles=("admin",))
    return replace(system, id=user.id, name=user.username)


def test_the_worker_empties_the_trash_of_a_full_store(real: Redis, store_server: Store) -> None:
    chosen = settings(redis_url=store_server.url, redis_password=Secret(store_server.password), trash_ttl=0)
    services = build_services(chosen, connect(store_server.url, store_server.password))
    keys, stop = Keys(), threading.Event()
    shell = _user(services)
    file = services.uploads.upload_stream(shell, FileSpec("a"), io.BytesIO(b"abc").readinto, 3)
    services.files.trash(shell, file.id)
    worker = threading.Thread(target=make_worker(chosen, stop).run)
    before = real.config_get("maxmemory")["maxmemory"]
    real.config_set("maxmemory", real.info("memory")["used_memory"] // 2)
    try:
        worker.start()
        wait_for(lambda: not real.exists(keys.chunk(file.id, 0), keys.record("files", file.id)), "the file is gone")
    finally:
        real.config_set("maxmemory", before)
        stop.set()
        worker.join()
    assert services.files.usage(shell).used == 0


def test_lists_of_a_full_store_can_be_read_to_the_end(real: Redis, store_server: Store) -> None:
    """Also what is found by a script, which a full server refuses unless it says that it takes no memory."""
    chosen = settings(redis_url=store_server.url, redis_password=Secret(store_server.password))
    services = build_services(chosen, connect(store_server.url, store_server.password))
    shell = _user(services)
    for name in ("report one", "report two", "one report"):
        services.uploads.upload_stream(shell, FileSpec(name), io.BytesIO(b"abc").readinto, 3)
    files, log = services.files.files, services.audit.log
    before = real.config_get("maxmemory")["maxmemory"]
    real.config_set("maxmemory", real.info("memory")["used_memory"] // 2)
    try:
        with pytest.raises(StoreFull):
            services.uploads.upload_stream(shell, FileSpec("d"), io.BytesIO(b"abc").readinto, 3)
        for query in (Query(limit=1), Query(sort="name", limit=1), Query(search="report", limit=1)):
            seen, cursor = 0, ""
            for _ in range(3):
                page = files.page(replace(query, cursor=cursor))
                seen, cursor = seen + len(page.items), page.next_cursor
            assert seen == 3, query
        assert log.page((("action", "file.create"),), "", 10).total == 3
    finally:
        real.config_set("maxmemory", before)


def test_a_store_that_takes_no_writes_can_be_read(tmp_path: Path) -> None:
    """Like a full disk: the server refuses writes, and PING, which a client may send before each command."""
    data, path = tmp_path / "data", tmp_path / "s"
    data.mkdir()
    with _running(
        [str(binary()), "--port", "0", "--unixsocket", str(path), "--dir", str(data), "--save", "3600 1"], tmp_path
    ):
        with Redis(unix_socket_path=str(path)) as plain:
            wait_for(lambda: _pings(plain), "the store answers")
            plain.set("a", 1)
            shutil.rmtree(data)
            plain.bgsave()
            wait_for(lambda: plain.info("persistence")["rdb_last_bgsave_status"] == "err", "it cannot write")
        client = connect(f"unix://{path}")
        db = Db(client)
        for _ in range(2):
            assert db.call("GET", "a") == b"1"
            for connection in client.connection_pool._available_connections:  # type: ignore[union-attr]
                connection.next_health_check = 0  # as after a pause
        with pytest.raises(StoreFull):
            db.call("SET", "a", 2)
        RedisHealth(db).ping()
        db.call("CONFIG", "SET", "save", "")  # else it would not end without having written
        client.close()
