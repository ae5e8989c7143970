"""The admin site, assembled."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin

from backoffice.domain.access import Permission
from backoffice.domain.paging import Query
from backoffice.web.admin.audit import AuditView
from backoffice.web.admin.files import FileView, TrashView, UploadView
from backoffice.web.admin.formats import number
from backoffice.web.admin.gate import Card, HomeView, declare_views
from backoffice.web.admin.roles import RoleView
from backoffice.web.admin.users import UserView
from backoffice.web.context import services
from backoffice.web.identity import actor


def allowed(permission: Permission) -> bool:
    """Whether the person asking holds it; the services ask again."""
    return permission in actor().permissions


def cards() -> list[Card]:
    """The numbers on the first page, as far as the person may know them."""
    one = Query(limit=1)
    offered = services()
    found: list[Card] = []
    if allowed(Permission.FILES_ALL_READ):
        found.append(("Files", number(offered.files.page(actor(), one, everybody=True).total), "files.index_view"))
        found.append(("Uploads in progress", number(offered.uploads.page(actor(), one).total), "uploads.index_view"))
    if allowed(Permission.USERS_READ):
        found.append(("Users", number(offered.users.page(actor(), one).total), "users.index_view"))
    if allowed(Permission.SYSTEM_READ):
        found.append(("Durability", offered.system.durability_level, ""))
    return found


def register(app: Flask) -> None:
    """Add the admin site at `/admin/`."""
    offered = app.extensions["backoffice"]
    home = HomeView(cards)
    admin = Admin(app, name="backoffice", url="/admin", index_view=home)
    admin.add_view(UserView(offered.users, allowed))
    admin.add_view(RoleView(offered.roles, allowed))
    admin.add_view(FileView(offered.files, allowed))
    admin.add_view(TrashView(offered.files, allowed))
    admin.add_view(UploadView(offered.uploads, allowed))
    admin.add_view(AuditView(offered.audit, allowed))
    declare_views(app, home)
