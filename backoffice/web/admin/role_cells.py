"""What a role grants, and what it demands of accounts and links, as lists and its page tell it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from markupsafe import Markup

from backoffice.domain.access import ADMIN, granted_by
from backoffice.domain.link_rules import days_words
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.web.admin.role_forms import days_of_site, share_days_of_site
from backoffice.web.context import services
from backoffice.web.formats import NOTHING, state_tag


def rights_cell(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    """The rights in one line: `Own files read, write · Users read`."""
    if record.permissions == granted_by(ADMIN):
        return Markup("Everything")
    groups = groupby(known_rights(record), key=lambda one: one.group)
    text = " · ".join(f"{group} {', '.join(one.verb for one in rights)}" for group, rights in groups)
    return Markup('<span title="{}">{}</span>').format(text, text) if text else NOTHING


def described_cell(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    """Each right with what it means."""
    row = Markup("<li>{} <code>{}</code></li>")
    rows = [row.format(one.text, one) for one in known_rights(record)]
    return Markup('<ul class="plain-list">{}</ul>').format(Markup("").join(rows))


def known_rights(record: Role) -> list[Permission]:
    """The role's permissions in the order of the table. One that this version does not know grants nothing."""
    return [one for one in all_permissions() if one in record.permissions]


def kind_cell(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    """Whether it comes with the site."""
    return state_tag("built-in") if record.built_in else state_tag("custom", "info")


def days_cell(_view: Any, _context: Any, record: Role, _name: str) -> str:
    """With its source."""
    if record.inactive_days:
        return f"{record.inactive_days} days, from this role"
    return f"{days_of_site()}, from the site's default"


def share_days_cell(_view: Any, _context: Any, record: Role, _name: str) -> str:
    """With its source."""
    if record.share_days:
        return f"at most {days_words(record.share_days)}, from this role"
    return f"at most {share_days_of_site()}, from the site's default"


def share_password_cell(_view: Any, _context: Any, record: Role, _name: str) -> str:
    """Likewise."""
    if record.share_password:
        return "needed, from this role"
    of_site = services().links.link_policy.password
    return f"{'needed' if of_site else 'as the owner likes'}, from the site's default"
