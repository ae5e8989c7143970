"""What a role demands of accounts and links, as its page tells it."""

from __future__ import annotations

from typing import Any

from backoffice.domain.link_rules import days_words
from backoffice.domain.roles import Role
from backoffice.web.admin.role_forms import days_of_site, share_days_of_site
from backoffice.web.context import services


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
