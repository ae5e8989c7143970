"""What the source must never do, read from the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Final

import pytest

from backoffice.domain.nouns import all_permissions
from backoffice.errors import NotAllowed
from tests.support.source_trees import PACKAGE, ROOT, calls, imported, names, nodes, sources

TEMPLATES = PACKAGE / "web" / "templates"
SECRET = re.compile(r"secret|passw|token|mac$|invite|signature|credential", re.IGNORECASE)


def nobody_imports(*names: str) -> None:
    found = [(module, name) for module, tree in sources() for name in sorted(imported(tree) & set(names))]
    assert not found


COMPARED_ALL_THE_SAME = {
    # A MAC with itself: which of the cookie's own entries is replaced by the new one.
    ("services/sign_in/trusted_devices.py", "other != mac"),
    # A token of a lease, which no client ever sees.
    ("stores/uploads.py", "upload.lease == token"),
    # Who sent something, as the log has it: nobody is let in by that.
    ("services/guest_sending.py", "found.delivered_by != self.actor.credential"),
    ("services/uploads/service.py", "done.delivered_by != actor.credential"),
    ("services/uploads/under_way.py", "upload.begun_by != actor.credential"),
    # Names of sessions, which lists show, and not what a cookie holds.
    *(("services/bulk.py", f"actor.credential == session_credential({name})") for name in ("key", "session.id")),
    # What somebody typed twice.
    *((f"web/pages/{name}.py", "password != request.form.get('repeat', '')") for name in ("account", "setup")),
}


def test_A9_secrets_are_compared_in_constant_time() -> None:
    found = set()
    for module, tree in sources():
        for node in nodes(tree):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                sides = [side for side in (node.left, *node.comparators) if isinstance(side, ast.Name | ast.Attribute)]
                names = [side.id if isinstance(side, ast.Name) else side.attr for side in sides]
                if sides and any(map(SECRET.search, names)) and not _with_a_constant(node):
                    found.add((module, ast.unparse(node)))
    assert found <= COMPARED_ALL_THE_SAME, found - COMPARED_ALL_THE_SAME


def _with_a_constant(node: ast.Compare) -> bool:
    return any(isinstance(side, ast.Constant) for side in (node.left, *node.comparators))


def test_F4_CVE_2025_66221_no_name_becomes_a_path() -> None:
    """Web, services and stores open no file at all, so no name can be one; but for the chunks in a directory, whose
    paths are made of checked identifiers (`contract/test_file_chunks.py`)."""
    opening = {"open", "Path", "os.open", "send_file", "send_from_directory", "flask.send_file", "safe_join"}
    found = [
        (module, name)
        for module, tree in sources("web/", "services/", "stores/", "domain/", "worker/")
        for name, _ in calls(tree)
        if name in opening
    ]
    # Our own `send_file`, which sends what the store holds, and the folder of our own static files.
    known = {
        ("web/api/files.py", "send_file"),
        ("web/api/file_versions.py", "send_file"),
        ("web/api/zips.py", "send_file"),
        ("web/api/deliveries.py", "send_file"),
        ("web/api/shared.py", "send_file"),
        ("web/admin/files.py", "send_file"),
        ("web/preview.py", "send_file"),
        ("web/pages/links.py", "send_file"),
        ("web/assets.py", "Path"),
        ("web/assets.py", "safe_join"),
    }
    # The identity of the directory of chunks, whose path is a setting.
    known.add(("stores/chunks/in_use.py", "os.open"))
    # The file of a backup, whose path an operator types, or is made of a setting and of the time.
    known.add(("stores/backup/output.py", "os.open"))
    # The directory of numbers, which the server makes, and the files of processes in it.
    known |= {("web/counted_files.py", "os.open"), ("web/counted_files.py", "Path")}
    assert set(found) <= known, set(found) - known
    # Such a function may also be handed on to be called, so that naming it counts.
    naming = {
        module
        for module, tree in sources("web/", "services/", "stores/", "domain/", "worker/")
        for node in nodes(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.open", "os.link", "os.unlink", "os.mkdir"}
    }
    directories = {"stores/backup/output.py", "stores/chunks/disk.py", "stores/chunks/in_use.py"}
    assert naming == directories | {"web/counted_files.py"}


def test_F6_CVE_2026_54094_no_archive_is_unpacked_and_no_link_is_followed() -> None:
    nobody_imports("zipfile", "tarfile", "rarfile", "py7zr", "libarchive", "patoolib")
    found = [
        (module, name)
        for module, tree in sources("web/", "services/", "stores/", "worker/", "domain/")
        for name, _ in calls(tree)
        if name.endswith((".symlink", ".symlink_to", ".readlink", ".unpack_archive"))
    ]
    assert not found


def test_I8_templates_escape_and_markup_is_made_of_constants() -> None:
    for path in sorted(TEMPLATES.rglob("*.html")):
        text = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape\s+(false|off)|Markup", text), path.name
        assert not re.search(r"<[^>]*\son\w+\s*=", text), f"{path.name} has an inline handler"
    for module, tree in sources("web/"):
        for name, call in calls(tree):
            if name in {"Markup", "markupsafe.Markup"} and call.args:
                constant = isinstance(call.args[0], ast.Constant) or (
                    isinstance(call.args[0], ast.IfExp)
                    and isinstance(call.args[0].body, ast.Constant)
                    and isinstance(call.args[0].orelse, ast.Constant)
                )
                assert constant, f"{module}: {ast.unparse(call)}"
            assert name not in {"render_template_string", "Template", "jinja2.Template"}, module


def test_I9_nothing_sent_is_ever_run() -> None:
    nobody_imports("pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle", "code", "codeop")
    for module, tree in sources():
        for name, call in calls(tree):
            assert name not in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}, (module, name)
            shell = next((word for word in call.keywords if word.arg == "shell"), None)
            assert shell is None, (module, ast.unparse(call))


def test_I10_xml_is_not_parsed() -> None:
    nobody_imports("xml", "lxml", "xmltodict", "bs4", "html5lib", "defusedxml")


def test_CVE_2026_56768_bytes_of_files_leave_through_one_door() -> None:
    """Whatever hands out bytes of a file does it through `web/download.py`, or `web/preview.py` to be looked at, after
    the service has decided; but for a text that is edited, which a template puts into the field of a form, escaped."""
    for module, tree in sources("web/"):
        for name, _ in calls(tree):
            if re.search(r"\bfiles(\(\))?\.open$", name) and module != "web/pages/texts.py":
                assert {"send_file", "send_preview"} & {called for called, _ in calls(tree)}, module
            assert not name.endswith((".chunks.get", ".chunks.stream")), (module, name)
    readers = {
        module for module, tree in sources("services/") for name, _ in calls(tree) if name.endswith("chunks.stream")
    }
    assert readers == {"services/uploads/reader.py"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_D5_dependencies_are_pinned_with_hashes(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^\s;]+", entry), entry.partition("\n")[0]
        assert "--hash=sha256:" in entry, entry.partition("\n")[0]
    assert "://" not in text


RECORDING: Final = ("deny", "refuse")
"""The functions that record a refusal and raise it."""


def refusal_classes(trees: Iterable[ast.Module]) -> set[str]:
    """NotAllowed and what is derived from it, in however many steps."""
    found, before = {NotAllowed.__name__}, set[str]()
    classes = [node for tree in trees for node in nodes(tree) if isinstance(node, ast.ClassDef)]
    while found != before:
        before = set(found)
        found |= {one.name for one in classes if found & {ast.unparse(base) for base in one.bases}}
    return found


def unrecorded(tree: ast.Module, refusals: set[str]) -> list[int]:
    """The lines where a refusal is raised, called something else, or made for anything but `deny` and `refuse`: as they
    are called, or under a name that goes nowhere else."""
    if not refusals & names(tree):
        return []
    recorded = {
        id(part)
        for text, call in calls(tree)
        if text.rpartition(".")[2] in RECORDING
        for part in (*call.args, *(keyword.value for keyword in call.keywords))
    }
    found = []
    for node in nodes(tree):
        match node:
            case ast.Raise(exc=ast.expr() as raised):
                if _last(raised.func if isinstance(raised, ast.Call) else raised) in refusals:
                    found.append(node.lineno)
            case ast.Call() if _last(node.func) in refusals and id(node) not in recorded:
                found += [node.lineno] if not _named_and_recorded(tree, node, recorded) else []
            case ast.alias() if node.name in refusals and node.asname:
                found.append(node.lineno)
            case ast.Assign() if _last(node.value) in refusals:
                found.append(node.lineno)
    return sorted(set(found))


def _last(node: ast.AST) -> str:
    """`NotAllowed` of `errors.NotAllowed`."""
    return ast.unparse(node).rpartition(".")[2]


def _named_and_recorded(tree: ast.Module, made: ast.Call, recorded: set[int]) -> bool:
    """Whether the refusal gets a name whose every use in its function is to be recorded."""
    for function in nodes(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        inside = list(ast.walk(function))
        for node in inside:
            if isinstance(node, ast.Assign) and node.value is made:
                name = ast.unparse(node.targets[0])
                uses = [one for one in inside if isinstance(one, ast.Name) and one.id == name]
                loads = [one for one in uses if isinstance(one.ctx, ast.Load)]
                return bool(loads) and all(id(one) in recorded for one in loads)
    return False


def test_Z10_no_refusal_is_raised_without_its_entry_in_the_log() -> None:
    """Whoever is known and may not is told so by `deny` or `refuse`, which record it: nobody else raises it."""
    trees = dict(sources())
    refusals = refusal_classes(trees.values())
    assert {"ReauthRequired", "CsrfFailed"} <= refusals
    found = {module: lines for module, tree in trees.items() if (lines := unrecorded(tree, refusals))}
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "raise NotAllowed",
        "raise errors.NotAllowed('no')",
        "error = NotAllowed()\nraise error",
        "def f():\n    error = NotAllowed()\n    deny(a, error)\n    raise error",
        "def f():\n    return NotAllowed()",
        "commit.check('room', error=lambda: NotAllowed())",
        "from backoffice.errors import NotAllowed as Other",
        "Other = NotAllowed",
    ],
)
def test_Z10_no_way_of_raising_a_refusal_by_itself_is_overlooked(code: str) -> None:
    assert unrecorded(ast.parse(code), {"NotAllowed"})


@pytest.mark.parametrize(
    "code",
    [
        "deny(a, NotAllowed('no'))",
        "audit.refuse(who, because, NotAllowed(), target=t)",
        "def f():\n    error = NotAllowed()\n    deny(a, error)",
        "try:\n    f()\nexcept NotAllowed:\n    pass",
    ],
)
def test_Z10_a_refusal_that_is_recorded_is_none_of_these(code: str) -> None:
    assert not unrecorded(ast.parse(code), {"NotAllowed"})


def named_permissions(source: str) -> set[str]:
    """The permissions that a source names: by the table's attributes, or as text in quotes."""
    texts = {str(one) for one in all_permissions()}
    return set(re.findall(r"\bPermissions\.([A-Z_]+)", source)) | (
        set(re.findall(r"""["']([a-z.]+:[a-z]+)["']""", source)) & texts
    )


def test_Z1_no_route_view_or_template_names_a_permission() -> None:
    """They name acts: which permission an act takes is said once, in `domain/acts.py`."""
    web = PACKAGE / "web"
    found = {
        path.relative_to(web).as_posix(): named
        for path in (*web.rglob("*.py"), *web.rglob("*.html"))
        if (named := named_permissions(path.read_text("utf-8")))
    }
    assert found == {"api/roles.py": {"files:read", "files.all:read"}}  # the example of a role that is sent
    assert named_permissions("may(Permissions.FILES_READ)") == {"FILES_READ"}
    assert named_permissions("{% if current.may('files:write') %}") == {"files:write"}


def test_Z1_every_service_asks_the_table_and_nothing_beside_it() -> None:
    """`decide` and `may` answer what one permission lets somebody do; in services it is the act that is asked about."""
    for module, tree in sources("services/", "web/"):
        asked = {name.rpartition(".")[2] for name, _ in calls(tree)} & {"decide"}
        assert not asked, module
