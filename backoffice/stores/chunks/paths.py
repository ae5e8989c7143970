"""Where the file of a chunk lies, below the root. Nothing but an identifier and an index becomes a part of a path."""

from __future__ import annotations

import re
from typing import Final

from backoffice.domain.ids import is_id

HELD: Final = "held"
KEPT: Final = "kept"
INDEX: Final = re.compile(r"0|[1-9][0-9]{0,9}")


def directory_of(tree: str, file_id: str) -> str:
    """Raises ValueError for what is no identifier: nothing else may become a path."""
    if not is_id(file_id):
        raise ValueError(f"not an identifier: {file_id!r}")
    return f"{tree}/{file_id[:2]}/{file_id}"


def path_of(tree: str, file_id: str, index: int) -> str:
    """Raises ValueError, as `directory_of`, and for what is no index."""
    name = str(index)
    if not INDEX.fullmatch(name):
        raise ValueError(f"not an index: {index!r}")
    return f"{directory_of(tree, file_id)}/{name}"


def paths_of(file_id: str, index: int) -> tuple[str, str, str]:
    """Where a chunk may be. Looked for in this order it is found, though it be kept, or held again, meanwhile: it has
    its new name before it loses the old one."""
    kept, held = path_of(KEPT, file_id, index), path_of(HELD, file_id, index)
    return kept, held, kept
