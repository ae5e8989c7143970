"""What became of the data directory while the store did not run, for the log, which then cannot be written: notes in
`conversions`, a line of JSON each, which the first start of the site afterwards makes into entries.

A note comes before the step that makes it true, so none is lost where a kill or a power cut comes between the two; one
that did not become true is dropped at the next start.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict

from backoffice.directories import sync_directory
from backoffice.domain.encryption import Conversion
from backoffice.embedded.data_dir import DataDirectoryError, Layout, unusable, write_private


def begin(layout: Layout, by: str, *, encrypted: bool) -> None:
    """Note that the directory is about to be encrypted, or decrypted. `by`: as in `Conversion`. Raises
    DataDirectoryError."""
    noted = waiting(layout)
    if noted and noted[-1].encrypted == encrypted:
        return  # of an attempt that was stopped
    _keep(layout, [*noted, Conversion(secrets.token_hex(8), encrypted, by, time.time_ns() // 1_000_000)])


def settle(layout: Layout, *, encrypted: bool) -> None:
    """Drop the last one where it did not come to that: the directory is `encrypted`, or not. Raises
    DataDirectoryError."""
    noted = waiting(layout)
    if noted and noted[-1].encrypted != encrypted:
        _keep(layout, noted[:-1])


def waiting(layout: Layout) -> list[Conversion]:
    """Those that the log has not yet, in their order. Raises DataDirectoryError."""
    path = layout.conversions
    try:
        return [Conversion(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unusable(path, error) from error
    except (ValueError, TypeError):
        raise DataDirectoryError(f"{path} is damaged: move it away; the log will lack what it says") from None


def forget(layout: Layout) -> None:
    """The log has them. Raises DataDirectoryError."""
    try:
        layout.conversions.unlink(missing_ok=True)
        sync_directory(layout.root)
    except OSError as error:
        raise unusable(layout.conversions, error) from error


def _keep(layout: Layout, noted: Sequence[Conversion]) -> None:
    if not noted:
        forget(layout)
        return
    write_private(layout.conversions, "".join(json.dumps(asdict(one)) + "\n" for one in noted))
    owner = layout.root.stat()
    if owner.st_uid != os.geteuid():  # root decrypts for a site that runs as somebody else
        os.chown(layout.conversions, owner.st_uid, owner.st_gid)
