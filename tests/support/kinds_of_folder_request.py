"""Requests about folders, from the pages of one's own files, as `kinds_of_request` makes them."""

from __future__ import annotations

from itertools import count
from typing import Final

from tests.support import kinds_of_admin_request as admin
from tests.support.kinds_of_admin_request import made
from tests.support.kinds_of_request import Ask, Kind, Prepare, World, ann

_NUMBERS: Final = count(1)


def own_folder(world: World) -> str:
    """A folder of the administrator's."""
    answer = world.root.call("POST", "/folders", json={"name": f"g{next(_NUMBERS)}"})
    return str(answer.get_json()["id"])


def in_folder(path: str) -> Prepare:
    """The administrator's browser, with a new folder of theirs in the address."""

    def prepare(world: World) -> Ask:
        where = path.format(own_folder(world))
        return lambda: world.desk.get(where)

    return prepare


def move_back(world: World) -> Ask:
    """Of a request that moved nothing: what is looked for is most then."""
    world.page.get("/")
    return lambda: world.page.post("/my/move/undo", {"request": "none", "back": "/"})


def folder_form(path: str) -> Prepare:
    """What the forms about folders do."""

    def prepare(world: World) -> Ask:
        where, name = f"/my/folders{path.format(own_folder(world))}", f"h{next(_NUMBERS)}"
        world.desk.get("/")
        return lambda: world.desk.post(where, {"name": name})

    return prepare


def trashed_folder_form(path: str) -> Prepare:
    """The same of one that is in the trash."""

    def prepare(world: World) -> Ask:
        made_for_it = own_folder(world)
        world.desk.get("/")
        assert world.root.call("POST", f"/folders/{made_for_it}/trash").status_code == 200
        return lambda: world.desk.post(f"/my/folders{path.format(made_for_it)}", {})

    return prepare


FILES, PAGES = "api.files.", "pages."
NAMED = {"files": [{"name": "a.txt"}, {"name": "b.txt"}]}
OF_FOLDERS = [
    Kind("folders", FILES + "list_folders", 200, 2, ann("GET", "/folders?parent=")),
    Kind("new folder", FILES + "create_folder", 201, 2, admin.new_folder),
    Kind("a folder", FILES + "get_folder", 200, 1, made(admin.folder, "GET", "/folders/{made}")),
    Kind("where a folder lies", FILES + "folder_path", 200, 2, made(admin.folder, "GET", "/folders/{made}/path")),
    Kind("rename a folder", FILES + "change_folder", 200, 2, admin.rename_folder),
    Kind("delete a folder", FILES + "delete_folder", 204, 2, made(admin.folder, "DELETE", "/folders/{made}")),
    Kind("a folder into the trash", FILES + "trash_folder", 200, 6, admin.trash_folder),
    Kind("folders in the trash", FILES + "list_trashed_folders", 200, 1, ann("GET", "/folders/trash")),
    Kind("restore a folder", FILES + "restore_folder", 200, 9, admin.restore_folder),
    Kind("purge a folder", FILES + "purge_folder", 204, 7, admin.purge_folder),
    Kind("files of a folder", FILES + "list_files", 200, 2, made(admin.folder, "GET", "/files?folder={made}")),
    Kind("names that are taken", FILES + "taken", 200, 1, admin.post("/files/taken", NAMED)),
    Kind("files at the top", FILES + "list_files", 200, 2, ann("GET", "/files?folder=")),
    Kind("page of a folder", PAGES + "upload", 200, 2, in_folder("/?folder={}")),
    Kind("where to move", PAGES + "move", 200, 3, in_folder("/my/move?folder={0}&into={0}")),
    Kind("move back, by a form", PAGES + "move_back", 303, 6, move_back),
    Kind("new folder, by a form", PAGES + "folder_create", 303, 2, folder_form("")),
    Kind("trash a folder, by a form", PAGES + "folder_trash", 303, 6, folder_form("/{}/trash")),
    Kind("restore a folder, by a form", PAGES + "folder_restore", 303, 9, trashed_folder_form("/{}/restore")),
    Kind("purge a folder, by a form", PAGES + "folder_purge", 303, 8, trashed_folder_form("/{}/purge")),
]
