"""Attacks that once worked, as they were carried out: on a running site, over HTTP. `docs/security.md` numbers them."""

from __future__ import annotations

import base64
import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from backoffice.domain.paging import Query
from tests.support.attacks.site import FORM, JSON, OCTETS, PASSWORD, Attacked, attacked
from tests.support.long_acts import SHELL
from tests.support.servers import descendants, wait_for
from tests.support.small_server import drip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to see what processes take"),
]
SOON = 3.0
MULTIPART = "multipart/form-data; boundary=X"
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("attacks") / "data") as running:
        yield running


def processor_seconds(site: Attacked) -> float:
    """That its processes have used."""
    used = 0
    for pid in descendants(site.process.process.pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
    return used / TICKS


def form_with(name: str) -> str:
    return f'--X\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\nx\r\n--X--\r\n'


# -- what costs


def test_attack_1_names_of_100_kb_stop_nobody(site: Attacked) -> None:
    ann = site.person()
    assert ann.sign_in().status == 303
    path = f"/my/files?csrf_token={ann.form_token}"
    before = processor_seconds(site)
    with ThreadPoolExecutor(6) as pool:
        sizes = (50_000,) * 4 + (100_000,) * 2
        sent = [pool.submit(ann.browse, "POST", path, form_with("a" * size), MULTIPART) for size in sizes]
        waited = [site.others_wait()]
        while not all(one.done() for one in sent):
            waited.append(site.others_wait())
        assert {one.result().status for one in sent} == {303}
    assert max(waited) < SOON
    assert processor_seconds(site) - before < 3, "it was 6 seconds for one of 30,000"


@pytest.mark.parametrize("length", ["Content-Length: 200000", "Content-Length: 60000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_attack_2_forty_forms_that_hardly_arrive_stop_nobody(site: Attacked, kind: str, length: str) -> None:
    head = f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{length}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(site.connect()) for _ in range(40)]
        for one in connections:
            one.sendall(head.encode())
        for _ in range(4):
            drip(connections, b"1\r\na\r\n" if "chunked" in length else b"a")
            assert site.others_wait() < SOON
            time.sleep(0.1)


def test_attack_21_bytes_that_cost_more_than_they_weigh(site: Attacked) -> None:
    ann = site.person()
    before = processor_seconds(site)
    head = f"PUT /files/tiny HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann.make_token()}\r\n"
    coded = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + "1\r\na\r\n" * 6_000 + "0\r\n\r\n"
    assert site.raw((head + coded).encode(), seconds=30).startswith(b"HTTP/1.1 201 ")
    nested = '{"chunk_index":0,"total_chunks":1,"chunk_data":[' + "[]," * 400_000 + "[]]}"
    assert ann.ask("POST", "/upload_chunk", nested, JSON).status == 400
    assert processor_seconds(site) - before < 1, "it was 1.5 seconds"


# -- what one may not


def test_attack_6_a_leaked_token_makes_no_way_in(site: Attacked) -> None:
    admin, other, victim = site.person("admin"), site.person("admin"), site.person()
    for scopes in ((), ("users:read", "users:write", "roles:read")):
        admin.make_token(*scopes)
        for roles in (["admin"], ["operator"], ["user", "auditor"]):
            new: dict[str, object] = {"username": "evil", "roles": roles, "password": PASSWORD}
            assert admin.ask("POST", "/admin/users", new).status == 403
        for act in ("invite", "disable", "enable", "delete"):
            for who in (other, victim, admin):
                asked = f"action={act}&rowid={who.id}&confirmed=1"
                answer = admin.ask("POST", "/admin/users/action/", asked, FORM)
                assert answer.status == 403, act
                assert b"/setup/" not in answer.body
        admin.ask("POST", "/admin/users/delete/", f"id={victim.id}", FORM)
        changed = "username=evil&email=evil@example.org&roles=admin"
        admin.ask("POST", f"/admin/users/edit/?id={victim.id}", changed, FORM)
        admin.ask("POST", "/admin/users/new/", f"username=evil&roles=admin&password={PASSWORD}", FORM)
        own = f"current={PASSWORD}&password=violet-harbour-94&repeat=violet-harbour-94"
        assert admin.ask("POST", "/account/password", own, FORM).status == 401
        assert admin.ask("POST", "/account/tokens", "name=t&days=1", FORM).status in {401, 403}
    users = {user.username: user for user in site.services.users.page(SHELL, Query()).items}
    assert "evil" not in users
    assert users[victim.name].roles == ("user",)
    assert victim.sign_in().status == 303


def test_attack_7_nobody_ends_what_lets_a_higher_person_in(site: Attacked) -> None:
    site.services.roles.create(
        SHELL, name="desk", permissions={"tokens:own", "tokens:all", "sessions:all", "users:read", "files:read"}
    )
    admin = site.person("admin")
    token_id = admin.make_token().split("_")[1]
    assert admin.sign_in().status == 303
    for role in ("desk", "operator"):
        desk = site.person(role)
        assert desk.sign_in().status == 303
        assert desk.post("/account/tokens/revoke", id=token_id).status in {403, 404}
        assert desk.ask("DELETE", f"/admin/users/{admin.id}/sessions").status == 403
    assert admin.ask("GET", "/files").status == 200
    assert admin.browse("GET", "/account").status == 200


def test_attack_8_nobody_writes_into_anothers_upload(site: Attacked) -> None:
    owner = site.person()
    first = owner.ask("POST", "/upload_chunk?chunk_index=0&total_chunks=2", b"mine", OCTETS)
    file_id = str(first.json()["file_id"])
    fields = {"chunk_index": "1", "total_chunks": "2", "file_id": file_id}
    parts = "".join(f'--X\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{fields[key]}\r\n' for key in fields)
    form = f'{parts}--X\r\nContent-Disposition: form-data; name="chunk_data"; filename="x"\r\n\r\ntheirs\r\n--X--\r\n'
    done: dict[str, object] = {"file_id": file_id, "name": "x", "total_size": 8}
    encoded: dict[str, object] = {
        "file_id": file_id,
        "chunk_index": 1,
        "total_chunks": 2,
        "chunk_data": base64.b64encode(b"theirs").decode(),
    }
    for role in ("operator", "admin"):
        other = site.person(role)
        query = "&".join(f"{key}={value}" for key, value in fields.items())
        assert other.ask("POST", f"/upload_chunk?{query}", b"theirs", OCTETS).status == 404
        assert other.ask("POST", "/upload_chunk", form, MULTIPART).status == 404
        assert other.ask("POST", "/upload_chunk", encoded).status == 404
        assert other.ask("POST", "/upload_complete", done).status == 404
    assert owner.ask("POST", f"/upload_chunk?{query}", b"mine", OCTETS).status == 200
    made = owner.ask("POST", "/upload_complete", done)
    assert made.status == 201
    assert other.ask("POST", "/upload_complete", done).status == 404
    assert owner.ask("GET", f"/files/{made.json()['id']}").body == b"minemine"


def test_attack_22_who_is_disabled_meanwhile_leaves_no_file(site: Attacked) -> None:
    gone = site.person()
    head = f"PUT /files/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gone.make_token()}\r\n"
    with site.connect() as one:
        one.sendall(f"{head}Content-Length: 200000\r\nConnection: close\r\n\r\n".encode() + bytes(100_000))
        time.sleep(0.2)
        site.services.users.disable(SHELL, gone.id)
        one.sendall(bytes(100_000))
        assert one.recv(4096).startswith(b"HTTP/1.1 401 ")
    assert site.services.files.usage(SHELL, gone.id).used == 0


def test_attack_25_administrators_see_and_end_a_persons_sessions(site: Attacked) -> None:
    admin, thief = site.person("admin"), site.person()
    assert thief.sign_in().status == 303
    sessions = admin.ask("GET", f"/admin/users/{thief.id}/sessions").json()["items"]
    assert isinstance(sessions, list)
    assert len(sessions) == 1
    assert admin.ask("DELETE", f"/admin/users/{thief.id}/sessions").json() == {"ended": 1}
    assert thief.browse("GET", "/account").status == 303


# -- what is shown


def test_attack_16_lines_of_a_strangers_request_name_nobody(site: Attacked) -> None:
    ann = site.person()
    for _ in range(20):
        assert ann.ask("GET", "/files").status == 200
        assert site.raw(b"no request at all\r\n\r\n").startswith(b"HTTP/1.1 400 ")

    def refused() -> list[str]:
        return [line for line in site.said() if '"invalid request"' in line]

    wait_for(lambda: len(refused()) >= 20, "the lines are there")
    assert not [line for line in refused() if ann.id in line]
    assert [line for line in site.said() if ann.id in line], "their own requests do"


def test_attack_17_a_one_time_link_stands_in_no_line(site: Attacked) -> None:
    _, secret = site.services.users.create(SHELL, username="invited")
    paths = (
        "/setup/",
        "//setup/",
        "/x/../setup/",
        "/SETUP/",
        "/setup//",
        "/%73etup/",
        "/setup%2f",
        "/setup;x/",
        "/a/setup/",
    )
    targets = [
        *(f"{path}{secret}" for path in paths),
        f"http://localhost/setup/{secret}",
        f"/login?next=/setup/{secret}",
    ]
    for target in targets:
        lines = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nReferer: http://localhost/setup/{secret}\r\n"
        assert site.raw(f"{lines}Connection: close\r\n\r\n".encode()).startswith(b"HTTP/1.1 ")
    site.raw(f"GET /setup/{secret} HTTP/9\r\nHost: localhost\r\n\r\n".encode())
    site.raw(f"GET /setup/{secret} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n".encode())
    wait_for(lambda: sum("…" in line or "\\u2026" in line for line in site.said()) >= len(paths), "the lines are there")
    assert not [line for line in site.said() if secret in line]


def test_attack_19_the_servers_own_answers_are_closed_and_repeat_nothing(site: Attacked) -> None:
    host, bold = b"\r\nHost: localhost\r\n", b"<b>hostile"
    for request in (
        bold + b"\r\n\r\n",
        b"GET /" + b"hostile" * 1300 + b" HTTP/1.1" + host + b"\r\n",
        b"GET / HTTP/1.1" + host + b"X: " + bold * 1000 + b"\r\n\r\n",
        b"GET / HTTP/1.1" + host + b"Transfer-Encoding: hostile\r\n\r\n",
        b"POST /login HTTP/1.1" + host + b"Content-Length: 1\r\nContent-Length: 2\r\nX: " + bold + b"\r\n\r\n",
        b"GET / HTTP/1.1" + host + b"Host: hostile.example\r\n\r\n",
    ):
        answer = site.raw(request).decode()
        assert answer.startswith(("HTTP/1.1 4", "HTTP/1.1 501"))
        for header in ("Content-Security-Policy: ", "X-Content-Type-Options: nosniff", "Cache-Control: no-store"):
            assert f"\r\n{header}" in answer
        assert "hostile" not in answer


def test_attack_27_strangers_learn_no_version(site: Attacked) -> None:
    for path in ("/openapi.json", "/login", "/livez", "/readyz", "/static/nothing", "/nothing"):
        answer = site.send("GET", path, headers={"Accept": "text/html"})
        assert "Server" not in answer.headers
        assert "gunicorn" not in answer.text
    assert site.send("GET", "/openapi.json").json()["info"]["version"] == "1"  # type: ignore[index]


# -- names and passwords

UNSEEN = "\u3164\u115f\u1160\uffa0\u2800\u034f\u17b4\u17b5\u180b\ufe00\ufe0f\U000e0100\U0001d173\U0001bca0\U00013430"
OTHERS = "\ue000\U0010fffd\u0378\u200b\u202e\u00ad\ufeff\u2060\u2028\x85"
WEAK = (
    *("aaaaaaaa", " " * 8, "\t" * 8, "abcdabcd", "backoffice", "Backoffice1", "P@ssw0rd1", "Passw0rd!", "Summer2026"),
    *("letmein123", "1" * 14, "\u200b" * 8),
)
LIKE_OTHERS = ("adm\u0131n", "\u0251dmin", "a\u1d05min", "\u3164", "system", "system-worker", "root", "ADMIN")


def test_attack_14_names_that_cannot_be_seen_or_told_apart(site: Attacked) -> None:
    ann, admin = site.person(), site.person("admin")
    for character in UNSEEN + OTHERS:
        assert ann.ask("PUT", f"/files/{quote(f'a{character}b.txt')}", b"").status == 400, ascii(character)
    for name in ("\u3164", "invoice\u3164\u3164\u3164.exe.pdf"):
        assert ann.ask("PUT", f"/files/{quote(name)}", b"").status == 400
    for name in ("a\u00a0b", "a\u3000b"):
        made = ann.ask("PUT", f"/files/{quote(name)}", b"").json()
        assert made["name"] == "a b"
        assert ann.ask("DELETE", f"/files/{made['id']}?purge=1").status < 300
    for name in LIKE_OTHERS:
        new: dict[str, object] = {"username": name, "roles": ["user"], "password": PASSWORD}
        assert admin.ask("POST", "/admin/users", new).status in {400, 409}, ascii(name)


def test_attack_15_weak_passwords_at_every_door(site: Attacked) -> None:
    admin, ann = site.person("admin"), site.person()
    ann.sign_in()
    for password in WEAK:
        new: dict[str, object] = {"username": "weak", "roles": ["user"], "password": password}
        assert admin.ask("POST", "/admin/users", new).status == 400, ascii(password)
    for password in WEAK[::5]:
        refused = ann.post("/account/password", current=PASSWORD, password=password, repeat=password)
        assert refused.status == 400, ascii(password)
