"""The admin site, assembled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Flask
from flask_admin import Admin

from backoffice.services.container import Services
from backoffice.web.admin import own_lists, palette, undo
from backoffice.web.admin.audit import AuditView
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.blocked import BlockedView
from backoffice.web.admin.dashboard import CARDS, PARTS, HomeView
from backoffice.web.admin.files import FileView
from backoffice.web.admin.jobs import JobView
from backoffice.web.admin.links import LinkView
from backoffice.web.admin.roles import RoleView
from backoffice.web.admin.sessions import SessionView
from backoffice.web.admin.shares import ShareView
from backoffice.web.admin.system import SystemView
from backoffice.web.admin.tokens import TokenView
from backoffice.web.admin.trash import TrashView
from backoffice.web.admin.uploads import UploadView
from backoffice.web.admin.users import UserView
from backoffice.web.context import services


def sections(offered: Services) -> tuple[ServiceView | SystemView, ...]:
    """The views of the site, one line each, in the order of the menu."""
    return (
        UserView(offered.users),
        SessionView(offered.sessions),
        TokenView(offered.tokens),
        BlockedView(offered.blocks),
        RoleView(offered.roles),
        FileView(offered.files),
        TrashView(offered.files),
        UploadView(offered.uploads),
        LinkView(offered.links),
        ShareView(offered.shares),
        JobView(offered.jobs),
        AuditView(offered.audit),
        SystemView(),
    )


def register(app: Flask, make_views: Callable[[Services], Sequence[ServiceView | SystemView]] = sections) -> None:
    """Add the admin site at `/admin/`."""
    with app.app_context():
        views = make_views(services())
    add_site(app, HomeView(CARDS, PARTS, [view.acts.listing for view in views]), views)


def add_site(app: Flask, home: HomeView, views: Sequence[ServiceView | SystemView]) -> None:
    """Add these views, and tell the route table what each endpoint demands."""
    admin = Admin(app, name="backoffice", url="/admin", index_view=home)
    for view in views:
        admin.add_view(view)
    app.register_blueprint(palette.make_blueprint())
    app.register_blueprint(own_lists.make_blueprint())
    app.register_blueprint(undo.make_blueprint())
    home.access.declare(app, home)
    for view in views:
        view.access.declare(app, view)
