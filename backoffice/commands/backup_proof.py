"""Restoring a backup on trial: into a store of its own in a temporary directory, which goes again."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backoffice.commands.backup_files import carried_out
from backoffice.commands.cli_context import shell_actor
from backoffice.composition import build_services, store_client
from backoffice.domain.maintenance import OnFinding
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.for_a_while import store_running
from backoffice.services.backups import Restored
from backoffice.settings import ChunkPlace, Durability, Settings
from backoffice.start import check_chunks


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it. `different`: records, entries and contents that are not what the archive says."""

    restored: Restored
    compared: int
    different: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything came back."""
        return self.restored.sound and not self.different


def prove(
    settings: Settings, file: Path, key: str, bases: Sequence[Path], scratch: Path, on_finding: OnFinding
) -> Proof:
    """Restore it and look at all of it. Bytes of files lie in a directory, wherever they came from, so it takes no more
    memory than the records. Raises what `Backups.restore` raises."""
    with tempfile.TemporaryDirectory(prefix=".proof-", dir=scratch) as name:
        place = Path(name)
        (place / "chunks").mkdir(mode=0o700)
        chosen = dataclasses.replace(
            settings,
            data_dir=place / "data",
            redis_url="",
            redis_password=None,
            replicas=0,
            durability=Durability.MEMORY,
            encrypt_data=0,  # it writes nothing
            chunks=ChunkPlace(place / "chunks"),
        )
        with store_running(Layout.at(chosen.data_dir), chosen, _quiet) as own:
            client = store_client(own)
            check_chunks(own, client)
            backups = build_services(own, client).backups
            actor = shell_actor()
            restored = carried_out(backups.restore(actor, file, key=key, bases=bases, on_finding=on_finding))
            steps = backups.compare(actor, file, key=key)
            compared = 0
            while True:
                try:
                    compared = next(steps)
                except StopIteration as end:
                    return Proof(restored, compared, tuple(end.value))


def _quiet(_text: str) -> None:
    """What the store of a proof says concerns nobody."""
