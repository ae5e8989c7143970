"""Who may at the beginning of a request, and may not any more at its end: it is refused then, and nothing of it is left
(CWE-367). Who still may is not disturbed by what changes besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from backoffice.domain.access import may
from backoffice.domain.files import FileSpec
from backoffice.domain.permissions import Permissions
from backoffice.errors import NotFound
from backoffice.services.container import Services
from tests.support.long_acts import BY_BROWSER, DOORS, PASSWORD, RIGHTS, SHELL, SMALL, Somebody, services_of
from tests.support.servers import Site
from tests.support.uploads import reader


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Services]]:
    """The address of a site, and its services in this process."""
    data = tmp_path_factory.mktemp("long") / "var"
    environ = {"BACKOFFICE_CHUNK_SIZE": "64KiB", "BACKOFFICE_DURABILITY": "os"}
    site = Site.start(data, "--workers", "2", environ=environ)
    try:
        address = site.ready()
        yield address, services_of(data)
    finally:
        site.close()


@pytest.fixture
def who(running: tuple[str, Services]) -> Somebody:
    return Somebody(running[1], running[0])


def take_credential(who: Somebody, *, browser: bool) -> None:
    if browser:
        for session in who.site.sessions.of_user(SHELL, who.id):
            who.site.sessions.end(SHELL, session.id)
    else:
        who.site.tokens.revoke(SHELL, who.token.split("_")[1])


def other_role(who: Somebody) -> str:
    name = f"other-{who.role}"
    who.site.roles.create(SHELL, name=name, permissions={"files:read"})
    return name


LOST: dict[str, tuple[Callable[[Somebody, bool], object], int]] = {
    "the role is taken away": (lambda who, _: who.site.users.update(SHELL, who.id, roles=[other_role(who)]), 403),
    "the role grants less": (
        lambda who, _: who.site.roles.update(SHELL, who.role, permissions={"files:read"}),
        403,
    ),
    "disabled": (lambda who, _: who.site.users.disable(SHELL, who.id), 401),
    "disabled and enabled again": (
        lambda who, _: (who.site.users.disable(SHELL, who.id), who.site.users.enable(SHELL, who.id)),
        401,
    ),
    "another password": (lambda who, _: who.site.users.set_password(SHELL, who.id, "violet-harbour-94"), 401),
    "token or session ended": (lambda who, browser: take_credential(who, browser=browser), 401),
}
DONE = {"file.create", "file.replace", "file.rename", "file.restore"}
HARMLESS: dict[str, Callable[[Somebody], object]] = {
    "another name and address": lambda who: who.site.users.update(
        SHELL, who.id, username=f"new-{who.role}", email=f"{who.role}@example.org"
    ),
    "one more role": lambda who: who.site.users.update(SHELL, who.id, roles=[who.role, other_role(who)]),
    "one more role, then another name": lambda who: (
        HARMLESS["one more role"](who),
        who.site.users.update(SHELL, who.id, username=f"new-{who.role}"),
    ),
    "a role of others": other_role,
    "the role grants more": lambda who: who.site.roles.update(SHELL, who.role, permissions=RIGHTS | {"files:share"}),
}


def newest(who: Somebody) -> str:
    """The last entry of the log."""
    return who.site.audit.page(SHELL, limit=1).items[0].id


def acts_since(who: Somebody, entry: str) -> list[str]:
    return [str(one.event["action"]) for one in who.site.audit.follow(SHELL, entry, 1)]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("lost", LOST)
def test_what_was_lost_meanwhile_is_refused_and_leaves_nothing(who: Somebody, door: str, lost: str) -> None:
    waiting, (take, status) = DOORS[door](who), LOST[lost]
    before, began = who.state(), newest(who)
    answer, content = waiting.send(who.address, lambda: take(who, door in BY_BROWSER))
    assert answer == status, content
    assert who.state() == before
    acts = acts_since(who, began)
    assert DONE.isdisjoint(acts)
    assert acts.count("upload.start") == acts.count("upload.cancel")
    if status == 403:
        assert "access.deny" in acts
    elif door not in BY_BROWSER:
        assert "token.refuse" in acts


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("change", HARMLESS)
def test_who_still_may_is_not_disturbed(who: Somebody, door: str, change: str) -> None:
    waiting = DOORS[door](who)
    before, began = who.state(), newest(who)
    answer, content = waiting.send(who.address, lambda: HARMLESS[change](who))
    assert answer in {200, 201, 303}, content
    assert who.state() != before
    acts = acts_since(who, began)
    assert "access.deny" not in acts
    assert "chunk" in door or not DONE.isdisjoint(acts)


def test_a_form_goes_on_where_the_password_is_given_again_in_another_window(who: Somebody) -> None:
    waiting = DOORS["form"](who)

    def confirm() -> None:
        [session] = who.site.sessions.of_user(SHELL, who.id)
        who.site.sessions.reauth(who.actor, session, PASSWORD)

    assert waiting.send(who.address, confirm)[0] == 303
    assert {file.name for file in who.files()} == {"l.bin", "s.bin"}


def test_a_user_who_is_deleted_while_an_upload_begins_leaves_none(who: Somebody) -> None:
    before = who.site.files.files.usage(who.id)
    for door in ("PUT of a small file", "first chunk"):
        somebody = Somebody(who.site, who.address)
        waiting = DOORS[door](somebody)
        assert waiting.send(who.address, lambda one=somebody: one.site.users.delete(SHELL, one.id))[0] == 401
        assert who.site.files.files.usage(somebody.id) == before
        assert not somebody.uploads()


# I-8: chunks are no acts, so whoever sends them into somebody else's upload would be named nowhere
@pytest.mark.parametrize("role", ["operator", "admin"])
def test_only_the_owner_sends_chunks_and_completes(who: Somebody, role: str) -> None:
    upload = who.begun(2, 1)
    other = Somebody(who.site, who.address)
    who.site.users.update(SHELL, other.id, roles=[role, other.role])
    assert may(other.actor, Permissions.FILES_ALL_WRITE)
    before = who.state()
    with pytest.raises(NotFound):
        other.site.uploads.put_chunk(other.actor, upload_id=upload.id, index=1, total_chunks=2, data=SMALL)
    who.site.uploads.put_chunk(who.actor, upload_id=upload.id, index=1, total_chunks=2, data=SMALL)
    assert who.state() != before
    began = newest(who)
    with pytest.raises(NotFound):
        other.site.uploads.complete(other.actor, upload.id, FileSpec("a.bin"), total_size=2 * len(SMALL))
    file = who.site.uploads.complete(who.actor, upload.id, FileSpec("a.bin"), total_size=2 * len(SMALL))
    with pytest.raises(NotFound):
        other.site.uploads.complete(other.actor, upload.id, FileSpec("a.bin"), total_size=2 * len(SMALL))
    assert acts_since(who, began)[:1] in ([], ["access.deny"], ["file.create"])
    assert file.owner == who.id
    stream = who.site.uploads.create_stream(who.actor)
    with pytest.raises(NotFound):
        other.site.uploads.append(other.actor, stream.id, 0, reader(SMALL))
    other.site.uploads.cancel(other.actor, stream.id)
    assert not who.uploads()
