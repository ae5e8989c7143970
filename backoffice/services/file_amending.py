"""Several changes of a stored file that one asks for at once: all of them are done, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import TOP, File, FileState, clean_name, clean_tags
from backoffice.domain.ids import is_id
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.domain.users import User
from backoffice.errors import Invalid, NotFound, QuotaExceeded
from backoffice.services.authorization import authorize, record_denial, user_ref
from backoffice.services.file_changes import FileChanges, expect_version
from backoffice.services.file_reading import file_ref
from backoffice.services.records import again

_ACTS: dict[str, tuple[Act, Action]] = {
    "name": (Acts.FILE_RENAME, Actions.FILE_RENAME),
    "tags": (Acts.FILE_TAG, Actions.FILE_TAG),
    "folder": (Acts.FILE_MOVE, Actions.FILE_MOVE),
    "owner": (Acts.FILE_TRANSFER, Actions.FILE_TRANSFER),
}


@dataclass(frozen=True, slots=True)
class FileAmending(FileChanges):
    """As `FileChanges`, in one commit with an entry of the log for each."""

    def amend(
        self,
        actor: Actor,
        file_id: str,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        folder: str | None = None,
        owner: str | None = None,
        version: int | None = None,
    ) -> File:
        """The file with what is given: `owner` is an id, `folder` that of a folder of its owner's, or "" for the top;
        with another owner it comes to the top there. What it is already is no change, and takes the right to it all
        the same. A new name has to be free, also where somebody else is to have it; one that stays becomes another
        one where it is taken there.

        Raises NotAllowed, NotFound, Invalid, NameTaken, VersionMismatch, QuotaExceeded (recorded).
        """
        given = {"name": name, "tags": None if tags is None else clean_tags(tags), "folder": folder}
        given["owner"] = owner  # last: the folder is one of who has the file now
        wanted = {field: value for field, value in given.items() if value is not None}
        if folder and not is_id(folder):
            raise Invalid("There is no such folder.", field="folder")
        if folder and owner is not None:
            raise Invalid("A file that is handed over comes to the top.", field="folder")
        heir = None if owner is None else self._heir(actor, owner)

        def change() -> File:
            old = self.files.get(file_id) if is_id(file_id) else None
            if old is None or old.state is not FileState.READY:
                raise NotFound
            for field in wanted:
                act = _ACTS[field][0]
                authorize(self.audit, actor, act, old.owner if act.others else None, file_ref(old))
            expect_version(old, version)
            new = replace(old, **_clean(old, wanted))
            events = [self._event(actor, old, new, field) for field in wanted if _differs(old, new, field)]
            quota = UNLIMITED_QUOTA if self.quota is None else self.quota
            return self.files.amend(old, new, events[0], events[1:], quota) if events else old

        try:
            return again(version, change)
        except QuotaExceeded:
            if heir is not None:
                record_denial(self.audit, actor, Acts.FILE_TRANSFER.takes, user_ref(heir), "over the quota")
            raise

    def _heir(self, actor: Actor, owner: str) -> User:
        """Asked before the file is looked for: who may not, learns nothing of it."""
        authorize(self.audit, actor, Acts.FILE_TRANSFER)
        user = self.users.get(owner) if is_id(owner) else None
        if user is None or not user.active:
            raise Invalid("There is no such active user.", field="owner")
        return user

    def _event(self, actor: Actor, old: File, new: File, field: str) -> AuditEvent:
        changes = {field: (_plain(old, field), _plain(new, field))}
        return AuditEvent(_ACTS[field][1], actor, file_ref(old), changes=changes, at=self.now())


def _clean(old: File, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The values to keep. A name that the file has is no new one, whatever version took it."""
    found = dict(wanted)
    if "name" in found and found["name"] != old.name:
        found["name"] = clean_name(found["name"])
    if "folder" in found:
        found["folder"] = old.folder if found["folder"] == old.folder_id else found["folder"] or TOP
    return found


def _differs(old: File, new: File, field: str) -> bool:
    return bool(_plain(old, field) != _plain(new, field))


def _plain(file: File, field: str) -> Any:
    """A value as the log has it."""
    if field == "folder":
        return file.folder_id
    value = getattr(file, field)
    return list(value) if isinstance(value, tuple) else value
