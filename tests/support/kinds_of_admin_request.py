"""Requests of administrators of every kind, as `kinds_of_request.py` has them of others."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final

from werkzeug.test import TestResponse

from backoffice.domain.throttling import Bucket
from backoffice.services.sign_in.throttle import NETWORK
from tests.support.api_site import SHELL
from tests.support.kinds_of_request import Ask, Prepare, World, signed_in

TAG: Final = {"add": ["red"]}
_NUMBERS = count()


def made(make: Callable[[World], str], method: str, path: str, **more: Any) -> Prepare:
    """The administrator's token, on something that was made for it: `{made}`."""

    def prepare(world: World) -> Ask:
        where = path.format(made=make(world))
        return lambda: world.root.call(method, where, **more)

    return prepare


def post(path: str, body: dict[str, Any]) -> Prepare:
    """The administrator's token."""
    return lambda world: lambda: world.root.call("POST", path, json=body)


def role(world: World) -> str:
    name = f"group{next(_NUMBERS)}"
    answer = world.root.call("POST", "/admin/roles", json={"name": name, "permissions": ["files:read"]})
    assert answer.status_code == 201, answer.text
    return name


def link(world: World) -> str:
    """A share link to a new file."""
    file = world.root.upload(world.name())
    return str(world.root.call("POST", "/links", json={"file": file}).json["id"])


def new_link(world: World) -> Ask:
    file = world.root.upload(world.name())
    return lambda: world.root.call("POST", "/links", json={"file": file})


def view(world: World) -> str:
    body = {"section": "files", "name": f"view {next(_NUMBERS)}", "query": "flt0_size_at_least=1+GB"}
    return _made(world.root.call("POST", "/admin/views", json=body))


def job(world: World) -> str:
    """One that waits."""
    return _made(world.root.call("POST", "/jobs", json={"kind": "file.tag", "ids": [world.file], "args": TAG}))


def done_job(world: World) -> str:
    job_id = job(world)
    while world.site.services.jobs.runner.run_some():
        pass
    return job_id


def session(world: World) -> str:
    other = world.site.somebody()
    signed_in(world.site, other)
    found = world.root.get(f"/admin/sessions?user={other.id}").json
    return str(found["items"][0]["id"])  # type: ignore[index]


def token(world: World) -> str:
    other = world.site.somebody()
    found = world.root.get(f"/admin/tokens?user={other.id}").json
    return str(found["items"][0]["id"])  # type: ignore[index]


def block(world: World) -> str:
    address = f"192.0.2.{next(_NUMBERS) % 250}"
    for _ in range(NETWORK.free + 1):
        world.site.services.sessions.throttle.attempt((Bucket(f"network:{address}", NETWORK, keeps=True),))
    return f"address:{address}"


def somebody(world: World) -> str:
    return world.site.somebody().id


def entry(world: World) -> str:
    """Of the log: a name that was changed."""
    file_id = world.stored()
    assert world.ann.call("POST", f"/files/{file_id}/rename", json={"new_name": world.name()}).status_code == 200
    asked = (("object", f"file:{file_id}"), ("action", "file.rename"))
    return str(world.site.services.audit.page(SHELL, filters=asked, limit=1).items[0].id)


def text(world: World) -> str:
    return world.ann.upload(f"text {next(_NUMBERS)}.txt", b"some text")


def with_password(method: str, path: str, **more: Any) -> Prepare:
    """By a browser whose password was just given, on somebody, `{made}`: no token may."""

    def prepare(world: World) -> Ask:
        where, browser = path.format(made=somebody(world)), world.desk
        browser.get("/admin/")
        return lambda: browser.open(where, method, headers={"X-CSRFToken": browser.token}, **more)

    return prepare


def _made(answer: TestResponse) -> str:
    assert answer.status_code in {201, 202}, answer.text
    return str(answer.json["id"])  # type: ignore[index]


def folder(world: World) -> str:
    answer = world.root.call("POST", "/folders", json={"name": f"f{next(_NUMBERS)}"})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])  # type: ignore[index]


def trashed_folder(world: World) -> str:
    made_for_it = folder(world)
    assert world.root.call("POST", f"/folders/{made_for_it}/trash").status_code == 200
    return made_for_it


trash_folder = made(folder, "POST", "/folders/{made}/trash")
restore_folder = made(trashed_folder, "POST", "/folders/{made}/restore")
purge_folder = made(trashed_folder, "POST", "/folders/{made}/purge")


def new_folder(world: World) -> Ask:
    name = f"f{next(_NUMBERS)}"
    return lambda: world.root.call("POST", "/folders", json={"name": name})


def rename_folder(world: World) -> Ask:
    made_for_it, name = folder(world), f"f{next(_NUMBERS)}"
    return lambda: world.root.call("PATCH", f"/folders/{made_for_it}", json={"name": name})
