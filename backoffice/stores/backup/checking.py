"""Whether an archive is whole, as far as that can be told without a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backoffice.domain.backups import BackupHeader
from backoffice.domain.log_archive import id_in
from backoffice.domain.times import rfc3339
from backoffice.errors import IntegrityError, Invalid
from backoffice.stores.backup.ahead import ahead
from backoffice.stores.backup.base import header_of
from backoffice.stores.backup.output import opened
from backoffice.stores.backup.packs import index_of, length_of
from backoffice.stores.backup.restore import unpacked
from backoffice.stores.backup.sealed import Key
from backoffice.stores.backup.tar import Member, Part
from backoffice.stores.backup.values import Value


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive that is whole. `needs`: archives on which it stands."""

    header: BackupHeader
    members: int
    chunks: int
    needs: tuple[str, ...]

    @property
    def made(self) -> str:
        """When it was begun."""
        return rfc3339(self.header.created_at)


def check_archive(path: Path, key: str) -> Checked:
    """Reads all of it. Raises Invalid, Conflict, OSError; IntegrityError which names what is damaged."""
    file, reader = opened(path, Key.of_text(key) if key else None)
    with file:
        header, manifest = header_of(reader), reader.manifest()
        members = chunks = 0
        for member, data in ahead((member, reader.read(member)) for member in reader.members()):
            members += 1
            if member.part is Part.CHUNKS:
                chunks += _pack(member, data)
            elif member.part in {Part.RECORDS, Part.LOG}:
                _lines(member, data)
        return Checked(header, members, chunks, tuple(manifest.get("needs", ())))


def _pack(member: Member, data: bytes) -> int:
    stretches, at = index_of(data, member.name)
    end = at + sum(map(length_of, stretches))
    if end != len(data):
        raise IntegrityError(f"{member.name}: its bytes are not those of its index.")
    return sum(one.count - len(one.lost) for one in stretches)


def _lines(member: Member, data: bytes) -> None:
    for line in unpacked(data, member):
        try:
            if member.part is Part.LOG:
                id_in(line)
            else:
                Value.of_line(line)
        except (AttributeError, Invalid, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"{member.name}: a line cannot be read.") from error
