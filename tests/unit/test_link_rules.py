"""What roles and the site demand of share links, also of those that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.link_rules import DAY_MS, LinkPolicy, clean_share_days, clean_share_password
from backoffice.domain.links import Link, LinkState
from backoffice.domain.roles import Role
from backoffice.errors import Conflict, Invalid
from tests.support.links import DATA, SHELL, Sharing, download
from tests.support.website import PASSWORD, Site

ROLES = {
    name: Role(name, "", frozenset(), share_days=days, share_password=password)
    for name, days, password in [
        ("user", 0, 0),
        ("guests", 7, 0),
        ("interns", 3, 1),
        ("zealots", 3, 1),
        ("ages", 3000, 0),
        ("guarded", 0, 1),
    ]
}


@pytest.mark.parametrize(
    ("site", "held", "days", "days_role", "default", "password", "password_role"),
    [
        (LinkPolicy(), [], 365, "", 30, False, ""),
        (LinkPolicy(), ["user"], 365, "", 30, False, ""),
        (LinkPolicy(), ["user", "guests"], 7, "guests", 7, False, ""),
        (LinkPolicy(), ["zealots", "guests", "interns"], 3, "interns", 3, True, "interns"),
        (LinkPolicy(), ["guests", "guarded", "gone"], 7, "guests", 7, True, "guarded"),
        (LinkPolicy(), ["ages"], 365, "", 30, False, ""),
        (LinkPolicy(5, 90), ["guests"], 7, "guests", 5, False, ""),
        (LinkPolicy(1, 2, password=True), ["interns"], 2, "", 1, True, ""),
        (LinkPolicy(), ["guests", "admin"], 7, "guests", 7, False, ""),
    ],
)
def test_the_strictest_counts_and_says_who(
    site: LinkPolicy, held: list[str], days: int, days_role: str, default: int, password: bool, password_role: str
) -> None:
    rule = site.rule(held, ROLES)
    assert (rule.days, rule.days_role, rule.default_days) == (days, days_role, default)
    assert (rule.password, rule.password_role) == (password, password_role)


def test_an_end_is_within_the_life_whenever_it_is_chosen() -> None:
    rule, hour = LinkPolicy().rule(["guests"], ROLES), DAY_MS // 24
    assert rule.chosen_end(None, 0, 0) == rule.chosen_end(7, 0, 0) == 7 * DAY_MS
    assert rule.chosen_end(7, hour, 0) == 7 * DAY_MS, "chosen again, it does not live longer"
    assert rule.chosen_end(1, 6 * DAY_MS + hour, 0) == 7 * DAY_MS
    for days, now in ((0, 0), (8, 0), (3, 5 * DAY_MS), (1, 7 * DAY_MS)):
        with pytest.raises(Invalid, match="says the role guests") as caught:
            rule.chosen_end(days, now, 0)
        assert caught.value.details["field"] == "days"
        assert caught.value.details["limit"] <= 7


def test_numbers_of_a_role_are_bounded() -> None:
    for bad in (-1, 3651):
        with pytest.raises(Invalid):
            clean_share_days(bad)
    for bad in (-1, 2):
        with pytest.raises(Invalid):
            clean_share_password(bad)


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Sharing]:
    site, client = shared
    client.flushall()
    services = site.services
    sharing = Sharing(site)
    site.services.roles.create(SHELL, name="sharers", permissions=["files:read", "files:write", "files:share"])
    site.services.users.update(SHELL, sharing.ann, roles=["sharers"])
    yield sharing
    site.swap(links=services.links)


def demand(on: Sharing, **fields: int) -> None:
    on.site.services.roles.update(SHELL, "sharers", **fields)


def later(on: Sharing, link: Link, days: int) -> None:
    on.site.swap(links=replace(on.links, now=lambda: link.created_at + days * DAY_MS))


def state(on: Sharing, link: Link) -> LinkState:
    return on.links.held_one(SHELL, link.id).state


@pytest.mark.parametrize("rule", ["days", "password", "site's days", "site's password"])
def test_every_way_in_is_shut_to_links_that_do_not_meet_the_rule(on: Sharing, rule: str) -> None:
    """On the next request, as an address that never was; and open again with the rule as it was."""
    link, path = on.share()
    browser, before = on.stranger(), on.links
    assert download(browser, path).status_code == 200
    later(on, link, 2)
    if rule.startswith("site"):
        policy = LinkPolicy(1, 1) if rule == "site's days" else LinkPolicy(password=True)
        on.site.swap(links=replace(on.links, link_policy=policy))
    else:
        demand(on, **({"share_days": 1} if rule == "days" else {"share_password": 1}))
    who = "the site" if rule.startswith("site") else "the role sharers"
    what = "lets links live 1 day" if rule.endswith("days") else "demands a password"
    never = on.stranger().get("/s/" + "0" * 22 + "x" * 43)
    for answer in (
        browser.get(path),
        browser.post(path),
        browser.get(f"{path}/file"),
        browser.get(f"{path}/file", headers={"Range": "bytes=0-3"}),
        browser.open(f"{path}/file", "HEAD"),
    ):
        assert answer.status_code == 404
        assert DATA not in answer.data
    assert browser.get(path).text == never.text
    held = on.links.held_one(on.owner(), link.id)
    assert held.state is (LinkState.EXPIRED if rule.endswith("days") else LinkState.UNPROTECTED)
    assert held.because == f"{who} {what}"
    assert held.because in [one.event["data"]["because"] for one in on.entries("link.refuse")]
    assert not on.entries("link.close"), "no visitor ends it for good"
    demand(on, share_days=0, share_password=0)
    on.site.swap(links=before)
    assert browser.get(path).status_code == 200


def test_making_and_changing_is_held_to_the_rule(on: Sharing) -> None:
    old, path = on.share()
    demand(on, share_days=7, share_password=1)
    for fields, field in (({"days": 8, "password": PASSWORD}, "days"), ({"days": 2}, "password")):
        with pytest.raises(Invalid, match="the role sharers") as caught:
            on.share(**fields)
        assert caught.value.details["field"] == field
    made, made_path = on.share(password=PASSWORD)
    assert made.expires_at - made.created_at == 7 * DAY_MS
    for fields, field in (({"days": 8}, "days"), ({"password": ""}, "password")):
        with pytest.raises(Invalid, match="the role sharers") as caught:
            on.links.update(on.owner(), made.id, **fields)
        assert caught.value.details["field"] == field
    assert download(on.stranger(), made_path, password=PASSWORD).data == DATA
    assert on.links.held_one(on.owner(), old.id).expires_at == old.created_at + 7 * DAY_MS
    on.links.update(on.owner(), old.id, password=PASSWORD)
    assert download(on.stranger(), path, password=PASSWORD).data == DATA, "its owner gave it a password"


def test_nobody_opens_again_what_the_rule_bars(on: Sharing) -> None:
    link, path = on.share()
    olga = on.owner(on.site.add_user("olga", "operator"))
    on.site.services.users.disable(SHELL, on.ann)
    assert on.stranger().get(path).status_code == 404
    on.site.services.users.enable(SHELL, on.ann)
    demand(on, share_password=1)
    with pytest.raises(Conflict, match="the role sharers demands a password"):
        on.links.reopen(olga, link.id)
    with pytest.raises(Conflict):
        on.links.update(on.owner(), link.id, password=PASSWORD, days=1)
    on.links.update(on.owner(), link.id, password=PASSWORD)
    assert state(on, link) is LinkState.CLOSED, "a password opens nothing by itself"
    on.links.reopen(olga, link.id)
    assert state(on, link) is LinkState.OPEN
    demand(on, share_days=2)
    later(on, on.now(link), 3)
    assert state(on, link) is LinkState.EXPIRED
    on.links.reopen(olga, link.id)
    assert state(on, link) is LinkState.OPEN, "its life counts from then"


def test_the_form_says_what_holds_and_begins_with_it(on: Sharing) -> None:
    demand(on, share_days=10, share_password=1)
    ann, path = on.site.browser(), f"/my/files/{on.file.id}/share"
    ann.sign_in("ann")
    page = ann.get(path).text
    assert '<option value="10" selected>10 days' in page
    assert 'value="30"' not in page
    assert "so says the role <bdi>sharers</bdi>" in page
    assert "It has to have one, says the role sharers." in page
    refused = ann.post(path, {"days": "30", "password": PASSWORD, "max_downloads": ""})
    assert (refused.status_code, "A link lives 1 to 10 days, says the role sharers." in refused.text) == (400, True)
    refused = ann.post(path, {"days": "10", "password": "", "max_downloads": ""})
    assert (refused.status_code, "The link needs a password, says the role sharers." in refused.text) == (400, True)
    assert ann.post(path, {"days": "10", "password": PASSWORD, "max_downloads": ""}).status_code == 200


def test_operators_set_it_in_the_form_of_a_role_and_read_it_on_its_page(on: Sharing) -> None:
    on.site.add_user("rosa", "admin")
    root, roles = on.site.browser(), on.links.accounts
    root.sign_in("rosa")
    assert "as the site says (365 days)" in root.get("/admin/roles/edit/?id=sharers").text
    version = roles.load(on.ann)[1]["sharers"].version
    form = {"permissions": ["files:read", "files:write", "files:share"], "description": "", "inactive_days": ""}
    sent = {**form, "share_days": "9", "share_password": "y", "version": str(version)}
    assert root.post("/admin/roles/edit/?id=sharers", sent).status_code == 302
    role = roles.load(on.ann)[1]["sharers"]
    assert (role.share_days, role.share_password) == (9, 1)
    page = root.get("/admin/roles/details/?id=sharers").text
    assert ("at most 9 days, from this role" in page, "needed, from this role" in page) == (True, True)
