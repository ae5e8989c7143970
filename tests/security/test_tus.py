"""The door for tus clients: who gets in by what, and what a secret in an address is worth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from backoffice.domain.permissions import Permissions
from backoffice.domain.times import now_ms
from tests.support.api_site import SHELL, Person, Site, imitated_site, problem
from tests.support.tus import OCTETS, TUS, Tus, id_of, metadata
from tests.support.website import make_whole_site

HTTP = {
    "HEAD": {},
    "PATCH": {"Upload-Offset": "2", "Content-Type": OCTETS},
    "DELETE": {},
}
"""What can be done to an upload, and the headers that it takes."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    with imitated_site() as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Site:
    return shared.clear()


@pytest.fixture
def ann(site: Site) -> Person:
    return site.person("ann")


def begun(person: Person) -> str:
    """An upload of 5 bytes, two of which have arrived."""
    tus = Tus.of(person)
    path = tus.begin(5)
    assert tus.patch(path, 0, b"he").status_code == 204
    return path


def statuses(tus: Tus, path: str) -> set[int]:
    """Of everything that can be done to it; what gives it up comes last."""
    return {
        tus.ask(method, path, headers={**TUS, **more}, data=b"llo" if method == "PATCH" else None).status_code
        for method, more in HTTP.items()
    }


def entries(site: Site, action: str) -> list[Any]:
    """The events of the log with this action, the newest first."""
    return [entry.event for entry in site.services.audit.page(SHELL, filters=[("action", action)]).items]


# -- what the secret is worth


def test_who_has_the_address_needs_nothing_else(ann: Person) -> None:
    path, tus = begun(ann), Tus.nobody(ann)
    assert tus.offset(path) == 2
    answer = tus.patch(path, 2, b"llo", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 204
    assert tus.offset(path) == 5
    assert ann.get(f"/files/{id_of(path)}").data == b"hello"
    other = begun(ann)
    assert tus.delete(other).status_code == 204


def test_the_log_names_the_owner_and_the_upload(ann: Person, site: Site) -> None:
    path = begun(ann)
    Tus.nobody(ann).patch(path, 2, b"llo")
    event = entries(site, "file.create")[0]
    assert (event["actor"]["name"], event["actor"]["credential"]) == ("ann", f"upload:{id_of(path)}")


def test_Z8_the_address_opens_nothing_but_the_upload(ann: Person) -> None:
    path, other = begun(ann), begun(ann)
    secret, tus = path.partition("~")[2], Tus.nobody(ann)
    assert statuses(tus, f"/tus/{id_of(other)}~{secret}") == {404}
    for place in ("/files", "/limits", "/uploads", f"/uploads/{id_of(path)}", f"/files/{id_of(path)}", "/account"):
        assert site_status(ann, f"{place}~{secret}") in {401, 404}
        assert ann.site.anybody("GET", place, headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert tus.post(5).status_code == 401
    Tus.nobody(ann).patch(path, 2, b"llo")
    assert ann.site.anybody("GET", f"/files/{id_of(path)}~{secret}").status_code == 401


def site_status(person: Person, path: str) -> int:
    return person.site.anybody("GET", path).status_code


def bars(site: Site, ann: Person) -> dict[str, Callable[[], object]]:
    """What ends it, by name."""
    users = site.services.users
    return {
        "disabled": lambda: users.disable(SHELL, ann.id),
        "expired": lambda: users.update(SHELL, ann.id, expires_at=now_ms() + 1),
        "another password": lambda: users.set_password(SHELL, ann.id, "another-harbour-94"),
        "other roles": lambda: users.update(SHELL, ann.id, roles=["auditor"]),
    }


@pytest.mark.parametrize("bar", ["disabled", "expired", "another password", "other roles"])
def test_S6_what_ends_a_session_ends_the_address(site: Site, ann: Person, bar: str) -> None:
    path = begun(ann)
    bars(site, ann)[bar]()
    time.sleep(0.01)
    assert statuses(Tus.nobody(ann), path) == {404}
    assert site.services.uploads.uploads.get(id_of(path)) is not None, "it is there for the owner"


def test_Z9_who_may_not_upload_any_more_goes_on_with_nothing(site: Site) -> None:
    site.services.roles.create(SHELL, name="sender", permissions=[Permissions.FILES_WRITE, Permissions.FILES_READ])
    ann = site.person("sam", "sender")
    path = begun(ann)
    site.services.roles.update(SHELL, "sender", permissions=[Permissions.FILES_READ])
    assert statuses(Tus.nobody(ann), path) == {403}
    assert statuses(Tus.of(ann), path) == {403}


def test_Z8_the_address_holds_no_more_than_it_needs(site: Site) -> None:
    root = site.person("rosa", "admin")
    other = begun(site.person("ann"))
    path = begun(root)
    secret = path.partition("~")[2]
    assert statuses(Tus.nobody(root), f"{other.partition('~')[0]}~{secret}") == {404}
    assert statuses(Tus.of(root), f"/tus/{id_of(other)}") == {404}, "an administrator sends nobody's bytes"


# -- who is refused


def test_F9_unknown_wrong_and_not_yours_look_alike(ann: Person, site: Site) -> None:
    path, bob = begun(ann), site.person("bob")
    upload_id, _, secret = path.removeprefix("/tus/").partition("~")
    unknown = f"{'0' * 22}~{secret}"
    wrong = f"{upload_id}~{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}"
    bodies = set()
    for tus, address in (
        (Tus.nobody(ann), unknown),
        (Tus.nobody(ann), wrong),
        (Tus.nobody(ann), f"{upload_id}~"),
        (Tus.nobody(ann), f"{upload_id}~é"),
        (Tus.nobody(ann), f"{upload_id}~{'x' * 5000}"),
        (Tus.of(bob), upload_id),
        (Tus.of(bob), path.removeprefix("/tus/")),
        (Tus.of(bob), unknown),
        (Tus.of(bob), "0" * 22),
        (Tus.of(ann), wrong),
        (Tus.of(ann), unknown),
        (Tus.of(ann), "0" * 22),
        (Tus.of(ann), "no identifier"),
    ):
        for method, more in HTTP.items():
            answer = tus.ask(method, f"/tus/{address}", headers={**TUS, **more})
            stranger = address == f"{upload_id}~" and tus.ask == ann.site.anybody
            assert answer.status_code == (401 if stranger else 404), (address, method)
            if method == "PATCH" and not stranger:
                said = problem(answer, 404, "not_found")
                bodies.add((said["detail"], frozenset(said)))
    assert len(bodies) == 1
    assert Tus.of(ann).offset(path) == 2


def test_a_bad_token_never_falls_back(ann: Person) -> None:
    path = begun(ann)
    for sent in ("Bearer nothing", "Bearer ", "Basic YTpi", "", f"Bearer {ann.token[:-4]}AAAA"):
        tus = Tus(
            lambda method, place, headers=None, sent=sent, **more: ann.site.anybody(
                method, place, headers={**headers, "Authorization": sent}, **more
            )
        )
        assert statuses(tus, path) == {401}
    assert Tus.of(ann).offset(path) == 2


def test_Z8_a_token_to_read_sends_nothing(ann: Person, site: Site) -> None:
    path = begun(ann)
    reader = Tus.of(site.narrowed(ann, "files:read"))
    assert statuses(reader, path) == {403}
    assert reader.post(5).status_code == 403
    writer = Tus.of(site.narrowed(ann, "files:write"))
    assert writer.offset(writer.begin(5)) == 0


def test_A5_guesses_are_slowed_down_and_the_owner_is_not(ann: Person, site: Site) -> None:
    path = begun(ann)
    guess = f"/tus/{id_of(path)}~{ann.id}.1.{'A' * 43}"
    answers = [Tus.nobody(ann).head(guess).status_code for _ in range(30)]
    assert set(answers) == {404, 429}
    assert Tus.nobody(ann).offset(path) == 2
    refused = entries(site, "token.refuse")
    assert {one["data"]["because"] for one in refused} == {"wrong secret of an upload"}
    assert "A" * 43 not in json.dumps(refused)


def test_A9_every_part_of_the_address_is_signed(ann: Person, site: Site) -> None:
    path, bob = begun(ann), site.person("bob")
    upload_id, _, secret = path.removeprefix("/tus/").partition("~")
    owner, epoch, mac = secret.split(".")
    for changed in (f"{bob.id}.{epoch}.{mac}", f"{owner}.{int(epoch) + 1}.{mac}", f".{mac}", mac, f"{owner}.{mac}"):
        assert Tus.nobody(ann).head(f"/tus/{upload_id}~{changed}").status_code == 404


# -- browsers


def test_H1_with_a_cookie_the_request_comes_from_here(fake: Redis) -> None:
    site = make_whole_site(fake)
    browser = site.signed_in("ann")
    headers = {**TUS, "Upload-Length": "5", "Accept": "*/*", "Upload-Metadata": metadata(filename="a.txt")}
    for here in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        answer = browser.open("/tus/", "POST", headers={**headers, **here})
        assert answer.status_code == 201, "no form's token is asked for"
    path = urlsplit(answer.headers["Location"]).path.partition("~")[0]
    for there in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}):
        for method, place in (("POST", "/tus/"), ("PATCH", path), ("DELETE", path)):
            sent = {**headers, **HTTP.get(method, {}), "Upload-Offset": "0", **there}
            answer = browser.open(place, method, headers=sent)
            assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed"), (method, there)
    # What a form of another site can send has no header of its own, and the one with the method counts for nothing.
    bare = {"Accept": "*/*", "Content-Type": "text/plain"}
    assert browser.open(path, "DELETE", headers=bare).status_code == 403
    assert browser.open(path, "POST", headers={**bare, "X-HTTP-Method-Override": "DELETE"}).status_code == 403
    assert browser.open(path, "HEAD", headers=TUS).headers["Upload-Offset"] == "0"


def test_H9_no_other_site_is_given_leave(ann: Person) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PATCH"}
    for path in ("/tus/", begun(ann)):
        answer = ann.site.anybody("OPTIONS", path, headers=asked)
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


def test_a_session_needs_no_secret(fake: Redis) -> None:
    site = make_whole_site(fake)
    browser = site.signed_in("ann")
    answer = browser.open("/tus/", "POST", headers={**TUS, "Upload-Length": "5"})
    path = urlsplit(answer.headers["Location"]).path
    for place in (path, path.partition("~")[0]):
        assert browser.open(place, "HEAD", headers=TUS).status_code == 200
    other = site.signed_in("bob")
    assert other.open(path.partition("~")[0], "HEAD", headers=TUS).status_code == 404
    assert other.open(path, "HEAD", headers=TUS).status_code == 200, "who has the address goes on"
    # Another password ends the secret; the owner, who has signed in again, goes on all the same.
    site.services.users.set_password(SHELL, site.users["ann"], "another-harbour-94")
    assert site.browser().open(path, "HEAD", headers=TUS).status_code == 404
    browser.sign_in("ann", "another-harbour-94")
    assert browser.open(path, "HEAD", headers=TUS).status_code == 200
