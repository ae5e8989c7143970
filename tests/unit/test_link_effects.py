"""Which share links a change of roles would hit: the preview says what then happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.links import Link, LinkState
from backoffice.domain.roles import Role
from backoffice.errors import NotAllowed, NotFound
from backoffice.services import sharing_effects
from backoffice.services.link_effects import LinksIf
from backoffice.services.sharing_effects import Effects
from tests.support.links import SHELL, Sharing
from tests.support.website import PASSWORD, Site

DAY_MS = 24 * 3600 * 1000
NO_LINKS: LinksIf = Effects(0, exact=True, counts={}, sample=())


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Sharing]:
    site, client = shared
    client.flushall()
    services = site.services
    sharing = Sharing(site)
    services.roles.create(SHELL, name="sharers", permissions=["files:read", "files:share", "files:write"])
    services.users.update(SHELL, sharing.ann, roles=["sharers"])
    yield sharing
    site.swap(links=services.links)


def then(on: Sharing, **fields: Any) -> Role:
    """The role with these fields."""
    return replace(on.site.services.roles.get(SHELL, "sharers"), **fields)


def foreseen(on: Sharing, role: Role | None) -> LinksIf:
    return on.site.services.link_effects.if_roles(SHELL, {"sharers": role})


def states(on: Sharing, links: list[Link]) -> list[LinkState]:
    return [on.links.held_one(SHELL, one.id).state for one in links]


def later(on: Sharing, ms: int) -> None:
    on.site.swap(links=replace(on.links, now=lambda: ms))


def test_what_is_foreseen_is_what_then_happens(on: Sharing) -> None:
    with_password, _ = on.share(password=PASSWORD, days=90)
    without, short = on.share(days=90)[0], on.share(days=2, password=PASSWORD)[0]
    revoked, _ = on.share()
    on.links.revoke(on.owner(), revoked.id)
    later(on, without.created_at + DAY_MS)
    assert foreseen(on, then(on)) == NO_LINKS
    found = foreseen(on, then(on, share_days=7, share_password=1))
    assert (dict(found.counts), found.looked_at, found.exact) == ({"password": 1, "shorter": 1}, 3, True)
    assert [(one.id, one.kind, one.username) for one in found.sample] == [
        (without.id, "password", "ann"),
        (with_password.id, "shorter", "ann"),
    ]
    assert found.sample[1].ends_at == with_password.created_at + 7 * DAY_MS
    on.site.services.roles.update(SHELL, "sharers", share_days=7, share_password=1)
    links = [with_password, without, short]
    assert states(on, links) == [LinkState.OPEN, LinkState.UNPROTECTED, LinkState.OPEN]
    assert on.links.held_one(SHELL, with_password.id).expires_at == found.sample[1].ends_at
    # Taken back it opens what it shut.
    assert dict(foreseen(on, then(on, share_password=0)).counts) == {"opened": 1}
    on.site.services.roles.update(SHELL, "sharers", share_password=0)
    assert states(on, links) == [LinkState.OPEN] * 3


def test_links_that_are_over_at_once_come_before_others(on: Sharing) -> None:
    link, _ = on.share(days=90)
    later(on, link.created_at + 10 * DAY_MS)
    assert dict(foreseen(on, then(on, share_days=7)).counts) == {"ended": 1}
    assert dict(foreseen(on, then(on, share_days=20)).counts) == {"shorter": 1}


@pytest.mark.parametrize("right", ["files:share", "files:read"])
def test_a_right_that_goes_shuts_links_for_good(on: Sharing, right: str) -> None:
    links = [on.share()[0] for _ in range(3)]
    role = then(on)
    left = frozenset(one for one in role.permissions if str(one) != right)
    found = foreseen(on, replace(role, permissions=left))
    assert dict(found.counts) == {"closed": 3}
    assert dict(foreseen(on, None).counts) == {"closed": 3}
    on.site.services.roles.update(SHELL, "sharers", permissions=[str(one) for one in left])
    assert states(on, links) == [LinkState.BLOCKED] * 3
    # Given back, it opens none of them by itself.
    assert foreseen(on, role).total == 0


def test_who_has_the_right_by_another_role_is_not_hit(on: Sharing) -> None:
    on.share()
    on.site.services.users.update(SHELL, on.ann, roles=["sharers", "user"])
    assert foreseen(on, None) == replace(NO_LINKS, looked_at=1)


def test_dead_links_are_not_counted(on: Sharing) -> None:
    on.share()
    on.site.services.files.trash(SHELL, on.file.id)
    assert foreseen(on, then(on, share_password=1)).total == 0


def test_of_many_the_first_are_looked_at_and_it_says_so(on: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        on.share()
    monkeypatch.setattr(sharing_effects, "SAMPLE", 2)
    found = foreseen(on, then(on, share_password=1))
    assert (found.total, len(found.sample), found.exact) == (3, 2, True)
    monkeypatch.setattr(sharing_effects, "MOST", 3)
    assert not foreseen(on, then(on, share_password=1)).exact


def test_of_many_holders_the_first_are_looked_at_and_it_says_so(on: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    on.share()
    for name in ("bob", "carol"):
        on.site.add_user(name, "sharers")
    monkeypatch.setattr(sharing_effects, "MAX_LIMIT", 2)
    assert not foreseen(on, then(on, share_password=1)).exact
    monkeypatch.setattr(sharing_effects, "MAX_LIMIT", 4)
    assert foreseen(on, then(on, share_password=1)).exact


def test_it_takes_the_right_to_see_all_links(on: Sharing) -> None:
    effects = on.site.services.link_effects
    for who in (on.owner(), on.owner(on.site.add_user("bob"))):
        with pytest.raises(NotAllowed):
            effects.if_roles(who, {"sharers": None})
    with pytest.raises(NotFound):
        effects.if_roles(SHELL, {"nobody": None})


def test_the_form_of_a_role_asks_about_the_links_that_it_hits(on: Sharing) -> None:
    on.share(days=90)
    on.site.add_user("rosa", "admin")
    root = on.site.browser()
    root.sign_in("rosa")
    address = "/admin/roles/edit/?id=sharers"
    page = root.get(address).text
    role = on.site.services.roles.get(SHELL, "sharers")
    form = {
        "description": "",
        "permissions": [str(one) for one in role.permissions],
        "share_days": "7",
        "share_password": "y",
        "version": str(role.version),
    }
    assert "report.txt" not in page
    asked = root.post(address, form).text
    assert "Without a password, which they need then: <strong>1</strong>" in asked
    assert ("report.txt" in asked, "Who gains and loses what" in asked) == (True, False)
    assert on.site.services.roles.get(SHELL, "sharers").share_days == 0
    assert root.post(address, {**form, "confirmed": "1"}).status_code == 302
    assert on.site.services.roles.get(SHELL, "sharers").share_days == 7
    # Where no link is hit nothing is asked.
    now = on.site.services.roles.get(SHELL, "sharers")
    assert root.post(address, {**form, "share_days": "6000", "version": str(now.version)}).status_code == 200
    changed = {**form, "share_days": "30", "share_password": "y", "version": str(now.version)}
    assert root.post(address, changed).status_code == 302


def test_programs_ask_likewise(on: Sharing) -> None:
    link, _ = on.share(days=90)
    on.site.add_user("rosa", "admin")
    root = on.site.browser()
    root.sign_in("rosa")
    root.get("/")
    answer = root.client.post(
        "/admin/roles/sharers/preview", json={"share_days": 7}, headers={"X-CSRFToken": root.token}
    )
    assert answer.status_code == 200, answer.text
    links = answer.get_json()["links"]
    assert links["counts"] == {"closed": 0, "ended": 0, "password": 0, "shorter": 1, "opened": 0}
    assert [one["id"] for one in links["sample"]] == [link.id]
    assert answer.get_json()["effects"] == []


def test_what_other_roles_of_one_person_do_is_what_then_happens(on: Sharing) -> None:
    links = [on.share()[0], on.share(password=PASSWORD)[0]]
    ann, effects = on.site.services.users.get(SHELL, on.ann), on.site.services.link_effects
    assert effects.if_user(SHELL, ann, ann).total == 0
    found = effects.if_user(SHELL, ann, replace(ann, roles=()))
    assert (dict(found.counts), found.looked_at, found.exact) == ({"closed": 2}, 2, True)
    assert {(one.id, one.username) for one in found.sample} == {(one.id, "ann") for one in links}
    assert states(on, links) == [LinkState.OPEN] * 2, "nothing was done"
    on.site.services.users.update(SHELL, on.ann, roles=[])
    assert states(on, links) == [LinkState.BLOCKED] * 2
    with pytest.raises(NotAllowed):
        effects.if_user(on.owner(), ann, ann)
