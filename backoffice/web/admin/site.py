"""The admin site, assembled."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin

from backoffice.web.admin.audit import AuditView
from backoffice.web.admin.files import FileView, TrashView, UploadView
from backoffice.web.admin.gate import HomeView, declare_views
from backoffice.web.admin.overview import allowed, cards, plots
from backoffice.web.admin.roles import RoleView
from backoffice.web.admin.users import UserView


def register(app: Flask) -> None:
    """Add the admin site at `/admin/`."""
    offered = app.extensions["backoffice"]
    home = HomeView(cards, plots)
    admin = Admin(app, name="backoffice", url="/admin", index_view=home)
    admin.add_view(UserView(offered.users, allowed))
    admin.add_view(RoleView(offered.roles, allowed))
    admin.add_view(FileView(offered.files, allowed))
    admin.add_view(TrashView(offered.files, allowed))
    admin.add_view(UploadView(offered.uploads, allowed))
    admin.add_view(AuditView(offered.audit, allowed))
    declare_views(app, home)
