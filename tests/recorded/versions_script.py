"""What is asked of the API about other content for a file, and what it held before."""

from __future__ import annotations

from io import BytesIO

from tests.recorded.session import NO_ID, Recorded


def versions(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.token("ann", label="ann reading", scope="files:read")
    site.token("ann", label="ann writing", scope="files:write")
    file_id = site.learn("report.txt", site.call("ann", "PUT", "/files/report.txt?tag=red", body=b"one"))
    _content(site, file_id)
    _earlier(site, file_id)
    _page(site, file_id)


def _content(site: Recorded, file_id: str) -> None:
    path = f"/files/{file_id}/content"
    for who in ("nobody", "bob", "ann reading"):
        site.call(who, "PUT", path, body=b"not mine")
    site.call("ann", "PUT", f"/files/{NO_ID}/content", body=b"x")
    tag = site.call("ann", "GET", f"/files/{file_id}").headers["ETag"]
    site.call("ann", "PUT", path, headers={"If-Match": tag}, body=b"second")
    site.call("ann", "PUT", path, headers={"If-Match": tag}, body=b"lost")
    site.call("ann writing", "PUT", path, headers={"Content-Type": "text/csv"}, body=b"a,b")
    site.call("ann", "PUT", f"{path}?checksum=sha256:{'0' * 64}", body=b"x")
    site.call("ann", "PUT", f"{path}?name=other.txt", body=b"x")


def _earlier(site: Recorded, file_id: str) -> None:
    path = f"/files/{file_id}/versions"
    found = site.call("ann", "GET", path).get_json()["items"]
    second, first = (site.normal.learn(f"version {one['number']}", one["id"]) for one in found)
    for method, more in (("GET", ""), ("GET", f"/{first}"), ("POST", f"/{first}/restore"), ("DELETE", f"/{first}")):
        site.call("nobody", method, f"{path}{more}")
    site.call("bob", "GET", path)
    site.call("ann writing", "GET", path)
    site.call("ann", "GET", f"{path}/{first}")
    site.call("ann", "GET", f"{path}/{second}", headers={"Range": "bytes=0-2"})
    site.call("ann", "GET", f"{path}/{NO_ID}")
    site.call("ann", "POST", f"{path}/{first}/restore")
    site.call("ann", "POST", f"{path}/{first}/restore")
    site.call("ann reading", "POST", f"{path}/{second}/restore")
    site.call("ann", "POST", f"{path}/{second}/restore", headers={"If-Match": f'"{file_id}.1"'})
    site.call("ann writing", "DELETE", f"{path}/{second}")
    site.call("ann", "DELETE", f"{path}/{second}")
    site.call("ann", "DELETE", f"{path}/{second}")
    site.call("ann", "GET", path)
    site.call("ann", "GET", f"/files/{file_id}/metadata")


def _page(site: Recorded, file_id: str) -> None:
    path = f"/my/files/{file_id}/versions"
    site.page("ann", path)
    site.page("bob", path)
    sent = {"file": (BytesIO(b"by a form"), "other name.txt")}
    site.submit_files("ann", f"{path}?csrf_token={site._form_tokens['ann']}", sent)
    found = site.call("ann", "GET", f"/files/{file_id}/versions").get_json()["items"]
    first = site.normal.learn("version by page", found[0]["id"])
    site.page("ann", f"{path}?delete={first}")
    for deed in ("restore", "restore", "delete"):
        site.submit("ann", f"{path}/{first}/{deed}")
    site.submit("bob", f"{path}/{first}/delete")
    for who, method, more in (("nobody", "GET", ""), ("nobody", "POST", ""), ("nobody", "POST", f"/{first}/restore")):
        site.call(who, method, f"{path}{more}")
    site.call("nobody", "POST", f"{path}/{first}/delete")
    site.page("ann", f"/my/files/{file_id}")
