"""What clients do: each kind of act, with its preparation."""

from __future__ import annotations

import json
import time
from typing import Final

from backoffice.services.uploads.completion import LEASE_SECONDS
from tests.faults.client import Answer
from tests.faults.doing import ASK_AGAIN, PASSING, PIECE, Deed, Doer, GaveUp, refused
from tests.faults.oracle import State, digest
from tests.support.tus import OCTETS, TUS, metadata

__all__ = ["DEEDS", "Deed", "Doer", "GaveUp"]


PLAIN: Final = {"Content-Type": "application/octet-stream"}
SIZES: Final = (900, 40_000, 150_000)
"""Bytes of a file that comes in one body."""


def put(doer: Doer) -> None:
    """One body that is sent again where its answer was lost: then the name tells whether it is there."""
    _put(doer, doer.name("put"), doer.noise(doer.chance.choice(SIZES)))


def _put(doer: Doer, name: str, data: bytes, folder: str = "") -> None:
    path = f"/files/{name}?folder={folder}&on_conflict=fail"
    answer = doer.again(lambda: doer.client.ask("PUT", path, data), lambda: doer.oracle.doubt(name))
    _stored(doer, name, data, answer)


def _stored(doer: Doer, name: str, data: bytes, answer: Answer) -> None:
    if answer.status == 201:
        doer.oracle.told(name, answer.json["id"], digest(data))
    elif answer.status == 409 and name in doer.oracle.unsure:
        _seen(doer, name, data)
    else:
        raise refused(answer)


def _seen(doer: Doer, name: str, data: bytes) -> None:
    """The name is taken, by an act whose answer was lost: nobody has promised anything."""
    there = doer.found(name)
    if there is None and doer.oracle.lenient:  # the server that said so is the primary no more
        doer.oracle.lost_at_once(name, promised=False)
        return
    assert there is not None, f"{name} is taken and not there"
    doer.oracle.told(name, there["id"], digest(data), promised=False)


def chunks(doer: Doer) -> None:
    """Chunks that were acknowledged are not sent again, unless the site says that they are missing (after a fail-over
    that may be)."""
    name, parts = doer.name("chunks"), [doer.noise(size) for size in (PIECE, PIECE, 500)]
    data = b"".join(parts)

    def send(index: int, upload: str) -> Answer:
        where = f"&file_id={upload}" if upload else ""
        path = f"/upload_chunk?total_chunks={len(parts)}&chunk_index={index}{where}"
        return doer.again(lambda: doer.client.ask("POST", path, parts[index], PLAIN))

    def begin() -> str:
        answer = send(0, "")
        if answer.status != 200:
            raise refused(answer)
        return str(answer.json["file_id"])

    upload = begin()
    missing = list(range(1, len(parts)))
    end = time.monotonic() + LEASE_SECONDS + doer.seconds
    while time.monotonic() < end:
        for index in missing:
            answer = send(index, upload)
            if answer.status == 404:  # of a store that lost its last moments: it was never acknowledged as a file
                upload, missing = begin(), []
                break
            if answer.status != 200:
                raise refused(answer)
        asked = {"file_id": upload, "name": name, "total_size": len(data)}
        answer = doer.again(
            lambda asked=asked: doer.client.ask("POST", "/upload_complete", asked), lambda: doer.oracle.doubt(name)
        )
        if answer.status == 201 or (answer.status == 409 and answer.json["code"] == "name_taken"):
            break
        if answer.status == 404:
            upload, missing = begin(), list(range(1, len(parts)))
        elif answer.status == 409 and "missing" in answer.json:
            missing = [one for first, last in answer.json["missing"] for one in range(first, last + 1)]
        else:
            time.sleep(1)  # another completion, whose worker died, has the lease for a while
            missing = []
    _stored(doer, name, data, answer)


def tus(doer: Doer) -> None:
    name, data = doer.name("tus"), doer.noise(130_000)
    begun = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": metadata(filename=name)}
    made = doer.again(lambda: doer.client.ask("POST", "/tus/", b"", begun))
    if made.status != 201:
        raise refused(made)
    path = "/tus/" + made.headers["Location"].rpartition("/")[2].partition("~")[0]
    promised = False
    for upto in (50_000, len(data), len(data)):
        head = doer.again(lambda: doer.client.ask("HEAD", path, None, TUS))
        if head.status == 404 and doer.oracle.lenient:
            return  # nobody promised that what is not whole lasts
        if head.status != 200:
            raise refused(head)
        offset = int(head.headers["Upload-Offset"])
        if offset == len(data):
            break
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": OCTETS}
        answer = doer.client.ask("PATCH", path, data[offset:upto], headers)
        if answer.in_doubt or answer.status in PASSING:
            doer.oracle.doubt(name)
            time.sleep(ASK_AGAIN)
            if not tus_rest(doer, path, name, data):
                return
            promised = True
            break
        if answer.status not in {204, 409}:
            raise refused(answer)
        promised = answer.status == 204 and upto == len(data)
    there = doer.found(name)
    if there is None and doer.oracle.lenient:
        doer.oracle.lost_at_once(name, promised=promised)
        return
    assert there is not None, f"{name} is whole and no file"
    doer.oracle.told(name, there["id"], digest(data), promised=promised)


def tus_rest(doer: Doer, path: str, name: str, data: bytes) -> bool:
    """Go on where the site says that it is, until all of it is there. False: the upload is there no more."""

    def step() -> Answer:
        head = doer.again(lambda: doer.client.ask("HEAD", path, None, TUS))
        if head.status != 200:
            return head
        offset = int(head.headers["Upload-Offset"])
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": OCTETS}
        answer = doer.client.ask("PATCH", path, data[offset:], headers)
        return Answer(503) if answer.status == 409 else answer

    answer = doer.again(step, lambda: doer.oracle.doubt(name))
    if answer.status == 404 and doer.oracle.lenient:
        return False
    if answer.status != 204:
        raise refused(answer)
    return True


def batch(doer: Doer) -> None:
    """Small files in one request. After a lost answer what is there is asked for by name, and the rest sent anew."""
    files = {doer.name("batch"): doer.noise(2_000) for _ in range(4)}

    def doubt() -> None:
        for name in files:
            if name not in doer.oracle.kept:
                doer.oracle.doubt(name)

    answer = doer.again(lambda: doer.client.ask("POST", "/files/batch", *_form(files)), doubt)
    if answer.status != 200:
        raise refused(answer)
    late = {}
    for (name, data), item in zip(files.items(), answer.json["items"], strict=True):
        if file := item.get("file"):
            doer.oracle.told(name, file["id"], digest(data))
        elif item["problem"]["status"] == 409 and name in doer.oracle.unsure:
            _seen(doer, name, data)
        elif item["problem"]["status"] in PASSING:
            doer.oracle.doubt(name)
            late[name] = data
        else:
            raise AssertionError(f"{name}: {item['problem']}")
    for name, data in late.items():
        path = f"/files/{name}?on_conflict=fail"
        _stored(doer, name, data, doer.again(lambda path=path, data=data: doer.client.ask("PUT", path, data)))


def _form(files: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    told = json.dumps({"files": [{"name": name, "on_conflict": "fail"} for name in files]}).encode()
    parts = [b'--edge\r\nContent-Disposition: form-data; name="files"\r\n\r\n' + told + b"\r\n"]
    parts += [
        b'--edge\r\nContent-Disposition: form-data; name="content"; filename="x"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"
        for data in files.values()
    ]
    return b"".join([*parts, b"--edge--\r\n"]), {"Content-Type": "multipart/form-data; boundary=edge"}


def a_file(doer: Doer) -> None:
    """The preparation of what is done to a file."""
    name = doer.name("put")
    _put(doer, name, doer.noise(doer.chance.choice(SIZES)))
    doer.prepared["file"] = doer.oracle.kept[name]


def replace(doer: Doer) -> None:
    """Other content. With the entity tag it happens once, however often it is asked for."""
    file, data = doer.prepared.pop("file"), doer.noise(90_000)
    sha256 = digest(data)
    head = doer.again(lambda: doer.client.ask("HEAD", f"/files/{file.id}"))
    if head.status == 404 and doer.oracle.lenient:
        return  # that is judged in the end: a file that was seen, and nobody promised, may have gone
    headers = {"If-Match": head.headers["ETag"], **PLAIN}
    answer = doer.again(
        lambda: doer.client.ask("PUT", f"/files/{file.id}/content", data, headers),
        lambda: doer.oracle.doubt(file.name, sha256),
    )
    if answer.status == 412 and sha256 in file.maybe:
        now = doer.again(lambda: doer.client.ask("GET", f"/files/{file.id}"))
        if digest(now.body) == file.digest and doer.oracle.lenient:
            return  # the server that had the other content, which it had promised nobody, is the primary no more
        assert digest(now.body) == sha256, f"{file.name}: neither the one content nor the other"
    elif answer.status == 404 and doer.oracle.lenient:
        return
    elif answer.status not in {200, 201}:
        raise refused(answer)
    doer.oracle.replaced(file.name, sha256, promised=answer.status != 412)


def purge(doer: Doer) -> None:
    file = doer.prepared.pop("file")
    answer = doer.again(
        lambda: doer.client.ask("DELETE", f"/files/{file.id}?purge=1"),
        lambda: doer.oracle.doubt(file.name, State.GONE),
    )
    if answer.status != 204 and not (answer.status == 404 and file.maybe):
        raise refused(answer)
    doer.oracle.moved(file.name, State.GONE)


def a_folder(doer: Doer) -> None:
    made = doer.again(lambda: doer.client.ask("POST", "/folders", {"name": doer.name("folder")}))
    assert made.status == 201, made.body
    names = [doer.name("within") for _ in range(3)]
    for name in names:
        _put(doer, name, doer.noise(800), made.json["id"])
    doer.prepared["folder"] = (made.json["id"], made.json["name"], names)


def trash_folder(doer: Doer) -> None:
    folder, called, names = doer.prepared.pop("folder")

    def doubt() -> None:
        for name in names:
            doer.oracle.doubt(name, State.TRASHED)

    answer = doer.again(lambda: doer.client.ask("POST", f"/folders/{folder}/trash"), doubt)
    in_doubt = any(doer.oracle.kept[name].maybe for name in names)
    if answer.status != 200 and not (answer.status in {404, 409} and in_doubt):
        raise refused(answer)
    doer.oracle.folders[folder] = called
    for name in names:
        doer.oracle.moved(name, State.TRASHED)


def a_user(doer: Doer) -> None:
    def step() -> Answer:
        # Another one where the answer was lost: nothing rests on a user whom nobody was told of.
        return doer.client.ask("POST", "/admin/users", {"username": doer.name("user").removesuffix(".bin").lower()})

    made = doer.again(step)
    assert made.status == 201, made.body
    user = made.json.get("user", made.json)
    doer.prepared["user"] = user
    doer.oracle.users[user["id"]] = {user["quota_bytes"]}


def edit(doer: Doer) -> None:
    """An operator changes the quota of a user. The version says whether it was done."""
    user, quota = doer.prepared.pop("user"), doer.chance.randrange(10**6, 10**9)
    headers = {"If-Match": f'"{user["id"]}.{user["version"]}"'}
    answer = doer.again(
        lambda: doer.client.ask("PATCH", f"/admin/users/{user['id']}", {"quota_bytes": quota}, headers),
        lambda: doer.oracle.doubt_edit(user["id"], quota),
    )
    if answer.status == 404 and doer.oracle.lenient:
        return  # nobody promised that the user lasts
    if answer.status != 200 and not (answer.status == 412 and quota in doer.oracle.users[user["id"]]):
        raise refused(answer)
    doer.oracle.edited(user["id"], quota)


NOTHING: Final[Deed] = lambda _: None  # noqa: E731 - the preparation of what needs none
DEEDS: Final[dict[str, tuple[Deed, Deed]]] = {
    "chunk upload": (NOTHING, chunks),
    "PUT": (NOTHING, put),
    "tus": (NOTHING, tus),
    "replace content": (a_file, replace),
    "folder to trash": (a_folder, trash_folder),
    "purge": (a_file, purge),
    "admin edit": (a_user, edit),
    "batch": (NOTHING, batch),
}
"""Each kind of act: its preparation, which no fault disturbs, and the act."""
