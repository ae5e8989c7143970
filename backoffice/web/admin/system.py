"""The state of the system: whether all is well, the store, the workers, what waits, the settings in use.

What takes minutes, comparing the whole store with itself (`fsck`), is a job that is started here.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import BaseView, expose

from backoffice import __version__
from backoffice.domain import diagnosis
from backoffice.domain.acts import Acts
from backoffice.domain.diagnosis import Finding, Verdict
from backoffice.domain.jobs import Job
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, TooMany
from backoffice.services.checks import REPAIR, CheckKind
from backoffice.settings import proxy_doubt
from backoffice.settings.in_use import InUse, in_use
from backoffice.units import filesize, written_size
from backoffice.web.admin.access import ViewAccess, ViewActs
from backoffice.web.admin.jobs import TONES as JOB_TONES
from backoffice.web.admin.needs import whole_minute
from backoffice.web.context import services, settings
from backoffice.web.formats import number
from backoffice.web.identity import actor, may
from backoffice.web.route_access import access_to
from backoffice.web.route_guard import require_access
from backoffice.web.sections import Section, sections_of

TONES: Final = {Verdict.GOOD: "good", Verdict.WARNING: "warn", Verdict.BAD: "bad"}
REPAIRS: Final = (
    "Every index, count, quota and chunk is compared with its record, and what can be repaired is. Each repair is an "
    "entry in the log."
)
_BYTES: Final = ("_SIZE", "_BYTES", "_MEMORY")
"""How names of settings end that are bytes."""


class Setting(NamedTuple):
    """A setting in words."""

    name: str
    value: str
    origin: str
    about: str


class Check(NamedTuple):
    """A kind of check that can be started, and the last one of it."""

    kind: CheckKind
    last: Job | None


class SystemView(BaseView):  # type: ignore[misc]  # Flask-Admin ships no type marker
    """One page, for who may see the state of the system. It has the place of a section (`web/sections.py`)."""

    acts: ClassVar = ViewActs(read=Acts.SYSTEM_READ)
    section, tab_of, tab, icon, section_title = "system", "", "", "device", "System"

    def __init__(self) -> None:
        super().__init__("System", endpoint=self.section, menu_icon_type="svg", menu_icon_value=self.icon)
        rules = {
            "index_view": access_to(Acts.SYSTEM_READ),
            "check_view": access_to(Acts.JOB_START, also=(Acts.SYSTEM_READ,)),
        }
        self.access = ViewAccess(self.section, rules)

    def is_accessible(self) -> bool:
        return self.access.is_permitted("index_view")

    def _handle_view(self, name: str, **_kwargs: Any) -> ResponseReturnValue | None:
        self.access.check(name)
        return None

    def list_url(self) -> str:
        """The page's address, from any page of the site."""
        return url_for(f"{self.section}.index_view")

    def tabs(self) -> list[Section]:
        """The pages beside this one."""
        return sections_of(self.section)

    @expose("/")  # type: ignore[untyped-decorator]
    def index_view(self) -> str:
        system = services().system
        schedule = services().backup_schedule
        status, readable, alive, notes, waiting, *checked = services().together(
            lambda: system.status(actor()),
            lambda: system.readable(actor()),
            lambda: system.workers(actor()),
            lambda: schedule.backups.notes(actor()),
            _waiting,
            *(partial(_latest, name) for name in services().jobs.checks.kinds),
        )
        findings = [*_of_settings(), *diagnosis.of_store(status), *readable, diagnosis.workers(alive)]
        findings += diagnosis.backups(notes, schedule.now(), schedule.every)
        return str(
            self.render(
                "admin/system.html",
                findings=diagnosis.worst_first(findings),
                tones=TONES,
                facts=_facts(status),
                workers=alive,
                waiting=waiting,
                settings_in_use=[_in_words(one) for one in in_use(settings())],
                repairs_url=_repairs_url(),
                checks=[Check(*one) for one in zip(services().jobs.checks.kinds.values(), checked, strict=True)]
                if self.access.is_permitted("check_view")
                else [],
                may=may,
                job_tones=JOB_TONES,
            )
        )

    @expose("/check/", methods=("POST",))  # type: ignore[untyped-decorator]
    def check_view(self) -> ResponseReturnValue:
        """Start one. What changes something is asked about first, on a page of its own."""
        jobs, name = services().jobs, request.form.get("kind", "")
        kind = jobs.checks.kind(name)
        if name == REPAIR and request.form.get("confirmed") != "1":
            require_access(access_to(kind.act))
            asked = {"question": "Repair the store?", "note": REPAIRS, "verb": "Repair", "names": [], "unnamed": 0}
            return str(self.render("admin/confirm.html", **asked, return_url=self.list_url()))
        try:
            job = jobs.check(actor(), name)
        except (Conflict, TooMany) as error:
            flash(str(error), "warning")
            return redirect(self.list_url(), 303)
        return redirect(url_for("jobs.details_view", id=job.id, url=self.list_url()), 303)


def _latest(name: str) -> Job | None:
    """The last check of this kind that the person may see."""
    if not may(Acts.JOBS_LIST):
        return None
    found = services().jobs.page(actor(), Query(filters=(("kind", name),), sort="created", descending=True, limit=1))
    return found.items[0] if found.items else None


def _of_settings() -> list[Finding]:
    doubt = proxy_doubt(settings())
    return [Finding(Verdict.WARNING, "proxy", doubt)] if doubt else []


def _repairs_url() -> str:
    """Where repairs of the store are in the log, "" for who may not read it."""
    return url_for("audit.index_view", flt0_action_is="system.repair") if may(Acts.AUDIT_READ) else ""


def _facts(status: Any) -> list[tuple[str, str]]:
    """What the store says of itself; what it does not say is left out."""
    server = status.get("server_name", "redis")
    used, most = int(status.get("used_memory", -1)), int(status.get("maxmemory", 0))
    found = [
        ("backoffice", __version__),
        ("Python", platform.python_version()),
        ("Store", f"{server} {status.get('valkey_version') or status.get('redis_version', '')}".strip()),
        ("Up for", _hours(int(status["uptime_in_seconds"])) if "uptime_in_seconds" in status else ""),
        ("Memory", filesize(used) + (f" of {filesize(most)}" if most else ", no limit")),
        ("Fragmentation", status.get("mem_fragmentation_ratio", "")),
        ("Durability", status.get("durability", "")),
        ("Append-only log", {"1": "on", "0": "off"}.get(str(status.get("aof_enabled", "")), "")),
        ("Eviction", status.get("maxmemory_policy", "")),
        ("Keys evicted", status.get("evicted_keys", "")),
        ("Role", status.get("role", "")),
        ("Replicas", status.get("connected_slaves", "")),
        ("Connections", status.get("connected_clients", "")),
    ]
    return [(name, str(text)) for name, text in found if text not in ("", None)]


def _waiting() -> list[tuple[str, str]]:
    """What the workers have to do, for who may see everybody's files."""
    if not may(Acts.FILES_LIST_ALL):
        return []
    files, uploads = services().files, services().uploads
    now = float(whole_minute(uploads.now()))
    due = uploads.page(actor(), Query(sort="expires", ranges=(("expires", None, now),), limit=1)).total
    purge = files.trash_page(actor(), Query(ranges=(("purge", None, now),), limit=1), everybody=True).total
    return [("Uploads to drop", number(due)), ("Files to purge", number(purge))]


def _hours(seconds: int) -> str:
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    return f"{days} days, {hours} h" if days else f"{hours} h, {minutes} min"


def _in_words(one: InUse) -> Setting:
    return Setting(one.name, _value(one), one.origin, one.about)


def _value(one: InUse) -> str:
    """As it is written in the environment. A secret is there or not, and no more is said of it."""
    match one.value:
        case None:
            return "set" if one.given else "–"
        case bool() | Path() | str():
            return str(one.value) or "–"
        case Enum():
            return str(one.value.value)
        case int():
            return _bytes(one.value) if one.name.endswith(_BYTES) else str(one.value)
        case Sequence():
            return ", ".join(map(str, one.value)) or "–"
        case _:
            return str(one.value) or "–"


def _bytes(size: int) -> str:
    """As it is written, and as all pages tell it where that is another text."""
    written, shown = written_size(size), filesize(size)
    return f"{written} ({shown})" if "iB" in written else written
