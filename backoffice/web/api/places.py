"""How a client says where a file goes: a folder, and names of folders below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from backoffice.domain.folders import Place
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.web.context import services
from backoffice.web.identity import actor

FOR_IT: Final = "Identifier of the folder for it; empty: the top"
Folder = Annotated[str, Field(max_length=64, description=FOR_IT)]


def _from_list(value: Any) -> Any:
    """JSON has lists alone."""
    return tuple(value) if isinstance(value, list) else value


Path = Annotated[
    tuple[Annotated[str, Field(max_length=1024)], ...],
    BeforeValidator(_from_list),
    Field(max_length=MAX_FOLDER_DEPTH, description="Names of folders in it, each in the one before; made where needed"),
]


def folder_at(folder: str, path: Sequence[str]) -> str:
    """The identifier of the folder that is meant, which is made where it has to be."""
    return services().folders.make_path(actor(), path, folder).id if path else folder


def place_begun(folder: str, path: Sequence[str]) -> Place:
    """Where an upload that begins now goes. Raises Invalid where there is no such folder."""
    place = Place.of(folder, path)
    services().folders.check_place(actor(), place)
    return place
