"""Links and what changes at the moment at which somebody opens one, or makes one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.deliveries import RequestTerms
from backoffice.domain.links import LinkState
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, NotFound
from backoffice.services.link_objects import LinkObjects
from backoffice.services.link_requests import Requests
from backoffice.services.link_zips import FoldersWithin
from tests.support.links import SHELL, Tree
from tests.support.website import Site


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Tree:
    site, client = shared
    client.flushall()
    return Tree(site)


def test_Z7_a_folder_whose_deletion_is_undone_opens_to_no_link_of_before(on: Tree) -> None:
    link, path = on.share(folder=on.empty.id)
    assert on.stranger().get(path).status_code == 200
    folders = on.site.services.folders
    folders.delete(on.owner(), on.empty.id)
    back = folders.bring_back(on.owner(), on.empty.id, name="empty", parent=on.plans.id)
    assert (back.id, back.back_at > link.since) == (on.empty.id, True)
    assert on.stranger().get(path).status_code == 404
    assert on.stranger().get(on.share(folder=on.empty.id)[1]).status_code == 200


def test_a_link_is_not_closed_for_what_was_moved_while_it_was_looked_at(
    on: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays = LinkObjects.stays

    def away_once(self: LinkObjects, objects: Any) -> Any:
        monkeypatch.setattr(LinkObjects, "stays", stays)
        return dict.fromkeys(stays(self, objects))

    monkeypatch.setattr(LinkObjects, "stays", away_once)
    assert on.stranger().get(on.path).status_code == 404
    assert on.links.held_one(SHELL, on.link.id).state is LinkState.OPEN
    assert on.stranger().get(on.path).status_code == 200


def test_Z7_no_archive_of_a_link_names_folders_outside(on: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = FoldersWithin.tree

    def moved_after(self: FoldersWithin, actor: Actor, owner: str, folder: str) -> Iterator[str]:
        yield from listed(self, actor, owner, folder)
        on.move(on.inner, on.beside)

    monkeypatch.setattr(FoldersWithin, "tree", moved_after)
    with pytest.raises(NotFound):
        on.links.open_zip(on.visitor(), on.path.removeprefix("/s/"))
    folders = on.site.services.folders
    assert folders.paths({on.inner.id}, on.beside.id) == {on.inner.id: ("inner",)}
    assert folders.paths({on.inner.id, ""}) == {on.inner.id: ("top", "plans b", "inner"), "": ()}


def test_a_request_that_cannot_be_made_leaves_no_folder(on: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Conflict("Too many acts today.")

    monkeypatch.setattr(Requests, "_insert", refuse)
    has = on.site.services
    before = has.folders.page_in(on.owner(), "", Query()).items
    for folder in ("", on.empty.id):
        with pytest.raises(Conflict, match="acts"):
            has.requests.create(on.owner(), name="Reports", terms=RequestTerms(max_files=1), folder=folder)
    assert has.folders.page_in(on.owner(), "", Query()).items == before
    assert has.folders.get(on.owner(), on.empty.id) == on.empty
