"""The logs of nginx and Caddy, as the examples configure them, have nothing that opens a door."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.proxied_site import Front
from tests.support.servers import free_ports, wait_for
from tests.support.web_proxies import KINDS, two_ports, web_proxy

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

SECRETS = (
    "/s/{}",
    "/setup/{}",
    "/tus/{}",
    "//s//{}",
    "/S/{}",
    "/%73/{}",
    "/s/{}?q=1",
    "/x/../s/{}",
    "/login?next=/s/{}",
    "/s%2F{}",
)


@pytest.mark.parametrize("spelling", SECRETS)
def test_no_log_has_what_opens_a_door(top: Front, spelling: str) -> None:
    secret = hashlib.sha256(spelling.encode()).hexdigest()
    begin = len(top.proxy.logs())
    for headers in ({}, {"Referer": f"{top.proxy.url}/s/{secret}", "X-Setup": secret}):
        top.proxy.request("GET", spelling.format(secret), headers=headers)
    wait_for(lambda: len(top.proxy.logs()) > begin, "the log has a line")
    assert secret not in top.proxy.logs()


def test_the_log_of_requests_has_no_name_of_a_file(top: Front) -> None:
    names = ("diagnosis-3f1d9c.txt", "diagnosis-3f1d9c%20two.txt", "diagnosis-3f1d9c.tar.gz?on_conflict=rename")
    for name in names:
        answer, body = top.request("PUT", f"/files/{name}", b"x")
        assert answer.status == 201, body
    file = json.loads(body)["id"]
    assert top.request("GET", f"/files/{file}")[0].status == 200
    assert top.request("PUT", f"/files/{file}/content", b"y")[0].status == 200
    wait_for(lambda: f"/files/{file}/content" in top.proxy.log.read_text(), "the log has the last request")
    assert f'/files/{file}"' in top.proxy.log.read_text()
    assert "diagnosis" not in top.proxy.log.read_text()


def test_no_log_has_it_when_the_site_is_away(tmp_path: Path) -> None:
    for kind in KINDS:
        [nobody] = free_ports(1)
        with web_proxy(kind, tmp_path / kind, nobody, two_ports()) as proxy:
            for secret in ("s/0123456789abcdef", "tus/0123456789abcdef", "setup/0123456789abcdef"):
                assert proxy.request("GET", f"/{secret}")[0].status == 502
                assert proxy.request("POST", f"/{secret}", b"x" * 200_000)[0].status == 502
            assert proxy.request("GET", "/login")[0].status == 502
            wait_for(lambda proxy=proxy: "/login" in proxy.logs(), "the log has the last request")
            assert "0123456789abcdef" not in proxy.logs()


def test_a_line_of_the_log_is_json_and_has_the_request_id_of_the_answer(top: Front) -> None:
    answer, _ = top.request("GET", "/files?limit=1&q=quiet")

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in top.proxy.log.read_text().splitlines() if '"/files' in line]

    wait_for(lines, "the log has requests")
    if top.proxy.kind == "nginx":
        own = answer.headers["X-Request-ID"]
        wait_for(lambda: own in {line["request_id"] for line in lines()}, "the log has this one, by its id")
    assert "quiet" not in top.proxy.log.read_text()
