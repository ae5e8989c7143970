"""What is asked of the API about stored files, users and roles, and of what is for machines."""

from __future__ import annotations

from tests.recorded.folders_script import folders
from tests.recorded.session import NO_ID, Recorded
from tests.support.website import SHELL


def files(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.token("ann", label="ann reading", scope="files:read")
    for name, tags, data in (
        ("red ball.png", "?tag=red&tag=toy", b"12345"),
        ("Red car.txt", "?tag=red", b"1234567"),
        ("blue ball.txt", "?tag=toy", b"123"),
        ("notes.md", "", b"# some notes"),
    ):
        site.learn(name, site.call("ann", "PUT", f"/files/{name.replace(' ', '%20')}{tags}", body=data))
    site.learn("bob.txt", site.call("bob", "PUT", "/files/bob.txt", body=b"bob's"))
    _lists(site)
    _downloads(site)
    _archives(site)
    _changes(site)
    folders(site)
    _damage(site)


def _lists(site: Recorded) -> None:
    for query in (
        "",
        "?order=asc",
        "?sort=name",
        "?sort=name&order=desc",
        "?sort=size",
        "?q=ball&sort=name",
        "?q=re",
        "?tag=RED&tag=toy",
        "?mime_type=image/png",
        "?owner=ann&limit=1",
        "?state=trashed",
    ):
        site.call("ann", "GET", f"/files{query}")
    following = site.call("ann", "GET", "/files?limit=3&sort=name").headers["Link"][1:].partition(">")[0]
    site.call("ann", "GET", following)
    site.call("root", "GET", "/files")
    site.call("root", "GET", "/files?owner=*&sort=name&order=desc")
    site.call("root", "GET", f"/files?owner={site.ids['bob']}")
    site.call("root", "GET", "/files?owner=no%20body")
    for owner in ("*", "bob"):
        site.call("ann", "GET", f"/files?owner={owner}")
    site.call("nobody", "GET", "/files")
    for query in ("limit=0", "limit=501", "limit=1&limit=2", "sort=owner", "order=up", "cursor=x", "state=gone"):
        site.call("ann", "GET", f"/files?{query}")
    for query in ("mime_type=text", "tag=", f"q={'a' * 257}", "page=2"):
        site.call("ann", "GET", f"/files?{query}")


def _downloads(site: Recorded) -> None:
    data = bytes(range(256)) * 600
    big = site.learn("big.bin", site.call("ann", "PUT", "/files/big.bin", body=data))
    path = f"/files/{site.ids['red ball.png']}"
    whole = site.call("ann", "GET", path)
    etag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    site.call("ann", "HEAD", path)
    site.call("ann reading", "GET", f"/files/{site.ids['notes.md']}")
    site.call("ann", "GET", f"/files/{big}")
    for span in ("0-1", "2-", "-2", "0-99", "5-", "0-0,2-3", "3-1", "x", "-0"):
        site.call("ann", "GET", path, headers={"Range": f"bytes={span}"})
    site.call("ann", "GET", path, headers={"Range": "items=0-1"})
    site.call("ann", "GET", f"/files/{big}", headers={"Range": "bytes=65530-65541"})
    for headers in (
        {"If-None-Match": etag},
        {"If-None-Match": f"W/{etag}"},
        {"If-None-Match": '"other"'},
        {"If-Match": etag},
        {"If-Match": '"other"'},
        {"If-Modified-Since": date},
        {"If-Unmodified-Since": "Thu, 01 Jan 2004 00:00:00 GMT"},
        {"Range": "bytes=0-1", "If-Range": etag},
        {"Range": "bytes=0-1", "If-Range": '"other"'},
        {"Range": "bytes=0-1", "If-Range": date},
    ):
        site.call("ann", "GET", path, headers=headers)
    for who in ("bob", "nobody", "root"):
        site.call(who, "GET", path)
        site.call(who, "GET", f"{path}/metadata")
    site.call("ann", "GET", f"{path}/metadata")
    for name in ("red ball.png", "notes.md", "big.bin"):
        site.call("ann", "GET", f"/files/{site.ids[name]}/preview")
    for who in ("bob", "nobody"):
        site.call(who, "GET", f"{path}/preview")
    for address in (f"/files/{NO_ID}", f"/files/{NO_ID}/metadata", "/files/..", "/files/a b"):
        site.call("ann", "GET", address)


def _archives(site: Recorded) -> None:
    zipped = "&".join(f"id={site.ids[name]}" for name in ("red ball.png", "notes.md"))
    for how in ("GET", "HEAD"):
        site.call("ann", how, f"/files.zip?{zipped}&name=both")
    site.call("ann", "GET", f"/files.zip?{zipped}", headers={"Range": "bytes=0-9"})
    site.call("ann", "GET", "/files.zip?tag=toy")
    site.call("nobody", "GET", f"/files.zip?{zipped}")
    for query in (f"{zipped}&id={site.ids['bob.txt']}", f"{zipped}&q=ball", "owner=*", "q=nothing"):
        site.call("ann", "GET", f"/files.zip?{query}")


def _changes(site: Recorded) -> None:
    path = f"/files/{site.ids['red ball.png']}"
    etag = site.call("ann", "GET", f"{path}/metadata").headers["ETag"]
    new = {"new_name": "a größe.png"}
    site.call("ann", "POST", f"{path}/rename", json=new, headers={"If-Match": etag})
    site.call("ann", "POST", f"{path}/rename", json=new, headers={"If-Match": etag})
    site.call("ann", "GET", path)
    site.call("ann", "POST", f"{path}/rename", json={"new_name": "NOTES.md"})
    for body in ({}, {"new_name": 1}, {"new_name": "x", "owner": "bob"}, {"new_name": "a\u0000"}, {"new_name": ".."}):
        site.call("ann", "POST", f"{path}/rename", json=body)
    for who in ("nobody", "ann reading", "bob"):
        site.call(who, "POST", f"{path}/rename", json=new)
    site.call("ann", "POST", f"{path}/rename", headers={"Content-Type": "text/plain"}, body=b"x")
    site.call("root", "POST", f"{path}/rename", json={"new_name": "by root.png"})
    site.call("ann", "PATCH", path, json={"tags": ["Red", "ball"]}, headers={"If-Match": etag})
    site.call("ann", "PATCH", path, json={"tags": ["Red", "ball"]})
    for body in ({}, {"tags": "x"}, {"owner": "bob"}, {"name": "NOTES.md"}):
        site.call("ann", "PATCH", path, json=body)
    for who in ("nobody", "bob"):
        site.call(who, "PATCH", path, json={"tags": []})
    site.call("root", "PATCH", path, json={"owner": "nobody at all"})
    for who in ("nobody", "ann reading", "bob"):
        site.call(who, "DELETE", path)
        site.call(who, "POST", f"{path}/restore")
    site.call("ann", "DELETE", path, headers={"If-Match": etag})
    site.call("ann", "DELETE", f"{path}?purge=yes")
    site.call("ann", "DELETE", path)
    site.call("ann", "DELETE", path)
    site.call("ann", "GET", path)
    site.call("ann", "GET", "/files?state=trashed")
    site.call("ann", "GET", "/files?state=trashed&sort=name&order=asc")
    site.call("root", "GET", "/files?state=trashed&owner=*")
    site.learn("in its place", site.call("ann", "PUT", "/files/by%20root.png", body=b"other"))
    site.call("ann", "POST", f"{path}/restore")
    site.call("ann", "POST", f"{path}/restore")
    site.call("ann", "DELETE", f"{path}?purge=1")
    site.call("ann", "POST", f"{path}/restore")
    site.call("ann", "DELETE", f"/files/{NO_ID}")


def _damage(site: Recorded) -> None:
    """No wrong byte is sent."""
    file_id = site.learn("damaged", site.call("ann", "PUT", "/files/damaged.txt", body=b"good"))
    key = f"file:{{{file_id}}}:chunk:0"
    site.store.set(key, b"evil")
    site.call("ann", "GET", f"/files/{file_id}")
    site.store.delete(key)
    site.call("ann", "GET", f"/files/{file_id}")


def jobs(site: Recorded) -> None:
    """Jobs on many records; and somebody leaves."""
    site.person("ann")
    site.person("olga", "operator")
    site.learn("report.txt", site.call("ann", "PUT", "/files/report.txt", body=b"hello"))
    wanted = {"kind": "file.tag", "filter": {"search": "report"}, "args": {"add": ["red"]}}
    for who in ("nobody", "ann", "olga"):
        site.call(who, "POST", "/jobs/preview", json=wanted)
    for who in ("nobody", "ann"):
        site.call(who, "POST", "/jobs", json=wanted)
    site.learn("job", site.call("olga", "POST", "/jobs", json=wanted))
    path = f"/jobs/{site.ids['job']}"
    for who in ("nobody", "ann", "olga"):
        site.call(who, "GET", path)
        site.call(who, "GET", "/jobs")
        site.call(who, "POST", f"{path}/stop")
    site.services.jobs.runner.run_some()
    site.call("olga", "GET", path)
    _undo(site, path)
    site.call("root", "GET", "/jobs?all=1&state=stopped")
    for body in ({"kind": "file.burn"}, {"kind": "file.trash"}, {**wanted, "args": {}}, {**wanted, "ids": [NO_ID]}):
        site.call("olga", "POST", "/jobs", json=body)
    site.call("olga", "GET", f"/jobs/{NO_ID}")
    leave = f"/admin/users/{site.ids['ann']}/leave"
    for who in ("nobody", "olga"):
        site.call(who, "GET", leave)
        site.call(who, "POST", leave, json={"files": "trash"})
    site.ask("olga", "GET", leave)
    site.ask("olga", "POST", leave, json={"files": "transfer"})
    site.ask("olga", "POST", leave, json={"files": "keep"})


def _undo(site: Recorded, job: str) -> None:
    """Of one act, and of a job; what was undone, and what has no opposite."""
    for who in ("nobody", "ann", "olga"):
        site.call(who, "POST", f"{job}/undo")
    file_id = site.ids["report.txt"]
    site.call("ann", "POST", f"/files/{file_id}/rename", json={"new_name": "story.txt"})
    for action in ("file.rename", "file.create"):
        asked = (("object", f"file:{file_id}"), ("action", action))
        [found] = site.services.audit.page(SHELL, filters=asked, limit=1).items
        entry = site.normal.learn(f"entry of {action}", found.id)
        for who in ("nobody", "olga", "ann", "root", "root"):
            site.call(who, "POST", f"/admin/acts/{entry}/undo")
    site.call("root", "POST", "/admin/acts/0-1/undo")


def machines(site: Recorded) -> None:
    """What is for programs and browsers, and for nobody in particular."""
    site.person("ann")
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/nothing/here"):
        site.call("nobody", "GET", path)
    site.call("ann", "GET", "/metrics")
    site.call("root", "GET", "/metrics")
    site.call("nobody", "GET", "/docs", headers={"Accept": "text/html"})
    site.call("nobody", "HEAD", "/livez")
    site.call("nobody", "PATCH", "/files")
    site.call("nobody", "OPTIONS", "/files")
    site.call("nobody", "PROPFIND", "/files")
    for host in ("other.example", "localhost:8080", "127.0.0.1"):
        site.call("nobody", "GET", "/limits", headers={"Host": host})
        site.call("nobody", "GET", "/livez", headers={"Host": host})
    for path in (
        "/openapi.json",
        "/static/css/upload.css",
        "/static/../secret",
        "/static/no.js",
        "/static/no/no.js",
    ):
        if site.call("nobody", "GET", path).status_code == 200:
            # The description is recorded by itself; the bytes of a style sheet are nobody's business.
            site.exchanges[-1]["answer"] = "<the document>"
            for name in ("ETag", "Last-Modified"):
                site.exchanges[-1]["headers"].pop(name, None)
    for text in ("Bearer", "Bearer x", f"Bearer bo_{NO_ID}_{'a' * 43}", "Basic eDp5", "bearer " + site.tokens["ann"]):
        site.call("nobody", "GET", "/limits", headers={"Authorization": text})
