"""Names, quotas, limits, and a store that is full or away. Real server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from backoffice.stores.client import connect
from tests.support.api_site import KIB, Person, make_site, nothing_changed, problem
from tests.support.servers import run_store, wait_for

# -- F3: names

BAD_NAMES = {
    "slash": "a/b",
    "backslash": "a\\b",
    "root": "/etc/passwd",
    "parent": "..",
    "dot": ".",
    "nul": "a\0b",
    "cr": "a\rb",
    "lf": "a\nb",
    "escape": "a\x1b[31m",
    "delete": "a\x7f",
    "c1": "a\x85",
    "rlo": "a\u202etxt.exe",
    "lri": "a\u2066b",
    "zero width": "a\u200bb",
    "bom": "\ufeffa",
    "line": "a\u2028b",
    "300 bytes": "a" * 300,
    "300 in utf-8": "é" * 150,
    "5000 bytes": "a" * 5000,
    "empty": "",
    "space before": " a",
    "space after": "a ",
    "dot after": "a.",
    "tab": "\t",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
def test_f3_names(ann: Person, store: Redis, name: str) -> None:
    file_id, upload_id = ann.upload("good.txt"), ann.start(b"x", 1, name="good")
    with nothing_changed(ann, store):
        problem(ann.call("POST", f"/files/{file_id}/rename", json={"new_name": name}), 400, "invalid")
        problem(ann.complete(upload_id, 1, name), 400, "invalid")
        if name:
            problem(ann.chunk(b"x", name=name), 400, "invalid")
        problem(ann.put("".join(f"%{byte:02X}" for byte in name.encode())), 400, "invalid")


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%2f..%2fetc%2fpasswd",
        "..%5c..%5cwindows%5cwin.ini",
        "%2fetc%2fpasswd",
        "a%2f..%2fb",
        "....//....//etc/passwd",
        "..;/a",
        "%5c%5chost%5cshare",
        "a%00.png",
        "C:%5Cboot.ini",
        "%0d%0aX: y",
    ],
)
def test_cve_2023_37474_paths_as_names(ann: Person, store: Redis, path: str) -> None:
    with nothing_changed(ann, store):
        problem(ann.put(path), 400, "invalid")


def test_cve_2026_27641_a_name_is_never_a_template(ann: Person) -> None:
    for name in ("{{7*7}}", "${7*7}", "<%= 7*7 %>", "<script>alert(1)<!--", "CON", "NUL.txt", "a.txt::$DATA"):
        record = ann.complete(ann.start(b"x"), 1, name)
        assert (record.status_code, record.json["name"]) == (201, name)


# -- quota and limits


def test_quota(store: Redis) -> None:
    ann = make_site(store, quota_bytes=100, max_file_size=1000 * KIB).somebody()
    ann.upload("a", bytes(60))
    with nothing_changed(ann, store):
        problem(ann.put("b", bytes(41)), 413, "quota_exceeded")
        problem(ann.chunk(bytes(41)), 413, "quota_exceeded")
        problem(ann.chunk(b"x", total_size=41), 413, "quota_exceeded")
    file_id = ann.start(bytes(30), 2)
    with nothing_changed(ann, store):
        problem(ann.chunk(bytes(20), file_id=file_id, chunk_index=1, total_chunks=2), 413, "quota_exceeded")
    assert ann.chunk(bytes(10), file_id=file_id, chunk_index=1, total_chunks=2).status_code == 200
    assert ann.complete(file_id, 40).status_code == 201


def test_cve_2026_30961_the_sum_of_the_chunks_is_limited(store: Redis) -> None:
    ann = make_site(store, max_file_size=300, max_chunk_size=100 * KIB).somebody()
    with nothing_changed(ann, store):
        problem(ann.chunk(b"x", total_size=301), 413, "too_large")
        problem(ann.put("a", bytes(301)), 413, "too_large")
    file_id = ann.start(bytes(200), 3)
    with nothing_changed(ann, store):
        problem(ann.chunk(bytes(101), file_id=file_id, chunk_index=1, total_chunks=3), 413, "too_large")
    declared = ann.start(bytes(50), 2, total_size=60)
    with nothing_changed(ann, store):
        problem(ann.chunk(bytes(11), file_id=declared, chunk_index=1, total_chunks=2), 413, "too_large")


def test_f14_open_uploads_are_limited(ann: Person, store: Redis) -> None:
    for _ in range(10):
        ann.start(b"x", 2)
    with nothing_changed(ann, store):
        answer = ann.chunk(b"x", total_chunks=2)
        problem(answer, 429, "too_many_attempts")
        assert int(answer.headers["Retry-After"]) >= 1


def test_a_full_store(store: Redis, ann: Person) -> None:
    """Uploads are refused; deleting, reading and listing go on, and afterwards so does the rest."""
    kept, gone = ann.upload("kept", b"kept"), ann.upload("gone")
    before = int(store.config_get("maxmemory")["maxmemory"])
    store.config_set("maxmemory", 1)
    try:
        with nothing_changed(ann, store):
            problem(ann.put("b"), 507, "store_full")
            problem(ann.chunk(b"x"), 507, "store_full")
        assert ann.get(f"/files/{kept}/metadata").status_code == 200
        assert ann.call("DELETE", f"/files/{gone}?purge=1").status_code == 204
    finally:
        store.config_set("maxmemory", before)
    wait_for(lambda: ann.put("b").status_code == 201, "uploads are taken again")


# -- the store is down


def test_store_down_and_up_again(tmp_path: Path) -> None:
    with run_store(tmp_path) as store:
        client = connect(store.url, store.password)
        ann = make_site(client).somebody()  # type: ignore[arg-type]
        file_id = ann.upload("a.txt", b"here")
    with closing(client):
        for answer in (ann.get(f"/files/{file_id}"), ann.get("/files"), ann.put("b"), ann.chunk(b"x")):
            problem(answer, 503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert str(tmp_path) not in answer.text
        page = ann.site.anybody("GET", "/login", headers={"Accept": "text/html"})
        assert page.status_code in {200, 503}
        assert ann.site.anybody("GET", "/readyz").status_code == 503
        with run_store(tmp_path):
            assert ann.get(f"/files/{file_id}").data == b"here"
            assert ann.put("b").status_code == 201
