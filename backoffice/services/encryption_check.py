"""The job that encrypts what was stored before encryption was switched on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.check_reports import CheckReport
from backoffice.services.checks import CheckKind, Progress
from backoffice.services.encryption import EncryptionCare

ENCRYPT: Final = "encrypt"


def encryption_kind(encryption: EncryptionCare) -> CheckKind:
    """For a site that encrypts."""
    return CheckKind(
        ENCRYPT,
        "Encrypt what was stored before",
        Acts.SYSTEM_ENCRYPT,
        "chunks",
        lambda actor: _encrypt(encryption, actor),
    )


def _encrypt(encryption: EncryptionCare, actor: Actor) -> Iterator[Progress]:
    done = converted = 0
    for looked_at, encrypted in encryption.steps(actor):
        done, converted = looked_at, encrypted
        yield Progress(done, 0, CheckReport())
    report = CheckReport()
    report.add("done", "encryption", f"{converted:,} of {done:,} chunks were not encrypted, and are now.")
    yield Progress(done, done, report)
