"""What is said of each action of the log, before names are put in: one table. See `sentences.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from backoffice.domain.access import describe
from backoffice.domain.actions import Action, Actions
from backoffice.units import filesize
from backoffice.web.formats import number
from backoffice.web.sentence_parts import Event, Teller, Told, because_of, data_of
from backoffice.web.share_sentences import SHARES
from backoffice.web.system_sentences import SYSTEM


def _created(event: Event) -> Told:
    size = data_of(event, "size")
    delivered = "delivered" if data_of(event, "sent_by") or data_of(event, "state") == "waiting" else "uploaded"
    if not isinstance(size, int):
        return Told(f"{{who}} {delivered} {{what}}")
    return Told(f"{{who}} {delivered} {{what}}, {{size}}", {"size": filesize(size)})


def _replaced(event: Event) -> Told:
    size = data_of(event, "size")
    values = {"size": filesize(size)} if isinstance(size, int) else {}
    return Told("{who} uploaded a new version of {what}" + (", {size}" if values else ""), values)


def _version_restored(event: Event) -> Told:
    restored = number(int(data_of(event, "restored") or 0))
    return Told("{who} let {what} hold version {number} again", {"number": restored})


def _version_deleted(event: Event) -> Told:
    return Told("{who} deleted version {number} of {what}", {"number": number(int(data_of(event, "number") or 0))})


def _downloaded(event: Event) -> Told:
    count, sent = data_of(event, "count"), data_of(event, "bytes")
    if count:
        values = {"count": f"{number(int(count))} more time{'' if count == 1 else 's'}", "size": filesize(sent or -1)}
        part = "parts of " if data_of(event, "range") else ""
        return Told(f"{{who}} downloaded {part}{{what}} {{count}}, {{size}} in all", values)
    whole = "{who} downloaded a part of {what}" if data_of(event, "range") else "{who} downloaded {what}"
    version = data_of(event, "number")
    return Told(f"{whole}, version {{number}}", {"number": number(int(version))}) if version else Told(whole)


def _renamed(event: Event) -> Told:
    pair = event.get("changes", {}).get("name")
    return Told("{who} renamed {what} to {to}", {"to": str(pair[1])}) if pair else Told("{who} renamed {what}")


def _trashed(event: Event) -> Told:
    if data_of(event, "replaced_by"):
        return Told("{who} put another file in the place of {what}, which went to the trash")
    if data_of(event, "with"):
        return Told("{who} moved {what} to the trash with its folder")
    return Told("{who} moved {what} to the trash")


def _purged(event: Event) -> Told:
    why = data_of(event, "because")
    return Told("{who} deleted {what} for good" + (": {because}" if why else ""), {"because": str(why)})


def _cancelled(event: Event) -> Told:
    if data_of(event, "because"):
        return Told("The upload of {what} by {who} was given up: {because}", {"because": because_of(event)})
    return Told("{who} cancelled the upload of {what}")


def _user_changed(event: Event) -> Told:
    """Roles given and taken by name; other fields are named."""
    changes = dict(event.get("changes", {}))
    if not changes:
        text = (
            "The password of {what} was stored in a newer form" if data_of(event, "rehash") else "{who} changed {what}"
        )
        return Told(text)
    roles = changes.pop("roles", None)
    said, values = [], {}
    if roles:
        before, after = (set(map(str, side or ())) for side in roles)
        for word, names in (("gave {what} the role {given}", after - before), ("took {taken}", before - after)):
            if names:
                said.append(word)
                values["given" if "given" in word else "taken"] = ", ".join(sorted(names))
    if said[:1] == ["took {taken}"]:
        said = ["took the role {taken} from {what}"]
    if changes:
        words = {"quota_bytes": "quota", "username": "name", "email": "e-mail address"}
        values["fields"] = " and ".join(words.get(name, name.replace("_", " ")) for name in sorted(changes))
        said.append("changed {fields}" if said else "changed {fields} of {what}")
    return Told("{who} " + " and ".join(said), values)


def _signed_in(event: Event) -> Told:
    return Told("{who} gave the password once more" if data_of(event, "reauth") else "{who} signed in")


def _signed_out(event: Event) -> Told:
    why = data_of(event, "because")
    if why:
        return Told("A session of {what} was ended: {because}", {"because": str(why)})
    own = event.get("object", {}).get("id") == event.get("actor", {}).get("id")
    return Told("{who} signed out" if own else "{who} ended a session of {what}")


def _counted(event: Event, of: str) -> Told | None:
    count = data_of(event, "count")
    if not count:
        return None
    networks, reasons = data_of(event, "networks") or 1, data_of(event, "reasons") or {}
    named = ", ".join(f"{text} ({number(times)})" for text, times in reasons.items())
    values = {"count": number(count), "networks": f"{networks} network{'' if networks == 1 else 's'}", "named": named}
    return Told(f"{{count}} {of} were refused, from about {{networks}}" + (": {named}" if named else ""), values)


def _not_signed_in(event: Event) -> Told:
    counted = _counted(event, "more sign-ins")
    if counted:
        return counted
    target = " as {what}" if event.get("object") else ""
    return Told(f"{{who}} tried to sign in{target} and was refused: {{because}}", {"because": because_of(event)})


def _token_refused(event: Event) -> Told:
    counted = _counted(event, "more requests with wrong tokens")
    if counted:
        return counted
    which = "{what}" if event.get("object") else "a token"
    return Told(f"{{who}} used {which} and was refused: {{because}}", {"because": because_of(event)})


def _link_made(event: Event) -> Told:
    """What a request takes is told of requests alone."""
    if "takes" in event.get("changes", {}):
        return Told("{who} requested files by the link {what}")
    return Told("{who} made a share link to {what}")


def _link_downloaded(event: Event) -> Told:
    """Of a folder one file, or all of it."""
    name = data_of(event, "name")
    if name:
        return Told("{who} downloaded {file} by the share link to {what}", {"file": str(name)})
    if data_of(event, "folder"):
        return Told("{who} downloaded the whole folder {what} by a share link")
    return Told("{who} downloaded {what} by a share link")


def _link_refused(event: Event) -> Told:
    counted = _counted(event, "more requests with share links")
    if counted:
        return counted
    which = "the share link to {what}" if event.get("object") else "a share link"
    return Told(f"{{who}} opened {which} and was refused: {{because}}", {"because": because_of(event)})


def _denied(event: Event) -> Told:
    """What was asked for, about what, and why not."""
    permission, about = data_of(event, "permission"), " about {what}" if event.get("object") else ""
    values = {"because": because_of(event)}
    if not permission:
        return Told(f"{{who}} was refused{about}: {{because}}", values)
    asked = describe(permission) or str(permission)
    return Told(f"{{who}} was refused “{{asked}}”{about}: {{because}}", {**values, "asked": asked})


def _list_taken(event: Event) -> Told:
    name, records = data_of(event, "list") or "records", data_of(event, "records")
    if not isinstance(records, int):
        return Told("{who} exported the list of {list}", {"list": str(name)})
    return Told("{who} exported the list of {list}, {records} rows", {"list": str(name), "records": number(records)})


def _log_taken(event: Event) -> Told:
    entries = data_of(event, "entries")
    count = number(entries) if isinstance(entries, int) else "some"
    return Told("{who} exported {entries} entries of the log", {"entries": count})


def _seal(text: str) -> Callable[[Event], Told]:
    return lambda event: Told(text, {"number": str(data_of(event, "number") or "")})


def _verified(event: Event) -> Told:
    count = data_of(event, "damaged_count")
    if not count:
        return Told("{who} compared every chunk of {what}: all are whole")
    values = {"count": f"{number(int(count))} chunk{'' if count == 1 else 's'}"}
    return Told("{who} compared every chunk of {what}: {count} damaged", values)


def _left(event: Event) -> Told:
    counts = [(word, data_of(event, word + "s")) for word in ("session", "token")]
    ended = [f"{number(n)} {word}{'' if n == 1 else 's'}" for word, n in counts if isinstance(n, int) and n]
    return Told("{who} let {what} leave" + (" and ended {ended}" if ended else ""), {"ended": " and ".join(ended)})


def _job_ended(event: Event) -> Told:
    done, refused = data_of(event, "done") or 0, data_of(event, "refused") or 0
    text = "The {what} ended: {done} done" + (", {refused} refused" if refused else "")
    return Told(text, {"done": number(int(done)), "refused": number(int(refused))})


def _lifted(event: Event) -> Told:
    failures = data_of(event, "failures")
    values = {"failures": number(int(failures))} if isinstance(failures, int) else {}
    return Told("{who} let {what} try to sign in again" + (" after {failures} failures" if values else ""), values)


SENTENCES: Final[Mapping[Action, tuple[str, Teller]]] = {
    Actions.FILE_CREATE: ("uploaded", _created),
    Actions.FILE_REPLACE: ("new version uploaded", _replaced),
    Actions.FILE_REVERT: ("version restored", _version_restored),
    Actions.FILE_PRUNE: ("version deleted", _version_deleted),
    Actions.FILE_DOWNLOAD: ("downloaded", _downloaded),
    Actions.FILE_RENAME: ("renamed", _renamed),
    Actions.FILE_TAG: ("tagged", "{who} changed the tags of {what}"),
    Actions.FILE_TRANSFER: ("handed over", "{who} handed {what} over to another owner"),
    Actions.FILE_MOVE: ("moved", "{who} put {what} into another folder"),
    Actions.FILE_ACCEPT: ("accepted", "{who} accepted {what}, which a guest had delivered"),
    Actions.FILE_REFUSE: ("refused, of what guests deliver", "{who} refused {what}, which a guest had delivered"),
    Actions.FILE_WITHDRAW: ("taken back by a guest", "{who} took back {what}, which they had delivered"),
    Actions.FOLDER_CREATE: ("made", "{who} made {what}"),
    Actions.FOLDER_RENAME: ("renamed", _renamed),
    Actions.FOLDER_MOVE: ("moved", "{who} put {what} into another one"),
    Actions.FOLDER_DELETE: ("deleted", "{who} deleted {what}"),
    Actions.FOLDER_TRASH: ("moved to the trash", "{who} moved {what} to the trash"),
    Actions.FOLDER_RESTORE: ("restored", "{who} restored {what} from the trash"),
    Actions.FOLDER_PURGE: ("deleted for good", _purged),
    Actions.FILE_VERIFY: ("verified", _verified),
    Actions.FILE_TRASH: ("moved to the trash", _trashed),
    Actions.FILE_RESTORE: ("restored", "{who} restored {what} from the trash"),
    Actions.FILE_PURGE: ("deleted for good", _purged),
    Actions.FILE_DIGEST: ("checksum taken", "{who} took the checksum of {what}"),
    Actions.FILE_DAMAGED: (
        "found damaged",
        lambda event: Told("{what} is damaged: {because}", {"because": because_of(event)}),
    ),
    Actions.UPLOAD_START: ("begun", "{who} began to upload {what}"),
    Actions.UPLOAD_CANCEL: ("cancelled", _cancelled),
    Actions.UPLOAD_EXPIRE: ("left alone too long", "The upload of {what} was left alone too long and dropped"),
    Actions.USER_CREATE: ("created", "{who} created the user {what}"),
    Actions.USER_UPDATE: ("changed", _user_changed),
    Actions.USER_DISABLE: ("disabled", "{who} disabled {what}"),
    Actions.USER_ENABLE: ("enabled", "{who} enabled {what}"),
    Actions.USER_DELETE: ("deleted", "{who} deleted the user {what}"),
    Actions.USER_PASSWORD: ("password set", "{who} set the password of {what}"),
    Actions.USER_INVITE: ("one-time link made", "{who} made a one-time link for {what}"),
    Actions.USER_LEAVE: ("left", _left),
    Actions.BLOCK_LIFT: ("lifted", _lifted),
    Actions.JOB_START: ("started", "{who} started the {what}"),
    Actions.JOB_STOP: ("stopped", "{who} stopped the {what}"),
    Actions.JOB_END: ("ended", _job_ended),
    Actions.ROLE_CREATE: ("created", "{who} created {what}"),
    Actions.ROLE_UPDATE: ("changed", "{who} changed {what}"),
    Actions.ROLE_DELETE: ("deleted", "{who} deleted {what}"),
    Actions.SESSION_START: ("signed in", _signed_in),
    Actions.SESSION_REFUSE: ("sign-in refused", _not_signed_in),
    Actions.SESSION_END: ("signed out, or ended", _signed_out),
    Actions.TOKEN_CREATE: ("made", "{who} made {what}"),
    Actions.TOKEN_REVOKE: ("revoked", "{who} revoked {what}"),
    Actions.TOKEN_REFUSE: ("refused", _token_refused),
    Actions.LINK_CREATE: ("made", _link_made),
    Actions.LINK_UPDATE: ("changed", "{who} changed the share link to {what}"),
    Actions.LINK_REVOKE: ("revoked", "{who} revoked the share link to {what}"),
    Actions.LINK_CLOSE: (
        "closed",
        lambda event: Told("The share link to {what} was closed: {because}", {"because": because_of(event)}),
    ),
    Actions.LINK_REOPEN: ("opened again", "{who} opened the share link to {what} again"),
    Actions.LINK_OPEN: ("looked at", "{who} looked at the page of the share link to {what}"),
    Actions.LINK_DOWNLOAD: ("downloaded by link", _link_downloaded),
    Actions.LINK_REFUSE: ("refused", _link_refused),
    **SHARES,
    Actions.ACCESS_DENY: ("refused", _denied),
    Actions.LIST_EXPORT: ("a list exported", _list_taken),
    Actions.AUDIT_READ: ("read", "{who} read the log"),
    Actions.AUDIT_EXPORT: ("exported", _log_taken),
    Actions.AUDIT_SEAL: ("sealed", _seal("{who} sealed exported entries of the log: seal {number}")),
    Actions.AUDIT_TRIM: ("trimmed", _seal("{who} took the entries of seal {number} out of the log")),
    **SYSTEM,
}
"""Each action: the word for it in the filter, and its sentence. Those of further nouns are told by their verbs."""
