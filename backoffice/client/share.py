"""Making share links on a site, over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from backoffice.client.errors import ClientError, ResponseError, not_a_site
from backoffice.client.http import Client

ObjectKind = Literal["file", "folder"]
TAKEN: Final = "name_taken"
"""The site's code for a name that something has already."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What a link is to be. `days` None: as many as the site has it; `password` "": none; `max_downloads` 0: any
    number."""

    days: int | None = None
    password: str = ""
    max_downloads: int = 0

    def fields(self) -> dict[str, Any]:
        """As the API takes them."""
        given = {"days": self.days, "password": self.password, "max_downloads": self.max_downloads}
        return {name: value for name, value in given.items() if value}


def make_link(client: Client, kind: ObjectKind, object_id: str, options: LinkOptions) -> dict[str, Any]:
    """The new link as the site answers it, with its address (`url`). It is asked for once: where the answer gets lost
    there may be one whose address nobody knows. Raises ResponseError, ConnectionFailed, ClientError."""
    made = post_once(client, "/links", {kind: object_id, **options.fields()})
    if not isinstance(made.get("url"), str):
        raise not_a_site()
    return made


def share_id(client: Client, object_id: str, options: LinkOptions) -> dict[str, Any]:
    """The same of a file or a folder, whichever has this identifier."""
    try:
        return make_link(client, "file", object_id, options)
    except ResponseError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
    return make_link(client, "folder", object_id, options)


def new_folder(client: Client, name: str) -> str:
    """The identifier of a folder that is made at the top. One that is there already is not taken: who shares a
    directory shares what is in it, and nothing else. Raises as `make_link`."""
    try:
        return str(post_once(client, "/folders", {"name": name})["id"])
    except KeyError:
        raise not_a_site() from None
    except ResponseError as error:
        if error.code != TAKEN:
            raise
        raise ClientError(
            "there is something of this name on the site already. Share that by its id, or give the directory another"
            " name."
        ) from error


def post_once(client: Client, path: str, value: dict[str, Any]) -> dict[str, Any]:
    """The answer in JSON to what must not be done twice: it is never sent again. Raises ResponseError,
    ConnectionFailed."""
    headers = {"Content-Type": "application/json"}
    return client.request("POST", path, body=json.dumps(value).encode(), headers=headers, attempts=1).json()
