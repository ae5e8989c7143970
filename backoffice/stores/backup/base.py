"""Archives that another one stands on: which contents they have."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backoffice.domain.backups import FORMAT, BackupHeader
from backoffice.domain.system import SCHEMA
from backoffice.errors import Conflict, IntegrityError
from backoffice.stores.backup.output import index_at, opened
from backoffice.stores.backup.sealed import Key
from backoffice.stores.backup.tar import Member, Part, TarReader


@dataclass(frozen=True, slots=True)
class Base:
    """`where`: each content that is whole in it or in those before it, and in which one."""

    header: BackupHeader
    where: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, key: Key | None) -> Generator[None, None, Base]:
        """Read one, in steps: its indexes, and none of its bytes. Raises Invalid, IntegrityError where it is not whole,
        OSError."""
        file, reader = opened(path, key)
        with file:
            found, lost = cls(header_of(reader)), set[str]()
            walk = reader.walk()
            while True:
                try:
                    found._note(reader, next(walk), lost)
                except StopIteration as end:
                    lost.update(end.value.get("lost") or ())
                    break
                yield
        for one in lost:
            found.where.pop(one, None)
        return found

    def _note(self, reader: TarReader, member: Member, lost: set[str]) -> None:
        if member.part is Part.CHUNKS:
            for one in index_at(reader, member):
                if one.last:
                    self.where[one.content] = self.header.archive
                lost.update([one.content] if one.lost else [])
        elif member.part is Part.BORROWED:
            archive, contents = _borrowed(reader, member)
            self.where.update(dict.fromkeys(contents, archive))


def header_of(reader: TarReader) -> BackupHeader:
    """What an archive says of itself. Raises Invalid where it is none, Conflict where a later version made it."""
    row = reader.header()
    try:
        header = BackupHeader.load(row)
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("The header of the backup cannot be read.") from error
    if header.format > FORMAT or header.schema > SCHEMA:
        raise Conflict(f"The backup was made by a later version ({header.product}); restore it with that one.")
    return header


def borrowed(reader: TarReader) -> Iterator[tuple[str, list[str]]]:
    """Contents that the archive needs of others: the archive that has them, and they."""
    for member in reader.members():
        if member.part is Part.BORROWED:
            yield _borrowed(reader, member)


def _borrowed(reader: TarReader, member: Member) -> tuple[str, list[str]]:
    try:
        row = json.loads(reader.read(member))
        return str(row["archive"]), [str(one) for one in row["contents"]]
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"{member.name} cannot be read.") from error
