"""The kinds of jobs, as programs name them (`services/bulk.py` has what each does)."""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "file.trash",
    "file.tag",
    "file.transfer",
    "file.restore",
    "file.purge",
    "upload.cancel",
    "file.refuse",
    "user.disable",
    "user.enable",
    "session.end_all",
    "session.end",
    "token.revoke_all",
    "token.revoke",
    "link.revoke",
    "share.revoke",
    "doctor",
    "fsck",
    "fsck.repair",
    "encrypt",
    "backup",
    "undo",
]
