"""Notes in the store."""

from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Unique, Words
from backoffice.stores.records.store import RedisRecords
from tests.noun.domain.notes import Note


class RedisNotes(RedisRecords[Note]):
    """Their titles are unique."""

    noun, record = "notes", Note
    indexes = (
        Unique("title", lambda note: note.title),
        Sorted("created", lambda note: note.created_at),
        Lexical("title", lambda note: note.title),
        Words("words", lambda note: note.title),
        Facet("color", lambda note: (note.color,), lambda note: note.created_at, "created"),
    )
