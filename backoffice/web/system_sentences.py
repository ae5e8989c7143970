"""What is said of acts on the store as a whole: a part of `sentence_table.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backoffice.domain.actions import Action, Actions
from backoffice.units import filesize
from backoffice.web.formats import number
from backoffice.web.sentence_parts import Event, Teller, Told, data_of


def _installed(event: Event) -> Told:
    return Told("The store was set up by version {version}", {"version": str(data_of(event, "version") or "unknown")})


def _backup(text: str) -> Teller:
    return lambda event: Told(text, {"size": filesize(int(data_of(event, "bytes") or 0))})


def _encrypted(event: Event) -> Told:
    if chunks := data_of(event, "chunks"):
        count = f"{number(int(chunks))} chunk{'' if chunks == 1 else 's'}"
        return Told("{who} encrypted {count} from before", {"count": count})
    if data_of(event, "data_directory"):
        key = str(data_of(event, "site_key") or "")
        return Told("{who} had the data directory encrypted, by a key that the site key {key} wraps", {"key": key})
    if data_of(event, "directory"):
        key = str(data_of(event, "site_key") or "")
        return Told("{who} had the key of the data directory wrapped by the site key {key}", {"key": key})
    values = {"number": str(data_of(event, "data_key") or "")}
    return Told("{who} made data key {number} for the encryption of files", values)


SYSTEM: Final[Mapping[Action, tuple[str, Teller]]] = {
    Actions.SYSTEM_INSTALL: ("set up", _installed),
    Actions.SYSTEM_REPAIR: ("repaired", "{who} repaired the store"),
    Actions.SYSTEM_MIGRATE: ("migrated", "{who} brought what was stored into the form of this version: {what}"),
    Actions.SYSTEM_ENCRYPT: ("encrypted", _encrypted),
    Actions.SYSTEM_DECRYPT: ("decrypted", "{who} had the data directory decrypted"),
    Actions.SYSTEM_BACKUP: ("backed up", _backup("{who} backed up the store to {what}: {size}")),
    Actions.SYSTEM_RESTORE: ("restored", _backup("{who} restored the store from {what}: {size}")),
    Actions.SYSTEM_PROVE: ("proven", _backup("{who} proved {what} by restoring it on trial: {size}")),
}
