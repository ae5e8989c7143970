"""Encryption at rest: how it stands, another key, and the chunks from before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.encryption import Conversion, DirectoryKey, Encryption
from backoffice.domain.times import rfc3339
from backoffice.errors import Conflict
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog

SETUP: Final = system_actor("setup", "system")


class EncryptionStore(Protocol):
    """What is encrypted, and by which keys. All raise Unavailable."""

    def state(self) -> Encryption: ...
    def rotate(self, actor: Actor) -> int:
        """Make a data key, which wraps from now on, and wrap all of them by the first site key; the number of the new
        one. Raises KeyMissing, Conflict."""

    def convert(self) -> Iterator[tuple[int, int]]:
        """Encrypt, where they lie, the chunks that are not: how many were looked at, and how many encrypted, after
        each step. It can be left after any, and begun again. Raises KeyMissing, StoreFull."""

    def note_conversion(self, conversion: str, event: AuditEvent) -> None:
        """Record that this became of the data directory. Raises Conflict where it is recorded already."""


class DirectoryKeys(Protocol):
    """The key by which the file system encrypts what the embedded store writes."""

    def state(self) -> DirectoryKey | None:
        """None where there is none."""

    def rewrap(self) -> None:
        """Wrap it by the first site key, where there is one. Raises KeyMissing."""

    def conversions(self) -> list[Conversion]:
        """What became of the directory, and the log does not say yet."""

    def forget_conversions(self) -> None:
        """The log says it."""


@dataclass(frozen=True, slots=True)
class EncryptionCare:
    """What operators do about it. `directory`: None where the store is not the embedded one."""

    store: EncryptionStore
    audit: AuditLog
    directory: DirectoryKeys | None = None

    def state(self, actor: Actor) -> Encryption:
        """How it stands."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        return replace(self.store.state(), directory_key=self._directory_key())

    def rotate(self, actor: Actor) -> int:
        """Another data key, and all of them, and that of the directory, under the first site key: no chunk is
        rewritten. Its number.

        Raises NotAllowed, Conflict (nothing is encrypted here), KeyMissing.
        """
        authorize(self.audit, actor, Acts.SYSTEM_ENCRYPT)
        self._expect_on()
        number = self.store.rotate(actor)
        before, first = self._directory_key(), self.store.state().site_keys[0]
        if self.directory is not None and before is not None and before.site_key != first:
            # A file cannot change in one commit with its entry. The entry comes first; to say it twice does no harm.
            self.audit.record(AuditEvent(Actions.SYSTEM_ENCRYPT, actor, data={"directory": True, "site_key": first}))
            self.directory.rewrap()
        return number

    def steps(self, actor: Actor) -> Iterator[tuple[int, int]]:
        """Encrypt what was stored before; as `EncryptionStore.convert`. Raises NotAllowed, Conflict, also where
        only encrypted bytes are to be believed: others that were put there since would become such."""
        authorize(self.audit, actor, Acts.SYSTEM_ENCRYPT)
        self._expect_on()
        if self.store.state().only:
            raise Conflict(
                "What is not encrypted is refused here, so none of it is encrypted: BACKOFFICE_ENCRYPTED_ONLY."
            )
        converted = 0
        for looked_at, converted in self.store.convert():
            yield looked_at, converted
        if converted:
            self.audit.record(AuditEvent(Actions.SYSTEM_ENCRYPT, actor, data={"chunks": converted}))

    def record_conversions(self) -> None:
        """Write into the log what became of the data directory while the store did not run: each once, however many
        processes start, and whenever one of them is killed. For every start of a process."""
        waiting = [] if self.directory is None else self.directory.conversions()
        for one in waiting:
            key, actor = self._directory_key(), system_actor(one.by, "shell") if one.by else SETUP
            data = {"data_directory": True, "done_at": rfc3339(one.at)}
            if one.encrypted and key is not None:
                data["site_key"] = key.site_key
            action = Actions.SYSTEM_ENCRYPT if one.encrypted else Actions.SYSTEM_DECRYPT
            with suppress(Conflict):  # another process, or one that was killed before it forgot it
                self.store.note_conversion(one.id, AuditEvent(action, actor, data=data))
        if self.directory is not None and waiting:
            self.directory.forget_conversions()

    def _directory_key(self) -> DirectoryKey | None:
        return None if self.directory is None else self.directory.state()

    def _expect_on(self) -> None:
        if not self.store.state().on:
            raise Conflict("No site key is set, so nothing is encrypted: BACKOFFICE_ENCRYPTION_KEYS.")
