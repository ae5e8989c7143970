"""Pages of the admin site show an act where the table says that this person may do it to this record."""

from __future__ import annotations

import pytest

from backoffice.domain.permissions import Permissions
from backoffice.domain.users import User
from tests.support.admin_views import Desk
from tests.support.website import SHELL


def test_a_role_that_grants_more_than_one_holds_has_no_way_to_its_form(whole: Desk) -> None:
    more, less = whole.role(Permissions.USERS_WRITE), whole.role(Permissions.FILES_READ)
    keeper = whole.as_("keeper")
    shown = keeper.get("/admin/roles/?sort=0").text
    for role, expected in ((less, True), (more, False)):
        form = f"/admin/roles/edit/?id={role}"
        assert (form in shown) == expected
        page = keeper.get(f"/admin/roles/details/?id={role}").text
        assert (form in page) == expected
        assert ("/admin/roles/delete/" in page) == expected
        assert keeper.get(form).status_code == (200 if expected else 403)


def test_what_is_ones_own_takes_the_right_for_that(whole: Desk) -> None:
    """Whoever looks after everybody's files does not thereby change their own."""
    librarian = whole.as_("librarian")
    own, other = whole.file(owner=_user(whole, "librarian")), whole.file()
    for file, expected in ((other, True), (own, False)):
        page = librarian.get(f"/admin/files/details/?id={file.id}")
        assert page.status_code == (200 if expected else 403)  # nor do they read their own
        assert (f"/admin/files/edit/?id={file.id}" in librarian.get("/admin/files/").text) == expected


@pytest.mark.parametrize(("role", "offered"), [("admin", True), ("operator", False)])
def test_a_link_is_offered_to_who_may_make_one(whole: Desk, role: str, offered: bool) -> None:
    """An operator makes none for another who has a password; disabling takes no more than being no less."""
    equal = whole.user("", "operator", password="violet-harbour-93")
    page = whole.as_(role).get(f"/admin/users/details/?id={equal.id}").text
    assert ('value="invite"' in page) == offered
    assert 'value="disable"' in page


def _user(whole: Desk, role: str) -> User:
    return whole.site.services.users.get(SHELL, whole.id_of(role))
