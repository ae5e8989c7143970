"""Folders on the site: finding or making one, and what lies in it and in those within it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from backoffice.client.errors import ClientError, ResponseError, not_a_site
from backoffice.client.http import ATTEMPTS, Client
from backoffice.domain.ids import ID_LENGTH, is_id

MOST: Final = 100_000
"""Folders that are gone through for one: a site that says otherwise is none of ours."""


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder on the site. `path`: the names that lead to it from the one that was asked for, which is the first."""

    id: str
    path: tuple[str, ...]


def find_folder(client: Client, folder_id: str, *, attempts: int = ATTEMPTS) -> RemoteFolder | None:
    """The folder of this identifier, None where there is none. Raises ResponseError, ConnectionFailed, ClientError."""
    try:
        about = client.request("GET", f"/folders/{quote(os.fsencode(folder_id), safe='')}", attempts=attempts).json()
    except ResponseError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    try:
        return RemoteFolder(str(about["id"]), (str(about["name"]),))
    except (KeyError, TypeError):
        raise not_a_site() from None


def folder_to_put_into(client: Client, named: str, *, attempts: int = ATTEMPTS) -> str:
    """The identifier of a folder that is named by its identifier, or by names with / between them from the top on, in
    which case it is made where needed. What looks like an identifier is one, unless a / stands before it. Raises
    ClientError where there is no such folder, ResponseError, ConnectionFailed."""
    if len(named) == ID_LENGTH and is_id(named):
        found = find_folder(client, named, attempts=attempts)
        if found is None:
            raise ClientError(f"There is no folder {named}. A new one of this name is made by /{named}.")
        return found.id
    names = [name for name in named.split("/") if name]
    if not names:
        raise ClientError("--folder names no folder.")
    try:
        return str(client.post_json("/folders", {"path": names}, attempts=attempts)["id"])
    except KeyError:
        raise not_a_site() from None


def folders_within(client: Client, top: RemoteFolder) -> Iterator[RemoteFolder]:
    """It and all within it, each before those that lie in it. Raises as `find_folder`."""
    left, count = [top], 0
    while left:
        folder = left.pop()
        yield folder
        found = client.list_items("/folders", [("parent", folder.id)])
        left += [RemoteFolder(str(one["id"]), (*folder.path, str(one["name"]))) for one in found]
        count += 1
        if count > MOST:
            raise ClientError("the site names folders without an end.")


def files_in(client: Client, folder: RemoteFolder) -> Iterator[str]:
    """The identifiers of the files that lie in a folder, not in others within it. Raises as `find_folder`."""
    for one in client.list_items("/files", [("folder", folder.id), ("sort", "name"), ("order", "asc")]):
        yield str(one["id"])
