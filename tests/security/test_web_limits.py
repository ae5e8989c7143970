"""Bodies and headers made to hurt: CVE-2023-25577, CVE-2023-46136, CVE-2024-49767, CVE-2026-8159."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable

import pytest
from flask import Flask, request
from redis import Redis

from backoffice.domain.acts import Acts
from backoffice.web.route_access import route_act
from tests.support.processor_time import least_seconds
from tests.support.website import PASSWORD, Site, make_site

MIB = 1024 * 1024


def _part(app: Flask) -> None:
    @app.post("/form")
    @route_act(Acts.FILE_CREATE, max_body=64 * MIB)
    def form() -> str:
        return str(len(request.form) + len(request.files))


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake, _part)


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--X\r\n" + part + b"\r\n" for part in parts) + b"--X--\r\n"


def field(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


def measured(call: Callable[[], int]) -> tuple[int, float, int]:
    """What `call` returned, its processor seconds, and the most memory Python held meanwhile."""
    tracemalloc.start()
    try:
        result = call()
        memory = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return result, least_seconds(call, 2), memory


def post(
    site: Site, path: str, body: bytes, content_type: str = "multipart/form-data; boundary=X"
) -> Callable[[], int]:
    site.add_user("ann")
    headers = {"Authorization": f"Bearer {site.token('ann')}", "Content-Type": content_type}
    client = site.app.test_client()
    client.post(path, data=b"", headers=headers)
    return lambda: (
        client.post(path, input_stream=io.BytesIO(body), content_length=len(body), headers=headers).status_code
    )


def test_CVE_2023_25577_too_many_parts(site: Site) -> None:
    body = multipart(*(field(f"f{n}", b"") for n in range(5000)))
    status, seconds, memory = measured(post(site, "/form", body))
    assert status == 413
    assert seconds < 2
    assert memory < 20 * MIB


def test_CVE_2024_49767_a_large_field(site: Site) -> None:
    body = multipart(field("f", b"a" * (32 * MIB)))
    status, _, memory = measured(post(site, "/form", body))
    assert status == 413
    assert memory < 32 * MIB


@pytest.mark.parametrize("body", [b"a=" + b"b" * (8 * MIB), b"a&" * 200_000])
def test_a_large_urlencoded_form(site: Site, body: bytes) -> None:
    status, _, memory = measured(post(site, "/form", body, "application/x-www-form-urlencoded"))
    assert status == 413
    assert memory < 2 * MIB


def test_the_most_fields_that_fit_are_bearable(site: Site) -> None:
    status, seconds, memory = measured(post(site, "/form", b"a&" * 131_000, "application/x-www-form-urlencoded"))
    assert status == 200
    assert seconds < 2
    assert memory < 48 * MIB


@pytest.mark.parametrize("start", [b"\r", b"\n", b"\r\n\r"])
def test_CVE_2023_46136_a_part_that_begins_with_a_line_end(site: Site, start: bytes) -> None:
    head = b'--X\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
    call = post(site, "/form", head + start + b"a" * (32 * MIB) + b"\r\n--X--\r\n")
    assert call() == 200
    assert least_seconds(call, 1) < 1


def test_a_body_over_the_limit_of_its_route_is_refused_before_it_is_read(site: Site) -> None:
    browser = site.browser()
    browser.get("/login")

    class Endless(io.RawIOBase):
        def readinto(self, buffer: object) -> int:
            raise AssertionError("the body was read")

    answer = browser.client.post(
        "/login",
        headers={"Accept": "*/*"},
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"wsgi.input": Endless(), "CONTENT_LENGTH": str(10**12)},
    )
    assert answer.status_code == 413
    assert answer.json["code"] == "too_large"


def test_a_form_of_unknown_length_is_refused_not_cut(site: Site) -> None:
    browser = site.browser()
    browser.get("/login")
    environ = {"wsgi.input": io.BytesIO(b"a=" + b"b" * (4 * MIB)), "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = browser.client.post(
        "/login", headers={"Accept": "*/*"}, content_type="application/x-www-form-urlencoded", environ_overrides=environ
    )
    assert answer.status_code == 411
    assert answer.json["code"] == "length_required"


HOSTILE = {
    "Accept": "text/html;q=" + "0" * 60_000,
    "Accept-Language": ",".join(["en;q=0.1"] * 8000),
    "Accept-Encoding": "a," * 30_000,
    "Cookie": "; ".join(f"a{n}=b" for n in range(8000)),
    "If-None-Match": ",".join(['"a"'] * 15_000),
    "Range": "bytes=" + ",".join(["0-1"] * 15_000),
    "User-Agent": "(" * 65_536,
    "X-Forwarded-For": "1.2.3.4," * 8000,
    "Authorization": "Bearer " + "a" * 65_536,
    "Content-Type": "multipart/form-data; " + "a=b; " * 12_000,
    "X-CSRFToken": "." * 65_536,
    "Referer": "http://" + "a/" * 30_000,
    "Origin": "http://" + "a" * 65_000,
    "Host": "a" * 65_536,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_CVE_2026_8159_hostile_headers_cost_nothing(site: Site, name: str, method: str) -> None:
    client = site.app.test_client(use_cookies=False)
    client.open("/account", method="GET")

    def call() -> int:
        return client.open(
            "/login" if method == "POST" else "/account", method=method, headers={name: HOSTILE[name]}
        ).status_code

    assert call() in (303, 400, 401, 403)
    assert least_seconds(call, 0.25) < 0.25


@pytest.mark.parametrize("size", [129, 5000, 60_000])
def test_A2_a_long_password_is_refused_like_any_other(site: Site, size: int) -> None:
    site.add_user("ann")
    browser = site.browser()
    browser.get("/login")
    for data in ({"username": "ann", "password": "x" * size}, {"username": "a" * size, "password": PASSWORD}):
        assert browser.post("/login", data).status_code == 401


def test_of_strangers_no_more_is_read_than_a_form_has(site: Site) -> None:
    browser = site.browser()
    browser.get("/login")
    assert browser.post("/login", {"username": "ann", "password": "x" * 70_000}).status_code == 413
    assert browser.get("/login").status_code == 200


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "${7*7}", "<script>alert(1)</script>", "\x00", "\u202e", "a\r\nb", "%s%n", "' OR 1=1", "\ud800"]
)
def test_I8_CVE_2026_27641_what_was_entered_stays_text(site: Site, text: str) -> None:
    browser = site.browser()
    browser.get("/login")
    data = {
        "username": text.encode("utf-8", "surrogatepass"),
        "password": "x",
        "next": text.encode("utf-8", "surrogatepass"),
    }
    answer = browser.post("/login", data)
    assert answer.status_code in (400, 401)
    assert "<script>alert" not in answer.text
    assert "49" not in answer.text.partition("<form")[2].partition("password")[0]


def test_forms_with_files_where_none_belong_are_harmless(site: Site) -> None:
    browser = site.browser()
    browser.get("/login")
    data = {"username": (io.BytesIO(b"ann"), "x"), "csrf_token": browser.token}
    assert browser.client.post("/login", data=data).status_code == 401
    data = {"csrf_token": (io.BytesIO(browser.token.encode()), "x")}
    assert browser.client.post("/login", data=data).status_code == 403
