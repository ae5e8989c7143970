"""The forms of roles, and what they offer."""

from __future__ import annotations

from typing import Any, Final

from flask_admin.form import BaseForm
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired, Length, Optional

from backoffice.domain.limits import MAX_DESCRIPTION, MAX_ROLE_NAME
from backoffice.domain.link_rules import days_words
from backoffice.domain.nouns import all_permissions
from backoffice.web.admin.fields import CheckboxGroupField, Choice, DaysField
from backoffice.web.context import services
from backoffice.web.identity import actor


def permission_boxes() -> list[Choice]:
    """Every permission that opens something; those that the person does not hold cannot be given."""
    holds = actor().permissions
    return [
        Choice(str(one), one.text, str(one), one.group, fixed=one not in holds)
        for one in all_permissions()
        if one.offered
    ]


DAYS_HELP: Final = (
    "After so many the accounts of those who have this role end; 0 or empty: as the site says ({}). A number of "
    "a user's own goes before, and of several roles the least counts."
)


def days_field() -> DaysField:
    return DaysField("Days without signing in", [Optional()], render_kw={"inputmode": "numeric"})


SHARE_HELP: Final = (
    "So long share links of those who have this role live at most, also those that are there; 0 or empty: as the site "
    "says ({}). Of several roles and the site the least counts."
)


def share_days_field() -> DaysField:
    return DaysField("Days of a share link", [Optional()], render_kw={"inputmode": "numeric"})


def share_password_field() -> BooleanField:
    return BooleanField(
        "Share links need a password", description="Links without one open nothing until their owner gives them one."
    )


def link_rules(form: BaseForm) -> dict[str, int]:
    """What the form says that links have to meet, as a role has it."""
    return {name: int(form[name].data or 0) for name in ("share_days", "share_password")}


def share_days_of_site() -> str:
    """The longest life of a link where no role says anything."""
    return days_words(services().links.link_policy.max_days)


def days_of_site() -> str:
    """What holds where no role says anything."""
    days = services().users.policy.inactive_days
    return f"{days} days" if days else "without limit"


class EditForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a role."""

    description = StringField("Description", [Optional(), Length(max=MAX_DESCRIPTION)])
    permissions = CheckboxGroupField("Permissions", boxes=permission_boxes)
    inactive_days = days_field()
    share_days = share_days_field()
    share_password = share_password_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inactive_days.description = DAYS_HELP.format(days_of_site())
        self.share_days.description = SHARE_HELP.format(share_days_of_site())


class CreateForm(BaseForm):  # type: ignore[misc]
    """A new role."""

    name = StringField(
        "Name",
        [DataRequired(), Length(max=MAX_ROLE_NAME)],
        description="a-z, 0-9 and -, beginning with a letter. It stays.",
    )
    description = StringField("Description", [Optional(), Length(max=MAX_DESCRIPTION)])
    permissions = CheckboxGroupField("Permissions", boxes=permission_boxes)
    inactive_days = days_field()
    share_days = share_days_field()
    share_password = share_password_field()
    copied_from = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inactive_days.description = DAYS_HELP.format(days_of_site())
        self.share_days.description = SHARE_HELP.format(share_days_of_site())
