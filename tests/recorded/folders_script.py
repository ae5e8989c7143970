"""Folders over the API."""

from __future__ import annotations

from tests.recorded.session import NO_ID, Recorded


def _taken(site: Recorded, trips: str) -> None:
    asked = [{"name": "BEACH.txt", "folder_path": ["2026"]}, {"name": "sea.txt"}, {"name": "a/b"}, {"name": "2026"}]
    for who, body in (
        ("ann", {"folder": trips, "files": asked}),
        ("ann", {"files": [{"name": "x", "folder_path": ["no", "such"]}]}),
        ("ann", {"folder": NO_ID, "files": asked}),
        ("ann", {"files": [{"name": 1}]}),
        ("ann reading", {"files": asked}),
        ("nobody", {"files": asked}),
    ):
        site.call(who, "POST", "/files/taken", json=body)


def folders(site: Recorded) -> None:
    for who, body in (
        ("ann", {"name": "Trips"}),
        ("ann", {"name": "TRIPS"}),
        ("ann", {"path": ["trips", "2026"]}),
        ("ann", {"name": "a/b"}),
        ("ann", {}),
        ("ann reading", {"name": "x"}),
    ):
        answer = site.call(who, "POST", "/folders", json=body)
        if answer.status_code == 201:
            site.learn(str(answer.get_json()["name"]), answer)
    trips, inner = site.ids["Trips"], site.ids["2026"]
    site.learn("beach.txt", site.call("ann", "PUT", f"/files/beach.txt?folder={inner}", body=b"sand"))
    site.learn("sea.txt", site.call("ann", "PUT", "/files/sea.txt?folder_path=Trips&folder_path=Sea", body=b"salt"))
    for query in (
        "",
        "?parent=",
        "?q=sea",
        f"?parent={trips}&sort=created&order=desc",
        f"?parent={NO_ID}",
        "?owner=bob",
    ):
        site.call("ann", "GET", f"/folders{query}")
    for query in (f"folder={inner}", "folder=&sort=name&limit=2", f"folder={NO_ID}", "folder=&owner=*"):
        site.call("ann", "GET", f"/files?{query}")
    _taken(site, trips)
    site.call("ann", "GET", f"/files.zip?folder={trips}")
    for who, path in (("ann", inner), ("bob", inner), ("ann", NO_ID)):
        site.call(who, "GET", f"/folders/{path}")
        site.call(who, "GET", f"/folders/{path}/path")
    site.call("ann", "PATCH", f"/files/{site.ids['beach.txt']}", json={"folder": trips})
    for body in ({"name": "May"}, {"parent": ""}, {"parent": NO_ID}, {}):
        site.call("ann", "PATCH", f"/folders/{inner}", json=body)
    site.call("ann", "PATCH", f"/folders/{trips}", json={"parent": trips})
    site.call("bob", "PATCH", f"/folders/{trips}", json={"name": "x"})
    for path, methods in (("", "GET POST"), (f"/{trips}", "GET PATCH DELETE"), (f"/{trips}/path", "GET")):
        for method in methods.split():
            site.call("nobody", method, f"/folders{path}")
    _folders_in_trash(site, trips, inner)


def _folders_in_trash(site: Recorded, trips: str, inner: str) -> None:
    for folder in (trips, inner, inner):
        site.call("ann", "DELETE", f"/folders/{folder}")
    for who, verbs in (("ann", "trash"), ("bob", "restore"), ("ann", "restore restore purge trash purge")):
        for verb in verbs.split():
            site.call(who, "POST", f"/folders/{trips}/{verb}")
            site.call("nobody", "POST", f"/folders/{trips}/{verb}")
        for query in ("?q=trips", "?owner=*"):
            site.call(who, "GET", f"/folders/trash{query}")
    site.call("nobody", "GET", "/folders/trash")
    for query in ("state=trashed&alone=1&limit=2", "alone=1", f"state=trashed&folder={trips}"):
        site.call("ann", "GET", f"/files?{query}")
