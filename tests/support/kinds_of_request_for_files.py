"""Requests about requests for files, and what was delivered to them, as `kinds_of_request` makes them."""

from __future__ import annotations

from typing import Any

from backoffice.domain.access import ANONYMOUS
from backoffice.services.guest_sending import GuestSending
from tests.support.kinds_of_request import Ask, Kind, Prepare, World
from tests.support.uploads import reader

FILES = "api.files."
TERMS: dict[str, Any] = {"name": "Reports", "max_files": 10, "review": True}


def create(world: World) -> Ask:
    return lambda: world.root.call("POST", "/requests", json=TERMS)


def of_request(method: str, path: str, files: int = 0, **more: Any) -> Prepare:
    """On a request to which `files` were delivered: `{}`."""

    def prepare(world: World) -> Ask:
        link_id, _ = delivered(world, files)
        return lambda: world.root.call(method, path.format(link_id), **more)

    return prepare


def of_delivery(method: str, path: str = "") -> Prepare:
    """On a delivered file that waits; `path` behind its address."""

    def prepare(world: World) -> Ask:
        _, ids = delivered(world, 1)
        return lambda: world.root.call(method, f"/deliveries/{ids[0]}{path}")

    return prepare


def delivered(world: World, files: int) -> tuple[str, list[str]]:
    """A request, and the files that a guest delivered to it."""
    answer = world.root.call("POST", "/requests", json=TERMS).get_json()
    token, guests = str(answer["url"]).rsplit("/", 1)[1], world.site.services.guests
    guest = guests.enter(ANONYMOUS, token, "", "", None, "")[1]
    return str(answer["id"]), [deliver(world, guests.sending(ANONYMOUS, token, guest)) for _ in range(files)]


def deliver(world: World, sending: GuestSending) -> str:
    spec = sending.spec(f"{world.name()}.txt")
    with sending.open_stream(spec, 1000) as new:
        new.read_from(reader(b"x" * 1000))
        return sending.finish_stream(new, spec).id


OF_REQUESTS = [
    Kind("new request", FILES + "create_request", 201, 10, create),
    Kind("a request", FILES + "get_request", 200, 4, of_request("GET", "/requests/{}")),
    Kind("change a request", FILES + "update_request", 200, 7, of_request("PATCH", "/requests/{}", json={"days": 3})),
    Kind("end a request", FILES + "end_request", 200, 6, of_request("POST", "/requests/{}/end")),
    Kind("deliveries", FILES + "list_deliveries", 200, 3, of_request("GET", "/links/{}/deliveries", 3)),
    Kind("accept all", FILES + "accept_deliveries", 200, 16, of_request("POST", "/links/{}/deliveries/accept", 3)),
    Kind("a delivery", FILES + "get_delivery", 200, 3, of_delivery("GET")),
    Kind("preview of a delivery", FILES + "preview_delivery", 200, 3, of_delivery("GET", "/preview")),
    Kind("accept a delivery", FILES + "accept_delivery", 200, 5, of_delivery("POST", "/accept")),
    Kind("refuse a delivery", FILES + "refuse_delivery", 204, 5, of_delivery("DELETE")),
]
