"""Sessions and their cookies: S1 to S8, A4, and the known holes around them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.times import now_ms
from tests.support.website import PASSWORD, SHELL, Site, make_site

NEW = "copper-meadow-71-anchor"


def cookies(answer: object) -> dict[str, str]:
    found = answer.headers.getlist("Set-Cookie")  # type: ignore[attr-defined]
    return {line.partition("=")[0]: line for line in found}


def everything_stored(fake: Redis) -> bytes:
    return b"\n".join(fake.dump(key) or b"" for key in fake.scan_iter("*"))


def test_S1_cookie_over_tls_has_the_host_prefix_and_all_attributes(fake: Redis) -> None:
    site = make_site(fake, public_url="https://files.example.org")
    site.add_user("ann")
    browser = site.browser("https://files.example.org")
    given = cookies(browser.sign_in("ann"))
    for name in ("__Host-backoffice", "__Host-backoffice-device"):
        for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in given[name].split("; "), (name, attribute)
        assert "Domain" not in given[name]
    form = cookies(browser.get("/account"))["__Host-backoffice-form"].split("; ")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(form)
    assert browser.signed_in


def test_S1_cookie_on_plain_http_is_still_http_only_and_lax(site: Site) -> None:
    site.add_user("ann")
    given = cookies(site.browser().sign_in("ann"))["backoffice"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(given)
    assert "Secure" not in given


def test_S1_plain_name_is_not_believed_over_tls(fake: Redis) -> None:
    site = make_site(fake, public_url="https://files.example.org")
    site.add_user("ann")
    browser = site.browser("https://files.example.org")
    browser.sign_in("ann")
    secret = browser.cookie("__Host-backoffice")
    assert secret
    thief = site.app.test_client(use_cookies=False)
    for name, status in (("backoffice", 401), ("__Host-backoffice", 200)):
        headers = {"Cookie": f"{name}={secret}", "Host": "files.example.org"}
        assert thief.get("/account", headers=headers, base_url="https://files.example.org").status_code == status


def test_CVE_2023_23934_nameless_cookie_is_ignored(fake: Redis) -> None:
    site = make_site(fake, public_url="https://files.example.org")
    site.add_user("ann")
    browser = site.browser("https://files.example.org")
    browser.sign_in("ann")
    secret = browser.cookie("__Host-backoffice")
    assert secret
    for cookie in (
        f"=__Host-backoffice={secret}",
        f"=__Host-backoffice={secret}; a=b",
        f"; =__Host-backoffice={secret}",
    ):
        headers = {"Cookie": cookie, "Host": "files.example.org"}
        answer = site.app.test_client(use_cookies=False).get("/account", headers=headers, base_url=browser.base_url)
        assert answer.status_code == 401


def test_S2_only_the_hash_of_the_secret_is_stored(site: Site, fake: Redis) -> None:
    browser = site.signed_in("ann")
    secret = browser.cookie("backoffice")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret), "256 bits in base64"
    stored = everything_stored(fake)
    assert secret.encode() not in stored
    assert PASSWORD.encode() not in stored


def test_S3_new_id_at_sign_in_and_at_reauthentication(site: Site) -> None:
    browser = site.signed_in("ann")
    first = browser.cookie("backoffice")
    browser.get("/login?confirm=1")
    assert browser.post("/login", {"username": "ann", "password": PASSWORD}).status_code == 303
    second = browser.cookie("backoffice")
    assert second != first
    assert browser.signed_in
    browser.client.set_cookie("backoffice", first)
    assert not browser.signed_in


def test_S3_signing_in_as_somebody_else_ends_the_session_before(site: Site) -> None:
    browser = site.signed_in("ann")
    first = browser.cookie("backoffice")
    site.add_user("bob")
    assert browser.sign_in("bob").status_code == 303
    assert "bob" in browser.get("/account").text
    browser.client.set_cookie("backoffice", first)
    assert not browser.signed_in


def test_S4_an_id_invented_by_the_client_is_never_accepted(site: Site) -> None:
    site.add_user("ann")
    browser = site.browser()
    invented = "A" * 43
    browser.client.set_cookie("backoffice", invented)
    assert not browser.signed_in
    browser.sign_in("ann")
    assert browser.cookie("backoffice") != invented


@pytest.mark.parametrize("value", ["", "x", "A" * 5000, "a\0b", "null", "{}", '"', "ä" * 43])
def test_S4_odd_cookies_are_nobody(site: Site, value: str) -> None:
    headers = {"Cookie": f"backoffice={value}"}
    assert site.app.test_client(use_cookies=False).get("/account", headers=headers).status_code in (400, 401)


def test_S5_session_ends_when_idle_and_after_its_longest_time(site: Site) -> None:
    browser = site.signed_in("ann")
    for later in (31 * 60_000, 13 * 3600_000):
        site.swap(sessions=replace(site.services.sessions, now=lambda later=later: now_ms() + later))
        assert not browser.signed_in


def test_S6_sign_out_kills_the_session_on_the_server(site: Site) -> None:
    browser = site.signed_in("ann")
    secret = browser.cookie("backoffice")
    browser.get("/account")
    answer = browser.post("/logout")
    assert answer.status_code == 303
    assert browser.cookie("backoffice") == ""
    browser.client.set_cookie("backoffice", secret)
    assert not browser.signed_in


def test_S6_change_of_password_ends_other_sessions_and_keeps_this_browser(site: Site) -> None:
    browser, other = site.signed_in("ann"), site.browser()
    other.sign_in("ann")
    token = site.token("ann")
    before = browser.cookie("backoffice")
    browser.get("/account")
    answer = browser.post("/account/password", {"current": PASSWORD, "password": NEW, "repeat": NEW})
    assert answer.status_code == 303
    assert browser.cookie("backoffice") != before
    assert browser.signed_in
    assert not other.signed_in
    assert site.app.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_S6_Z9_disabled_user_is_out_at_the_next_request(site: Site) -> None:
    browser = site.signed_in("ann")
    token = site.token("ann")
    site.services.users.disable(SHELL, site.users["ann"])
    assert not browser.signed_in
    assert site.app.test_client().get("/", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_S6_rights_taken_away_are_gone_at_the_next_request(site: Site) -> None:
    site.add_user("rosa", "admin")
    browser = site.signed_in("ann", "operator")
    assert browser.get("/admin/").status_code == 200
    site.services.users.update(SHELL, site.users["ann"], roles=("user",))
    assert browser.get("/admin/").status_code in (303, 403)
    browser.sign_in("ann")
    assert browser.get("/admin/").status_code == 403


def test_S7_user_lists_and_ends_own_sessions(site: Site) -> None:
    browser, other, third = site.signed_in("ann"), site.browser(), site.browser()
    other.sign_in("ann")
    page = browser.get("/account").text
    [session_id] = re.findall(r'name="id" value="([0-9a-f]{64})"', page)
    assert browser.post("/account/session/end", {"id": session_id}).status_code == 303
    assert not other.signed_in
    third.sign_in("ann")
    browser.get("/account")
    assert browser.post("/account/sessions/end").status_code == 303
    assert browser.signed_in
    assert not third.signed_in


def test_S7_somebody_elses_session_is_not_there(site: Site) -> None:
    browser = site.signed_in("ann")
    site.signed_in("bob")
    [theirs] = site.services.sessions.of_user(SHELL, site.users["bob"])
    browser.get("/account")
    assert browser.post("/account/session/end", {"id": theirs.id}).status_code == 404


def test_S8_token_needs_a_fresh_password(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    later = replace(site.services.tokens, now=lambda: now_ms() + 11 * 60_000)
    site.swap(tokens=later)
    answer = browser.post(
        "/account/tokens", {"name": "x", "preset": "all", "days": "7"}, headers={"Referer": "http://localhost/account"}
    )
    assert answer.status_code == 303
    assert answer.location == "/login?confirm=1&act=token.create&next=/account"
    assert "password" in browser.get(answer.location).text
    site.swap(tokens=replace(later, now=now_ms))
    assert browser.post("/login", {"username": "ann", "password": PASSWORD, "next": "/account"}).location == "/account"
    browser.get("/account")
    made = browser.post("/account/tokens", {"name": "x", "preset": "custom", "days": "7", "scope": "files:read"})
    [text] = re.findall(r"bo_[A-Za-z0-9]+_[A-Za-z0-9_-]+", made.text)[:1]
    assert site.app.test_client().get("/", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    assert text not in browser.get("/account").text


def test_A4_all_failures_look_the_same(site: Site) -> None:
    site.add_user("ann")
    site.add_user("gone")
    site.services.users.disable(SHELL, site.users["gone"])
    site.services.users.create(SHELL, username="invited")
    seen = set()
    for name, password in (("ann", "wrong"), ("gone", PASSWORD), ("invited", ""), ("nobody", "x"), ("ann", "")):
        answer = site.browser().sign_in(name, password)
        text = re.sub(r'value="[^"]*"|autofocus', "", answer.text)
        seen.add((answer.status_code, re.sub(r"\s+", " ", text)))
    assert len(seen) == 1
    assert seen.pop()[0] == 401


def test_S6_CVE_2026_34531_empty_and_malformed_bearers_are_401_and_never_the_cookie(site: Site) -> None:
    browser = site.signed_in("ann")
    for header in (
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic YW5uOng=",
        "Bearer bo__",
        "Bearer x y",
        "bo_a_b",
        "Bearer " + "A" * 5000,
        "Bearer bo_" + "a" * 25 + "_" + "b" * 43,
    ):
        answer = browser.get("/account", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.json["code"] == "not_signed_in"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_Z8_a_token_cannot_make_tokens_or_touch_sessions(site: Site) -> None:
    site.add_user("ann")
    bearer = {"Authorization": f"Bearer {site.token('ann')}"}
    client = site.app.test_client()
    for path in ("/account/tokens", "/account/password", "/account/sessions/end", "/account/session/end"):
        assert client.post(path, data={"name": "x", "days": "7", "id": "a" * 64}, headers=bearer).status_code == 401


def test_A7_A10_setup_link_works_once(site: Site, fake: Redis) -> None:
    _, secret = site.services.users.create(SHELL, username="new")
    assert secret.encode() not in everything_stored(fake)
    browser = site.browser()
    for _ in range(2):
        assert "new" in browser.get(f"/setup/{secret}").text
    short = browser.post(f"/setup/{secret}", {"password": "short", "repeat": "short"})
    assert short.status_code == 400
    unequal = browser.post(f"/setup/{secret}", {"password": NEW, "repeat": NEW + "x"})
    assert unequal.status_code == 400
    done = browser.post(f"/setup/{secret}", {"password": NEW, "repeat": NEW})
    assert (done.status_code, done.location) == (303, "/")
    assert browser.signed_in
    assert site.browser().get(f"/setup/{secret}").status_code == 404
    assert site.browser().sign_in("new", NEW).status_code == 303


def test_A10_unknown_setup_links_are_404(site: Site) -> None:
    for secret in ("x", "A" * 43, "A" * 3000, "%00", "ä" * 40, "{{7*7}}"):
        answer = site.browser().get(f"/setup/{secret}")
        assert answer.status_code == 404
        assert "49" not in answer.text.replace("{{7*7}}", "")


def test_the_account_page_says_which_tokens_let_nobody_in(site: Site) -> None:
    site.signed_in("ann")
    text = site.token("ann")
    site.services.users.set_password(SHELL, site.users["ann"], NEW)
    browser = site.browser()
    browser.sign_in("ann", NEW)
    fresh = site.token("ann")
    page = browser.get("/account").text
    assert page.count('<span class="state state-warn">ended</span>') == 1
    for one, status in ((text, 401), (fresh, 200)):
        headers = {"Authorization": f"Bearer {one}"}
        assert site.app.test_client(use_cookies=False).get("/", headers=headers).status_code == status
