"""A store that was away when the process started is asked nothing before it is known that it may be used; and nothing
any more once a later version has changed its form."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from redis import Redis

from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.domain.system import SCHEMA
from backoffice.errors import Unavailable
from backoffice.settings import SettingsError
from backoffice.web import store_check
from backoffice.web.store_check import FormWatch
from tests.support.servers import wait_for
from tests.support.website import HTML, QUICK, SHELL, Site, settings


@pytest.mark.parametrize("error", [SettingsError(["this store must not be used"]), Unavailable()])
def test_nothing_is_read_or_written_before(fake: Redis, error: Exception) -> None:
    chosen = settings()
    services = build_services(chosen, fake, shebang=False, passwords=QUICK)
    usable = False

    def check() -> None:
        if not usable:
            raise error

    site = Site(partial(make_web, services, chosen, check), services)
    site.add_user("ann")
    token, keys = site.token("ann"), sorted(fake.keys())
    asked: list[Any] = []
    execute = fake.execute_command
    fake.execute_command = lambda *args, **options: (asked.append(args[0]), execute(*args, **options))[1]  # type: ignore[method-assign]
    client = site.app.test_client()
    for path in ("/files", "/admin/users/", "/"):
        answer = client.get(path, headers={**HTML, "Authorization": f"Bearer {token}"})
        assert answer.status_code == 503, path
    assert client.get("/livez").status_code == 200
    assert not asked
    assert sorted(fake.keys()) == keys

    usable = True
    assert client.get("/files", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert SHELL.signed_in


def test_a_later_form_ends_all_that_this_version_answers(fake: Redis) -> None:
    chosen = settings()
    services = build_services(chosen, fake, shebang=False, passwords=QUICK)
    site = Site(partial(make_web, services, chosen), services)
    site.add_user("ann")
    bearer = {"Authorization": f"Bearer {site.token('ann')}"}
    client, watch, names = site.app.test_client(), site.app.extensions["form"], iter("abcdef")
    assert isinstance(watch, FormWatch)

    def answers() -> list[int]:
        watch.look()
        asked = [
            client.post("/folders", json={"name": next(names)}, headers=bearer),
            client.get("/files", headers=bearer),
        ]
        return [one.status_code for one in (*asked, client.get("/readyz"), client.get("/livez"))]

    assert answers() == [201, 200, 200, 200]
    fake.hset("{bo}:install", "schema", SCHEMA + 1)
    assert answers() == [503, 503, 503, 200]
    refused = client.get("/files", headers=bearer).get_json()
    assert refused["code"] == "later_version"
    assert "A later version" in refused["detail"]
    fake.hset("{bo}:install", "schema", SCHEMA)
    assert answers() == [201, 200, 200, 200]


def test_what_nobody_expected_does_not_end_the_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_check, "LOOK_SECONDS", 0.01)
    said = iter([ValueError("of the store"), ""])

    def newer() -> str:
        match next(said, "a later version"):
            case Exception() as error:
                raise error
            case reason:
                return str(reason)

    watch = FormWatch(newer)
    watch.start()
    wait_for(lambda: watch.reason == "a later version", "it looks again")
