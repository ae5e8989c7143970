# mypy: ignore-errors
# It runs in an environment of its own, whose packages are nowhere else.
"""Flask-Admin over its own SQLAlchemy backend, as its documentation has it: `python -m benchmarks.stock_admin
DATABASE PORT` serves, without a port it makes the tables.

Configured to its favour: every relation is read with its page, each order and filter has an index (those of types,
owners and states with the default order in them), and there is nothing on the way but a sign-in. Rows, columns and page
size are those of the product.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from flask import Flask, redirect, session
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_sqlalchemy import SQLAlchemy
from gunicorn.app.base import BaseApplication

db = SQLAlchemy()
PROCESSES, THREADS = 2, 16

roles_of_users = db.Table(
    "roles_of_users",
    db.Column("user_id", db.Integer, db.ForeignKey("user.id"), primary_key=True),
    db.Column("role_id", db.Integer, db.ForeignKey("role.id"), primary_key=True),
    db.Index("by_role", "role_id", "user_id"),
)


class Role(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64), unique=True, nullable=False)

    def __str__(self) -> str:
        return self.name


class User(UserMixin, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(64), unique=True, nullable=False)
    email = db.Column(db.String(254), index=True, nullable=False)
    password = db.Column(db.String(200), nullable=False)
    status = db.Column(db.String(16), nullable=False)
    last_login_at = db.Column(db.DateTime)
    created_at = db.Column(db.DateTime, index=True, nullable=False)
    roles = db.relationship(Role, secondary=roles_of_users, lazy="selectin")
    __table_args__ = (db.Index("by_status", "status", "created_at"),)

    def __str__(self) -> str:
        return self.username


class File(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(255), index=True, nullable=False)
    size = db.Column(db.Integer, index=True, nullable=False)
    mime_type = db.Column(db.String(127), nullable=False)
    sha256 = db.Column(db.String(64), nullable=False)
    owner_id = db.Column(db.Integer, db.ForeignKey("user.id"), nullable=False)
    created_at = db.Column(db.DateTime, index=True, nullable=False)
    owner = db.relationship(User)
    __table_args__ = (db.Index("by_owner", "owner_id", "created_at"), db.Index("by_type", "mime_type", "created_at"))


class Protected(ModelView):
    page_size = 50
    named_filter_urls = True
    column_default_sort = ("created_at", True)

    def is_accessible(self) -> bool:
        return current_user.is_authenticated


class FileView(Protected):
    column_list = ("name", "owner", "size", "mime_type", "created_at")
    column_sortable_list = ("name", "size", "created_at")
    column_searchable_list = ("name",)
    column_filters = ("owner.username", "mime_type", "size", "created_at")
    column_labels = {"mime_type": "Type", "owner.username": "Owner"}  # noqa: RUF012


class UserView(Protected):
    column_list = ("username", "email", "status", "roles", "last_login_at", "created_at")
    column_sortable_list = ("username", "created_at")
    column_searchable_list = ("username", "email")
    column_filters = ("status", "roles.name", "created_at")
    column_labels = {"roles.name": "Role"}  # noqa: RUF012


def create_app(database: str) -> Flask:
    app = Flask("stock")
    app.config |= {"SECRET_KEY": "only-here", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{database}"}
    db.init_app(app)
    logins = LoginManager(app)
    logins.user_loader(lambda key: db.session.get(User, int(key)))
    admin = Admin(app, name="stock")
    admin.add_view(FileView(File, db, name="Files", endpoint="files"))
    admin.add_view(UserView(User, db, name="Users", endpoint="users"))

    @app.get("/login")
    def login() -> object:
        """The one who measures."""
        session.clear()
        login_user(db.session.get(User, 1))
        return redirect("/admin/files/")

    return app


class Server(BaseApplication):
    """gunicorn with threads, in as many processes as the product has."""

    def __init__(self, database: str, port: int) -> None:
        self._database, self._port = database, port
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"127.0.0.1:{self._port}",
            "workers": PROCESSES,
            "threads": THREADS,
            "worker_class": "gthread",
            "keepalive": 30,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._database)


def make_tables(database: str) -> None:
    """With the one who signs in: the newest user, as there."""
    with create_app(database).app_context():
        db.create_all()
        made = datetime.now(UTC)
        db.session.add(User(id=1, username="admin", email="", password="", status="active", created_at=made))
        db.session.commit()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Server(sys.argv[1], int(sys.argv[2])).run()
    else:
        make_tables(sys.argv[1])
