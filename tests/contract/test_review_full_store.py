"""A store that is full: what makes room goes on, and what is stored can be read."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.domain.access import ANONYMOUS, Actor, system_actor
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import StoreFull
from backoffice.secret import Secret
from backoffice.services.container import Services
from backoffice.start import make_worker
from backoffice.stores.client import Db, connect
from backoffice.stores.durability import RedisHealth
from backoffice.stores.keys import Keys
from tests.support.servers import Store, _pings, _running, binary, wait_for
from tests.support.website import PASSWORD, QUICK, Site, make_whole_site, settings


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


def test_where_all_replicas_are_away_people_read_on(real: Redis, store_server: Store) -> None:
    """`min-replicas-to-write` refuses whatever writes: also the note of when a token or a session was used."""
    with closing(connect(store_server.url, store_server.password)) as client:
        site = make_whole_site(client)
        browser = site.signed_in("ann", "admin")
        headers = {"Authorization": f"Bearer {site.token('ann')}"}
        ask = site.app.test_client(use_cookies=False).open
        real.config_set("min-replicas-to-write", 1)
        try:
            assert ask("/files", headers=headers).status_code == 200
            assert browser.get("/admin/files/").status_code == 200
            found = ask("/readyz?verbose", headers=headers)
            assert found.status_code == 200
            refused = ask("/files/a.bin", method="PUT", data=b"x", headers=headers)
            assert (refused.status_code, refused.json["code"]) == (503, "store_read_only")
            assert refused.headers["Retry-After"]
            assert "its replicas are away" in refused.json["detail"]
        finally:
            real.config_set("min-replicas-to-write", 0)
        assert ask("/files/a.bin", method="PUT", data=b"x", headers=headers).status_code == 201


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


BIG = bytes(200_000)


@dataclass
class FullSite:
    """A site with two people and two files, whose store can be made full."""

    site: Site
    real: Redis
    ann: str
    bob: str
    small: str
    large: str
    bearer: dict[str, str]

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte more than what frees some, or is said to go on."""
        before = self.real.config_get("maxmemory")["maxmemory"]
        self.real.config_set("maxmemory", self.real.info("memory")["used_memory"] // 2)
        try:
            yield
        finally:
            self.real.config_set("maxmemory", before)

    def fetch(self, path: str, method: str = "GET", **options: object) -> int:
        client = self.site.app.test_client()
        return client.open(path, method=method, headers=self.bearer, buffered=True, **options).status_code  # type: ignore[arg-type]


@pytest.fixture
def stand(real: Redis, store_server: Store) -> FullSite:
    chosen = settings(
        redis_url=store_server.url, redis_password=Secret(store_server.password), chunk_size=65_536, trash_ttl=0
    )
    services = build_services(chosen, connect(store_server.url, store_server.password), passwords=QUICK)
    site = Site(partial(make_web, services, chosen), services)
    ann, bob = site.add_user("ann", "admin"), site.add_user("bob")
    bearer = {"Authorization": f"Bearer {site.token('bob')}"}
    owner = replace(system_actor("test", "shell"), id=bob, name="bob")
    small, large = (
        services.uploads.upload_stream(owner, FileSpec(name), io.BytesIO(data).readinto, len(data)).id
        for name, data in (("small.bin", b"abc"), ("large.bin", BIG))
    )
    return FullSite(site, real, ann, bob, small, large, bearer)


def test_people_sign_in_read_and_delete_in_a_full_store(stand: FullSite) -> None:
    """Uses are noted, readings recorded, sessions begun: all of that writes, and all of it was refused with 507."""
    with stand.full():
        stranger = stand.site.browser()
        assert stranger.sign_in("bob", "not this one").status_code == 401
        browser = stand.site.browser()
        assert browser.sign_in("bob").status_code == 303
        assert [browser.get(path).status_code for path in ("/", "/account", "/my/files")].count(507) == 0
        for path in ("/files", f"/files/{stand.small}", f"/files/{stand.large}", f"/files/{stand.small}/metadata"):
            assert stand.fetch(path) == 200, path
        assert stand.fetch(f"/files/{stand.small}") == 200, "again, remembered"
        assert stand.fetch("/files/new.bin", "PUT", data=b"abc") == 507
        assert stand.fetch(f"/files/{stand.small}/rename", "POST", json={"new_name": "b"}) == 200
        assert stand.fetch(f"/files/{stand.small}", "DELETE") in {200, 204}
        assert stand.fetch(f"/files/{stand.small}/restore", "POST") == 200
        assert stand.fetch(f"/files/{stand.small}", "DELETE") in {200, 204}
        assert stand.fetch(f"/files/{stand.large}", "DELETE") in {200, 204}
        assert not stand.site.services.files.purge_due()
        assert not stand.site.services.files.collect()
        assert stand.fetch(f"/files/{stand.small}") == 404
        assert browser.post("/logout").status_code == 303


def test_operators_work_in_a_full_store(stand: FullSite) -> None:
    with stand.full():
        admin = stand.site.browser()
        assert admin.sign_in("ann").status_code == 303
        for page in (
            "/admin/",
            "/admin/files/",
            "/admin/users/",
            "/admin/audit/",
            "/admin/audit/?action=session.start",
        ):
            assert admin.get(page).status_code == 200, page
        services, shell = stand.site.services, system_actor("test", "shell")
        act = {"rowid": stand.bob, "action": "disable", "confirmed": "1"}
        assert admin.post("/admin/users/action/", act).status_code == 302
        assert stand.fetch("/files") == 401
        services.users.enable(shell, stand.bob)
        user, _ = services.users.create(shell, username="new", roles=("user",))
        link = services.users.invite(shell, user.id)
        services.users.accept_invite(ANONYMOUS, link, PASSWORD)
        token, _ = services.tokens.create(shell, name="t", user_id=user.id)
        services.tokens.revoke(shell, token.id)
        services.users.delete(shell, user.id)
        actions = [entry.event["action"] for entry in services.audit.page(shell, limit=20).items]
        assert {"user.disable", "user.create", "token.revoke", "audit.read"} <= set(actions), "all of it is recorded"


TAKES_MEMORY = {
    "api.uploads.upload_whole",
    "api.uploads.upload_chunk",
    "api.uploads.upload_complete",
    "api.tus.begin_upload",
    "api.tus.send_bytes",
    "pages.upload_form",
}
"""Endpoints that a full store may refuse: bytes come in by them."""


def test_every_other_door_is_open_in_a_full_store(stand: FullSite) -> None:
    """All routes, as a person with a token and as an administrator with a session."""
    browser, known = stand.site.browser(), {"file_id": stand.small, "user_id": stand.bob, "name": "b.txt"}
    assert browser.sign_in("ann").status_code == 303
    rules = sorted(stand.site.app.url_map.iter_rules(), key=lambda rule: rule.endpoint)
    knocks, refused = 0, set()
    with stand.full():
        for rule in rules:
            values = {name: known.get(name, "0" * 22) for name in rule.arguments}
            with stand.site.app.test_request_context():
                path = stand.site.app.url_map.bind("localhost").build(rule.endpoint, values)
            for method in sorted({"GET", "POST", "PUT", "DELETE"} & (rule.methods or set())):
                statuses = {stand.fetch(path, method, data=b"{}")}
                if not path.startswith("/logout"):
                    statuses.add(browser.get(path).status_code if method == "GET" else browser.post(path).status_code)
                knocks += len(statuses)
                if 507 in statuses:
                    refused.add(rule.endpoint)
    assert knocks > 100
    assert refused <= TAKES_MEMORY


def test_an_upload_is_given_up_in_a_full_store(stand: FullSite) -> None:
    services = stand.site.services
    owner = replace(system_actor("test", "shell"), id=stand.bob, name="bob")
    upload = services.uploads.start(owner, total_chunks=2)
    services.uploads.put_chunk(owner, upload_id=upload.id, index=0, total_chunks=2, data=bytes(65_536))
    with stand.full():
        assert stand.fetch(f"/uploads/{upload.id}", "DELETE") == 204
        assert not services.uploads.cleanup.collect()
        assert stand.fetch(f"/uploads/{upload.id}") == 404


def test_bytes_of_open_uploads_leave_the_reserve_alone(stand: FullSite) -> None:
    services = stand.site.services
    owner = replace(system_actor("test", "shell"), id=stand.bob, name="bob")
    upload = services.uploads.start(owner, total_chunks=2)
    used = stand.real.info("memory")["used_memory"]
    before = stand.real.config_get("maxmemory")["maxmemory"]
    stand.real.config_set("maxmemory", int(used / 0.95))
    services.system.health._checked = 0.0  # type: ignore[attr-defined]
    try:
        with pytest.raises(StoreFull):
            services.uploads.put_chunk(owner, upload_id=upload.id, index=0, total_chunks=2, data=b"abc")
    finally:
        stand.real.config_set("maxmemory", before)
