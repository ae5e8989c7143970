"""What happened to a record, newest first, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import url_for
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEntry
from backoffice.domain.ids import ID_LENGTH
from backoffice.domain.undo import undone_entry
from backoffice.units import filesize
from backoffice.web.admin.undo import entry_forms
from backoffice.web.context import services
from backoffice.web.formats import number
from backoffice.web.identity import actor, may
from backoffice.web.sentences import sentence

SHOWN: Final = 30
"""Entries in the panel; the log has the others."""
_NAME: Final = Markup("<bdi>%s</bdi>")
_CHANGED: Final = Markup("%s from <bdi>%s</bdi> to <bdi>%s</bdi>")
_TO_UNDO: Final = Markup("%s, to undo an earlier act")
_TEXTS: Final = {
    "file.create": "stored it",
    "file.replace": "uploaded a new version",
    "file.revert": "took an earlier version again",
    "file.prune": "deleted an earlier version",
    "file.trash": "moved it to the trash",
    "file.restore": "took it out of the trash",
    "file.purge": "deleted it for good",
    "file.digest": "took its SHA-256",
    "upload.start": "began to upload it",
    "upload.cancel": "cancelled the upload",
    "upload.expire": "gave the upload up: its time was over",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """A line. `tone`: of what did not go as it should, else ""; `who_url` "": nobody to go to; `who` "": the text
    says it; `undo`: the button, where there is one."""

    at: str
    who: str
    who_url: str
    text: str | Markup
    where: str
    url: str
    tone: str = ""
    undo: Markup | str = ""


def timeline(kind: str, record_id: str) -> dict[str, Any]:
    """The context of `admin/timeline.html`. `kind`: of the object, as the log calls it. Reading the log is recorded,
    as everywhere."""
    about = f"{kind}:{record_id}"
    found = services().audit.page(actor(), filters=(("object", about),), limit=SHOWN)
    names = services().users.names(_people(found.items))
    people, undo = may(Acts.USER_READ), entry_forms(found.items, services().audit.now())
    return {
        "happened": [
            replace(_happening(entry, names, people=people), undo=undo.get(entry.id, "")) for entry in found.items
        ],
        "total": found.total,
        "log_url": url_for("audit.index_view", flt0_object_is=about),
    }


def _people(entries: Sequence[AuditEntry]) -> set[str]:
    """Whose names the sentences need: of owners the log has identifiers."""
    pairs = (entry.event.get("changes", {}).get("owner", ()) for entry in entries)
    return {one for pair in pairs for one in pair if isinstance(one, str)}


def _happening(entry: AuditEntry, names: Mapping[str, str], *, people: bool) -> Happening:
    event = entry.event
    by = event.get("actor", {})
    outcome = event.get("outcome", "ok")
    is_user = len(by.get("id", "")) == ID_LENGTH
    of_file = event.get("object", {}).get("type") == "file"
    told = _of_file(event, names) if of_file else sentence(event)
    return Happening(
        at=event.get("at", ""),
        who=(by.get("name") or "somebody") if of_file else "",
        who_url=url_for("users.details_view", id=by["id"]) if people and is_user else "",
        text=_TO_UNDO % told if of_file and undone_entry(event) else told,
        where=" · ".join(filter(None, (by.get("agent", ""), by.get("ip", "")))),
        url=url_for("audit.details_view", id=entry.id),
        tone={"denied": "warn", "error": "bad"}.get(outcome, ""),
    )


def _of_file(event: Mapping[str, Any], names: Mapping[str, str]) -> str | Markup:
    action, data, changes = str(event.get("action", "")), event.get("data", {}), event.get("changes", {})
    match action:
        case "file.rename":
            old, new = changes.get("name", ("", ""))
            return _CHANGED % ("renamed it", old, new)
        case "file.transfer":
            old, new = (names.get(one, one) for one in changes.get("owner", ("", "")))
            return _CHANGED % ("handed it over", old, new)
        case "file.tag":
            return _tagged(*changes.get("tags", ((), ())))
        case "file.download":
            return _downloaded(data)
        case "file.verify":
            return _verified(data) if event.get("outcome") != "ok" else "verified it: every chunk is as it was stored"
        case "file.damaged":
            return f"could not read all of it: {data.get('because', 'it is damaged')}"
        case "access.deny":
            return f"was refused: {data.get('because', 'not allowed')}"
        case _:
            return _TEXTS.get(action, action)


def _tagged(old: Sequence[str], new: Sequence[str]) -> Markup:
    parts = [
        Markup("%s %s") % (verb, Markup(", ").join(_NAME % tag for tag in tags))
        for verb, tags in (("added the tags", _beyond(new, old)), ("removed the tags", _beyond(old, new)))
        if tags
    ]
    return Markup(" and ").join(parts)


def _beyond(tags: Sequence[str], others: Sequence[str]) -> list[str]:
    return [tag for tag in tags if tag not in others]


def _downloaded(data: Mapping[str, Any]) -> str:
    count = data.get("count")
    if count:
        return f"read it {number(count)} times more, {filesize(data.get('bytes', 0))} in all"
    if "range" in data:
        first, last = data["range"]
        return f"read {filesize(last - first)} of it"
    return "downloaded it"


def _verified(data: Mapping[str, Any]) -> str:
    count = data.get("damaged_count", 0)
    if not count:
        return f"verified it: {data.get('because', 'it is damaged')}"
    named = ", ".join(map(str, data.get("damaged", ())[:10]))
    return f"verified it: {number(count)} of {number(data.get('chunks', 0))} chunks damaged ({named})"
