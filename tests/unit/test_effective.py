"""What holds for a user, and where it comes from."""

from __future__ import annotations

from dataclasses import fields

import pytest

from backoffice.domain.effective import EffectiveValue, Source, effective_quota
from backoffice.domain.ids import new_id
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.domain.permissions import Permissions
from backoffice.errors import NotAllowed, NotFound
from backoffice.services.container import Services
from backoffice.settings import Settings
from tests.support.api_site import SHELL, imitated_site
from tests.support.people import anybody


@pytest.fixture(scope="module")
def services() -> Services:
    with imitated_site() as site:
        yield site.services


def quota(services: Services, own: int | None) -> EffectiveValue:
    user, _ = services.users.create(SHELL, username=f"u{new_id()}".lower(), quota_bytes=own)
    found = {one.name: one for one in services.effective.of(SHELL, user.id)}["quota"]
    assert found.value == services.files.usage(SHELL, user.id).limit, "what is shown is what holds"
    return found


def test_the_source_of_a_quota(services: Services) -> None:
    assert quota(services, 5) == EffectiveValue("quota", 5, "bytes", Source.USER)
    assert quota(services, UNLIMITED_QUOTA).value is None
    assert quota(services, UNLIMITED_QUOTA).source is Source.USER
    by_site = quota(services, None)
    assert (by_site.value, by_site.source) == (services.files.quota, Source.SITE)
    assert effective_quota(None, None) == (None, Source.SITE)
    assert effective_quota(0, None) == (0, Source.USER)


def test_settings_are_named_as_they_are(services: Services) -> None:
    known = {one.metadata["name"] for one in fields(Settings) if "name" in one.metadata}
    user, _ = services.users.create(SHELL, username="named")
    for one in services.effective.of(SHELL, user.id):
        assert (one.source is Source.SITE) == (one.setting in known), one
        assert not one.setting or one.setting in known, one


def test_of_others_it_takes_the_right_to_see_users(services: Services) -> None:
    user, _ = services.users.create(SHELL, username="seen")
    with pytest.raises(NotAllowed):
        services.effective.of(anybody(Permissions.FILES_READ), user.id)
    with pytest.raises(NotFound):
        services.effective.of(SHELL, new_id())


def test_the_days_without_signing_in_are_the_users_the_roles_or_the_sites(services: Services) -> None:
    services.roles.create(SHELL, name="guests", permissions=["files:read"], inactive_days=30)

    def found(*roles: str, own: int | None = None) -> tuple[int | None, Source, str]:
        name = f"u{new_id()}".lower()
        user, _ = services.users.create(SHELL, username=name, roles=roles, inactive_days=own)
        one = {one.name: one for one in services.effective.of(SHELL, user.id)}["inactive"]
        return one.value, one.source, one.setting

    assert found("user") == (None, Source.SITE, "BACKOFFICE_INACTIVE_DAYS")
    assert found("user", "guests") == (30 * 86400, Source.ROLE, "guests")
    assert found("guests", own=7) == (7 * 86400, Source.USER, "")
    assert found("guests", "admin") == (None, Source.ROLE, "admin")
