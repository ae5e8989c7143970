"""Everybody's sessions and tokens over HTTP (S6, S7, Z2)."""

from __future__ import annotations

from backoffice.domain.ids import new_id
from tests.support.api_site import Person, Site
from tests.support.website import SHELL


def session_of(site: Site, person: Person) -> str:
    """A browser of that person; the session's id."""
    services = site.services
    user = services.users.get(SHELL, person.id)
    return services.sessions.start_for(SHELL, user).session.id


def test_s7_sessions_are_listed_by_person_and_address_and_ended(site: Site, root: Person) -> None:
    ann = site.somebody("user")
    session = session_of(site, ann)
    [found] = root.get(f"/admin/sessions?user={ann.id}").json["items"]
    assert (found["id"], found["user"], found["username"], found["state"]) == (session, ann.id, ann.name, "active")
    assert root.get("/admin/sessions?ip=192.0.2.9").json["items"] == []
    assert root.call("DELETE", f"/admin/sessions/{session}").status_code == 204
    assert root.get(f"/admin/sessions?user={ann.id}").json["items"] == []
    assert root.call("DELETE", f"/admin/sessions/{session}").status_code == 404
    assert root.call("DELETE", f"/admin/sessions/{new_id()}").status_code == 404


def test_s6_tokens_are_listed_and_a_revoked_one_is_refused_next(site: Site, root: Person) -> None:
    ann = site.somebody("user")
    [found] = root.get(f"/admin/tokens?user={ann.id}").json["items"]
    assert (found["username"], found["state"], "secret" in found) == (ann.name, "active", False)
    assert ann.get("/files").status_code == 200
    assert root.call("DELETE", f"/admin/tokens/{found['id']}").status_code == 204
    assert ann.get("/files").status_code == 401
    assert root.get(f"/admin/tokens?user={ann.id}").json["items"] == []


def test_all_tokens_of_a_person_are_revoked_at_once(site: Site, root: Person) -> None:
    ann = site.somebody("user")
    site.services.tokens.create(SHELL, name="another", user_id=ann.id)
    assert root.call("DELETE", f"/admin/users/{ann.id}/tokens").json == {"revoked": 2}
    assert ann.get("/files").status_code == 401


def test_z2_whoever_may_not_is_told_nothing_and_a_higher_rank_stays(site: Site, root: Person) -> None:
    ann, operator = site.somebody("user"), site.somebody("operator")
    assert ann.get("/admin/sessions").status_code == 403
    assert ann.get("/admin/tokens").status_code == 403
    [roots] = root.get(f"/admin/tokens?user={root.id}").json["items"]
    assert ann.call("DELETE", f"/admin/tokens/{roots['id']}").status_code == 404
    assert operator.call("DELETE", f"/admin/tokens/{roots['id']}").status_code == 403
    assert operator.call("DELETE", f"/admin/users/{root.id}/tokens").status_code == 403
    assert operator.call("DELETE", f"/admin/sessions/{session_of(site, root)}").status_code == 403
    assert root.get("/files").status_code == 200
