"""Which shares with people and roles a change of roles would hit: the preview says what then happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import fakeredis
import pytest

from backoffice.domain.roles import Role
from backoffice.domain.shares import ShareAccess, ShareState
from backoffice.errors import NotAllowed, NotFound
from backoffice.services import sharing_effects
from backoffice.services.share_effects import SharesIf
from tests.support.shares import Circle
from tests.support.website import SHELL, make_whole_site

RIGHTS = ("files:read", "files:share", "files:write")


@pytest.fixture
def on() -> Iterator[Circle]:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        circle = Circle(make_whole_site(client))
        circle.site.services.roles.create(SHELL, name="sharers", permissions=list(RIGHTS))
        circle.site.services.users.update(SHELL, circle.ann, roles=["sharers"])
        yield circle


def without(on: Circle, *rights: str) -> Role:
    """The role without these."""
    role = on.site.services.roles.get(SHELL, "sharers")
    return replace(role, permissions=frozenset(one for one in role.permissions if str(one) not in rights))


def foreseen(on: Circle, role: Role | None, name: str = "sharers") -> SharesIf:
    return on.site.services.share_effects.if_roles(SHELL, {name: role})


def take(on: Circle, *rights: str) -> None:
    left = [one for one in RIGHTS if one not in rights]
    on.site.services.roles.update(SHELL, "sharers", permissions=left)


@pytest.mark.parametrize("right", ["files:share", "files:read"])
def test_a_right_that_goes_shuts_shares_for_good(on: Circle, right: str) -> None:
    shares = [on.share(), on.share(file=on.files["private"].id, role="sharers")]
    assert foreseen(on, without(on)).total == 0
    found = foreseen(on, without(on, right))
    assert (dict(found.counts), found.looked_at, found.exact) == ({"closed": 2}, 2, True)
    assert {(one.id, one.name, one.username, one.to, one.grantee_name, one.kind) for one in found.sample} == {
        (shares[0].id, "team", "ann", "user", "bob", "closed"),
        (shares[1].id, "private.txt", "ann", "role", "sharers", "closed"),
    }
    assert [one.state for one in on.shares.standing_of(shares)] == [ShareState.OPEN] * 2, "nothing was done"
    role = on.site.services.roles.get(SHELL, "sharers")
    take(on, right)
    assert [one.state for one in on.shares.standing_of(shares)] == [ShareState.BLOCKED] * 2
    # Given back, it opens none of them, and none is hit.
    assert foreseen(on, role).total == 0


def test_who_may_not_write_any_more_lets_nobody_write(on: Circle) -> None:
    written, read = on.share(ShareAccess.WRITE), on.share(user="eve")
    found = foreseen(on, without(on, "files:write"))
    assert [(one.id, one.kind) for one in found.sample] == [(written.id, "read_only")]
    take(on, "files:write")
    bob = on.bearer("bob")
    assert bob("PUT", f"/shares/{written.id}/files/new.txt", data=b"x").status_code == 403
    assert bob("GET", f"/shares/{written.id}/files").status_code == 200
    assert on.bearer("eve")("GET", f"/shares/{read.id}/files").status_code == 200


def test_a_role_that_goes_takes_what_is_shared_with_it(on: Circle) -> None:
    """Its holders are none by then; what was shared with it is found by its name."""
    share = on.share(role="sharers")
    on.site.services.users.update(SHELL, on.ann, roles=["user"])
    other = on.share(file=on.files["plan"].id)
    found = foreseen(on, None)
    assert [(one.id, one.kind) for one in found.sample] == [(share.id, "closed")]
    on.site.services.roles.delete(SHELL, "sharers")
    states = [one.state for one in on.shares.standing_of([share, other])]
    assert states == [ShareState.BLOCKED, ShareState.OPEN]


def test_who_has_the_right_by_another_role_is_not_hit(on: Circle) -> None:
    on.share()
    on.site.services.users.update(SHELL, on.ann, roles=["sharers", "user"])
    found = foreseen(on, without(on, *RIGHTS))
    assert (found.total, found.looked_at) == (0, 1)


def test_of_many_the_first_are_looked_at_and_it_says_so(on: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("plan", "notes", "other"):
        on.share(file=on.files[name].id)
    monkeypatch.setattr(sharing_effects, "SAMPLE", 2)
    found = foreseen(on, without(on, "files:share"))
    assert (found.total, len(found.sample), found.exact) == (3, 2, True)
    with monkeypatch.context() as patch:
        patch.setattr(sharing_effects, "MOST", 3)
        assert not foreseen(on, without(on, "files:share")).exact
    # With a role of many people: no page has them all.
    for name in ("plan", "notes"):
        on.share(file=on.files[name].id, role="sharers")
    on.site.services.users.update(SHELL, on.ann, roles=["user"])
    assert (foreseen(on, None).total, foreseen(on, None).exact) == (2, True)
    monkeypatch.setattr(sharing_effects, "MAX_LIMIT", 1)
    found = foreseen(on, None)
    assert (found.total, found.looked_at, found.exact) == (1, 1, False)


def test_it_takes_the_right_to_see_all_shares(on: Circle) -> None:
    effects = on.site.services.share_effects
    with pytest.raises(NotAllowed):
        effects.if_roles(on.who("ann"), {"sharers": None})
    with pytest.raises(NotFound):
        effects.if_roles(SHELL, {"unknown": None})


def test_forms_and_programs_are_told(on: Circle) -> None:
    share = on.share()
    admin = on.site.signed_in("ida", "admin")
    form = admin.get("/admin/roles/edit/?id=sharers").text
    [version] = re.findall(r'name="version"[^>]*value="(\d+)"', form)
    sent = {"version": version, "description": "", "permissions": ["files:read", "files:write"]}
    asked = admin.post("/admin/roles/edit/?id=sharers", sent).text
    assert f'id={share.id}"><bdi>team</bdi></a>' in asked
    assert "Shut for good, for their owners may not share any more: <strong>1</strong>" in asked
    answer = on.bearer("ida", "roles:write", "roles:read", "users:read", "links:read")(
        "POST", "/admin/roles/sharers/preview", json={"permissions": ["files:read"]}
    )
    assert answer.json["shares"]["counts"] == {"closed": 1, "read_only": 0}
    assert answer.json["shares"]["sample"][0]["id"] == share.id
    blind = on.bearer("ida", "roles:write", "roles:read", "users:read")
    assert blind("POST", "/admin/roles/sharers/preview", json={"permissions": ["files:read"]}).json["shares"] is None


def test_what_other_roles_of_one_person_do_is_what_then_happens(on: Circle) -> None:
    share = on.share(access=ShareAccess.WRITE)
    users, effects = on.site.services.users, on.site.services.share_effects
    on.site.services.roles.create(SHELL, name="readers", permissions=["files:read", "files:share"])
    ann = users.get(SHELL, on.ann)
    assert effects.if_user(SHELL, ann, ann).total == 0
    assert dict(effects.if_user(SHELL, ann, replace(ann, roles=("readers",))).counts) == {"read_only": 1}
    found = effects.if_user(SHELL, ann, replace(ann, roles=()))
    assert (dict(found.counts), [one.id for one in found.sample]) == ({"closed": 1}, [share.id])
    assert [one.state for one in on.shares.standing_of([share])] == [ShareState.OPEN], "nothing was done"
    users.update(SHELL, on.ann, roles=[])
    assert [one.state for one in on.shares.standing_of([share])] == [ShareState.BLOCKED]


def test_the_question_before_a_role_is_taken_from_a_user_names_shares_and_links(on: Circle) -> None:
    on.share()
    on.site.services.links.create(on.who("ann"), file=on.files["private"].id)
    on.site.add_user("boss", "admin")
    boss = on.site.browser()
    boss.sign_in("boss")
    ann = on.site.services.users.get(SHELL, on.ann)
    boss.get("/admin/users/")
    sent = {"username": ann.username, "email": "", "roles": "auditor", "version": str(ann.version)}
    asked = boss.post(f"/admin/users/edit/?id={ann.id}", sent).text
    assert "Share links</h2>" in asked
    assert "Shares with people and roles</h2>" in asked
    assert "Shut for good, for their owners may not share any more: <strong>1</strong>" in asked
    assert on.site.services.users.get(SHELL, on.ann).roles == ("sharers",)
