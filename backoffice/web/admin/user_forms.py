"""The forms of users, and what they offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g
from flask_admin.form import BaseForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length, Optional

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_EMAIL, MAX_PASSWORD, MAX_USERNAME, UNLIMITED_QUOTA
from backoffice.domain.roles import Role
from backoffice.services.authorization import beyond
from backoffice.web.admin.fields import CheckboxGroupField, Choice, DayField, DaysField, SizeField
from backoffice.web.context import services
from backoffice.web.identity import actor, may


def roles_seen() -> Sequence[Role]:
    """All roles; none for whoever may not see them. One look for a whole request."""
    if "roles" not in g:
        g.roles = services().roles.all(actor()) if may(Acts.ROLE_READ) else []
    found: Sequence[Role] = g.roles
    return found


def role_choices() -> list[tuple[str, str]]:
    """For the filter."""
    return [(role.name, role.name) for role in roles_seen()]


def role_boxes() -> list[Choice]:
    """Every role; those that grant more than the person holds are shown and cannot be given."""
    asking = actor()
    return [
        Choice(role.name, role.name, role.description, fixed=bool(beyond(asking, role.permissions)))
        for role in roles_seen()
    ]


class EditForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a user."""

    username = StringField("User name", [DataRequired(), Length(max=MAX_USERNAME)])
    email = StringField("E-mail", [Optional(), Length(max=MAX_EMAIL)], description="Can be used to sign in as well.")
    roles = CheckboxGroupField("Roles", boxes=role_boxes, default=["user"])
    quota_bytes = SizeField(
        "Quota",
        [Optional()],
        unlimited=UNLIMITED_QUOTA,
        description="Such as 10 GB, or unlimited; empty: what the site gives everybody.",
    )

    expires_at = DayField(
        "Last day",
        [Optional()],
        description="The account is over when this day is (UTC); empty: never.",
        render_kw={"type": "date"},
    )
    inactive_days = DaysField(
        "Days without signing in",
        [Optional()],
        description="After so many the account is over; 0: never, empty: what the roles or the site say.",
        render_kw={"inputmode": "numeric"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.roles.boxes:
            # Who may not see roles leaves them as they are.
            del self.roles


class CreateForm(EditForm):
    """A new user."""

    password = PasswordField(
        "Password",
        [Optional(), Length(max=MAX_PASSWORD)],
        description="Leave it empty to get a one-time link with which the person chooses one.",
        render_kw={"autocomplete": "new-password"},
    )
