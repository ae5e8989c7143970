"""Flask-Principal and Flask-Login, wrapped: what they would get wrong, and do not."""

from __future__ import annotations

import gc

import pytest
import structlog
from flask import Flask
from flask_login import current_user
from flask_principal import Identity, Need, RoleNeed
from redis import Redis

from backoffice.domain.permissions import Permissions
from backoffice.web.identity import AnyPermission, actor, anonymous
from backoffice.web.route_access import public
from tests.support.website import Site, make_site


def _part(app: Flask) -> None:
    @app.get("/me")
    @public
    def me() -> dict[str, object]:
        asking = actor()
        return {
            "name": asking.name,
            "via": asking.via,
            "ip": asking.ip,
            "request_id": asking.request_id,
            "agent": asking.agent,
            "may": sorted(asking.permissions),
            "same": asking is actor() and (not asking.signed_in or current_user.actor is asking),
            "nobody": anonymous().name,
        }


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake, _part)


def test_a_permission_is_never_empty() -> None:
    with pytest.raises(ValueError, match="everybody"):
        AnyPermission()


def test_a_permission_refuses_operators_that_mean_something_else() -> None:
    one, other = AnyPermission(Permissions.USERS_READ), AnyPermission(Permissions.USERS_WRITE)
    with pytest.raises(TypeError):
        one & other
    with pytest.raises(TypeError):
        one | other


def test_holding_any_is_enough_and_roles_alone_are_not() -> None:
    wanted = AnyPermission(Permissions.USERS_READ, Permissions.ROLES_READ)
    identity = Identity("x")
    assert not wanted.allows(identity)
    identity.provides.add(RoleNeed("admin"))
    assert not wanted.allows(identity)
    identity.provides.add(Need("permission", "roles:read"))
    assert wanted.allows(identity)


def test_rights_survive_garbage_collection(site: Site) -> None:
    gc.collect()
    assert site.signed_in("otto", "operator").get("/admin/").status_code == 200


def test_the_actor_of_a_request(site: Site) -> None:
    browser = site.signed_in("ann", "user")
    answer = browser.get("/me", headers={"User-Agent": "x" * 5000})
    me = answer.json
    assert (me["name"], me["via"], me["ip"], me["same"], me["nobody"]) == ("ann", "web", "127.0.0.1", True, "")
    assert me["request_id"] == answer.headers["X-Request-ID"]
    assert len(me["agent"]) <= 512
    assert "files:read" in me["may"]
    assert site.browser().get("/me").json["name"] == ""


def test_a_token_narrows(site: Site) -> None:
    site.add_user("ann")
    bearer = {"Authorization": f"bearer {site.token('ann', 'files:read')}"}
    assert site.app.test_client().get("/me", headers=bearer).json["may"] == ["files:read"]


def test_reading_a_page_sets_no_cookie(site: Site) -> None:
    browser = site.signed_in("ann")
    assert "Set-Cookie" not in browser.get("/me").headers


def test_a_stray_remember_me_cookie_does_not_hide_the_session(site: Site) -> None:
    browser = site.signed_in("ann")
    for name in ("remember_token", "session", "user_id"):
        browser.client.set_cookie(name, "1|x")
    assert browser.get("/me").json["name"] == "ann"


def test_log_lines_of_a_request_carry_nothing_of_the_one_before(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.get("/me")
    assert "user" in structlog.contextvars.get_contextvars()
    answer = browser.client.get("/me", headers={"Host": "evil.example"})
    assert structlog.contextvars.get_contextvars() == {"request_id": answer.json["request_id"]}
