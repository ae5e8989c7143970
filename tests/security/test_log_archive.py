"""Who may take the log out, and that nobody over the web can make anything leave it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.permissions import Permissions
from backoffice.errors import Conflict, NotAllowed, NotSignedIn
from backoffice.services.archive import Archive
from backoffice.stores.keys import Keys
from backoffice.stores.log.archive import RedisArchive
from tests.support.people import ROOT, People, event, everything_but
from tests.support.website import Site, make_whole_site


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


def ask(site: Site, token: str, query: str = "") -> tuple[int, bytes, dict[str, str]]:
    answer = site.app.test_client().get(
        f"/admin/audit/export{query}", headers={"Authorization": f"Bearer {token}"}, buffered=True
    )
    return answer.status_code, answer.data, dict(answer.headers)


def test_Z10_an_export_over_http_is_recorded_and_has_its_digest(site: Site) -> None:
    site.add_user("vera", "auditor")
    token = site.token("vera")
    status, body, headers = ask(site, token)
    assert (status, headers["Content-Type"]) == (200, "application/jsonl")
    lines = body.splitlines(keepends=True)
    digest = hashlib.sha256(body).digest()
    assert headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert int(headers["Content-Length"]) == len(body)
    assert "X-Log-Trimmed" not in headers
    assert [set(json.loads(line)) for line in lines] == [{"id", "event"}] * len(lines)
    found = site.services.audit.page(ROOT, filters=(("action", "audit.export"),)).items
    assert [entry.event["data"]["sha256"] for entry in found] == [digest.hex()]
    assert found[0].event["actor"]["name"] == "vera"
    pieces, query = [], "?limit=2"
    last = json.loads(lines[-1])["id"]
    query = f"?limit=2&until={last}"
    for _ in range(len(lines)):
        _, piece, headers = ask(site, token, query)
        pieces.append(piece)
        if "Link" not in headers:
            break
        query = headers["Link"].partition("?")[2].join("?>").partition(">")[0]
    assert b"".join(pieces) == body


def test_Z10_an_export_takes_its_own_right(site: Site) -> None:
    site.add_user("olga", "operator")
    site.add_user("vera", "auditor")
    for token in (site.token("olga"), site.token("vera", Permissions.AUDIT_READ)):
        status, body, _ = ask(site, token)
        assert status == 403
        assert b'"event"' not in body
    assert site.app.test_client().get("/admin/audit/export").status_code == 401
    for query in ("?since=x", "?until=1-", "?limit=0", "?limit=100001", "?limit=1&limit=2", "?from=1-1"):
        assert ask(site, site.token("vera"), query)[0] == 400, query
    assert not site.services.audit.page(ROOT, filters=(("action", "audit.export"),)).items


def test_Z10_what_has_left_the_log_is_said(site: Site) -> None:
    browser = site.signed_in("vera", "auditor")
    token = site.token("vera")
    archive = site.services.archive
    last = site.services.audit.page(ROOT).items[0].id
    lines = b"".join(archive.export(ROOT, until=last).lines("")).splitlines(keepends=True)
    archive.seal(ROOT, lines)
    archive.trim(ROOT, lines)
    status, body, headers = ask(site, token, f"?until={last}")
    assert (status, body, headers["X-Log-Trimmed"]) == (200, b"", last)
    for path in ("/admin/audit/", f"/admin/audit/?cursor={last}", "/admin/audit/?flt0_action_is=file.purge"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert f"<code>{last}</code> were exported" in page.text, path
        assert hashlib.sha256(b"".join(lines)).hexdigest() in page.text
    assert browser.get(f"/admin/audit/details/?id={last}").status_code in {302, 404}


def test_Z10_only_an_operator_in_the_shell_seals_and_trims(fake: Redis) -> None:
    people = People(fake)
    archive = Archive(RedisArchive(people.db, people.keys), people.log)
    ids = [people.log.record(event()) for _ in range(3)]
    lines = b"".join(archive.export(ROOT, until=ids[-1]).lines("")).splitlines(keepends=True)
    acts = [lambda who: archive.seal(who, lines), lambda who: archive.trim(who, lines)]
    for act in acts:
        for way in ("web", "api", "worker", "system", ""):
            with pytest.raises(NotAllowed):
                act(replace(ROOT, via=way))
        with pytest.raises(NotSignedIn):
            act(replace(ANONYMOUS, via="shell"))
    for act, right in zip(acts, (Permissions.AUDIT_EXPORT, Permissions.SYSTEM_WRITE), strict=True):
        with pytest.raises(NotAllowed):
            act(replace(everything_but(right), via="shell"))
    assert len(people.db.call("XRANGE", people.keys.audit, ids[0], ids[-1])) == 3
    refused = [entry.event["data"]["because"] for entry in people.entries() if entry.event["outcome"] == "denied"]
    assert "only an operator in the shell may" in refused
    with pytest.raises(Conflict):
        archive.trim(ROOT, lines)
    archive.seal(ROOT, lines)
    archive.trim(ROOT, lines)
    assert people.db.call("XRANGE", people.keys.audit, ids[0], ids[-1]) == []


def test_Z10_no_module_of_the_web_or_the_worker_seals_or_trims() -> None:
    package = Path(__file__).parents[2] / "backoffice"
    for folder in ("web", "worker", "server"):
        for path in (package / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            for call in ("archive.seal", "archive.trim", "begin_trim", "finish_trim", "add_seal", "XTRIM", "XDEL"):
                assert call not in text, path


def test_the_key_of_the_seals_is_ours() -> None:
    assert Keys("t").seals == b"{t}:seals"
    assert Keys("t").cut(Keys("t").audit_index("ip", "192.0.2.1")) == b"{t}:cut:by:ip:192.0.2.1"
