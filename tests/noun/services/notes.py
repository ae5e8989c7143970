"""Notes: for who may see and change them."""

from dataclasses import dataclass
from typing import ClassVar

from backoffice.services.records import EditableRecords
from tests.noun.domain.notes import NOTES, Color, Note, clean_title


@dataclass(frozen=True, kw_only=True)
class Notes(EditableRecords[Note]):
    """Filter: `color`; orders: `created`, `title`."""

    noun, record = NOTES, Note
    fields: ClassVar = {"title": clean_title, "color": Color}
