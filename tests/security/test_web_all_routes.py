"""Z1: no route answers a stranger unless it is meant to, and none changes anything for who may only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis
from werkzeug.routing import Rule

from backoffice.domain.access import BUILT_IN, granted_by
from backoffice.domain.acts import Acts
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permissions
from backoffice.web.route_access import (
    SAFE_METHODS,
    Access,
    Who,
    access_of,
    access_to,
    check_declared,
    declare,
    public,
    route_act,
)
from tests.support.website import HTML, SHELL, Site, make_site, make_whole_site

PUBLIC = {
    "health.live",
    "health.ready",
    "pages.login",
    "pages.logout",
    "pages.setup",
    "pages.link",
    "pages.link_file",
    "pages.link_inner_file",
    "pages.link_raw",
    "pages.link_zip",
    "pages.guest_send",
    "pages.guest_withdraw",
    "pages.guest_receipt",
    "pages.guest_chunk",
    "pages.guest_complete",
    "pages.guest_upload",
    "pages.guest_cancel",
    "pages.guest_chunks_there",
    "pages.docs",
    "pages.openapi",
    "static",
}
"""All that a stranger may call. Whoever adds to it says why in the review."""

READERS = tuple(p for p in all_permissions() if p.endswith((":read", ":export")))


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


def rules(app: Flask) -> Iterator[tuple[Rule, str, Access]]:
    """Each route with a path for it and what it declares."""
    bound = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        assert access is not None
        values = dict.fromkeys(rule.arguments, "1")
        built = bound.build(rule.endpoint, values, method=min(rule.methods or ()))
        yield rule, built, access


def test_Z1_the_public_routes_are_these_and_no_others(site: Site) -> None:
    open_to_all = {rule.endpoint for rule, _, access in rules(site.app) if access.who in (Who.PUBLIC, Who.ASSET)}
    assert open_to_all == PUBLIC


def test_Z1_no_route_answers_a_stranger(site: Site) -> None:
    client = site.app.test_client()
    for rule, path, _ in rules(site.app):
        if rule.endpoint not in PUBLIC:
            for method in rule.methods or ():
                answer = client.open(path, method=method)
                assert answer.status_code == 401, (method, path)
                person = client.open(path, method=method, headers=HTML)
                led = person.status_code == 303 and str(person.location).startswith("/login?next=")
                assert led or person.status_code == 401, (method, path)


def test_Z1_no_route_answers_somebody_without_the_right(site: Site) -> None:
    least = Permissions.FILES_SHARE
    site.services.roles.create(SHELL, name="least", permissions=(least,))
    site.add_user("nil", "least")
    bearer = {"Authorization": f"Bearer {site.token('nil')}"}
    client = site.app.test_client()
    for rule, path, access in rules(site.app):
        if access.who in (Who.HOLDER, Who.NOBODY) and least not in access.permissions:
            for method in rule.methods or ():
                assert client.open(path, method=method, headers=bearer).status_code == 403, (method, path)


def test_H1_every_unsafe_route_wants_the_token_of_a_form_or_a_bearer(site: Site) -> None:
    browser = site.signed_in("rosa", "admin")
    for rule, path, access in rules(site.app):
        for method in (rule.methods or set()) - SAFE_METHODS:
            assert access.who is not Who.ASSET
            answer = browser.client.open(path, method=method)
            assert (answer.status_code, answer.json["code"]) in [(403, "csrf_failed"), (403, "not_allowed")], (
                method,
                path,
            )
            if access.who is not Who.NOBODY:
                assert answer.json["code"] == "csrf_failed", (method, path)


def test_CVE_2026_29188_every_unsafe_route_wants_more_than_a_right_to_read(site: Site) -> None:
    site.services.roles.create(SHELL, name="reader", permissions=READERS)
    site.add_user("rita", "reader")
    bearer = {"Authorization": f"Bearer {site.token('rita')}"}
    client = site.app.test_client()
    for rule, path, access in rules(site.app):
        unsafe = (rule.methods or set()) - SAFE_METHODS
        if unsafe and access.who in (Who.HOLDER, Who.NOBODY):
            assert not set(access.permissions) & set(READERS), path
            for method in unsafe:
                assert client.open(path, method=method, headers=bearer).status_code == 403, (method, path)


def test_Z10_the_auditor_changes_nothing(site: Site) -> None:
    browser = site.signed_in("vera", "auditor")
    browser.get("/account")
    headers = {"X-CSRFToken": browser.token}
    for rule, path, access in rules(site.app):
        if access.who in (Who.HOLDER, Who.NOBODY):
            for method in (rule.methods or set()) - SAFE_METHODS:
                assert browser.open(path, method, headers=headers).status_code == 403, (method, path)


def test_Z10_the_log_has_no_route_that_changes_it(site: Site) -> None:
    for rule, path, _ in rules(site.app):
        if "audit" in path:
            unsafe = (rule.methods or set()) - SAFE_METHODS
            access = access_of(site.app, rule.endpoint)
            assert not unsafe or (access is not None and access.who is Who.NOBODY), path


def _undeclared(app: Flask) -> None:
    app.add_url_rule("/open", "open", lambda: "x")


def _reading_post(app: Flask) -> None:
    app.add_url_rule("/p", "p", route_act(Acts.USER_READ)(lambda: "x"), methods=["POST"])


def _reading_delete_declared(app: Flask) -> None:
    app.add_url_rule("/d", "d", lambda: "x", methods=["GET", "DELETE"])
    declare(app, "d", access_to(Acts.AUDIT_EXPORT))


def _unsafe_asset(app: Flask) -> None:
    app.add_url_rule("/a", "a", lambda: "x", methods=["PUT"])
    declare(app, "a", Access(Who.ASSET))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (_undeclared, "/open (open) does not declare"),
        (_reading_post, "/p (p) takes POST for a right to read"),
        (_reading_delete_declared, "/d (d) takes DELETE for a right to read"),
        (_unsafe_asset, "/a (a) is an asset and takes PUT"),
    ],
)
def test_Z1_a_route_declared_badly_stops_the_start(fake: Redis, part: object, says: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        make_site(fake, part)  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_Z1_a_declaration_names_a_permission_and_says_one_thing() -> None:
    app = Flask("x", static_folder=None)
    with pytest.raises(ValueError, match="at least one"):
        access_to()
    with pytest.raises(ValueError, match="at least one"):
        route_act()
    declare(app, "x", access_to(Acts.USER_READ))
    declare(app, "x", access_to(Acts.USER_READ))
    with pytest.raises(ValueError, match="twice"):
        declare(app, "x", access_to(Acts.USER_UPDATE))
    app.add_url_rule("/y", "y", public(lambda: "y"))
    check_declared(app)


ASKED = {"/jobs": "/jobs?all=true"}
"""What a list is asked for to be everybody's, which takes another right than one's own."""
NO_TOKEN = {"/admin/users/1/leave"}
"""What takes a password that was just given."""


@pytest.mark.parametrize("role", [*BUILT_IN])
def test_the_door_and_the_built_in_roles_agree(site: Site, role: str) -> None:
    """What a role holds opens the door, and what it lacks does not."""
    site.add_user("user1", role)
    bearer = {"Authorization": f"Bearer {site.token('user1')}"}
    client, held = site.app.test_client(), granted_by(role)
    for rule, path, access in rules(site.app):
        if access.who is Who.HOLDER and "GET" in (rule.methods or ()):
            refused = client.get(ASKED.get(path, path), headers=bearer, buffered=True).status_code == 403
            opens = bool(held & set(access.permissions)) and set(access.also) <= held and path not in NO_TOKEN
            assert refused is not opens, path


def test_Z1_a_route_that_says_nothing_is_for_nobody(site: Site) -> None:
    """The start refuses one; should it get in behind that, the door stays closed."""
    _undeclared(site.app)
    site.add_user("rosa", "admin")
    bearer = {"Authorization": f"Bearer {site.token('rosa')}"}
    for headers in ({}, bearer):
        assert site.app.test_client().get("/open", headers=headers).status_code == 403
