"""Values that are right alone and wrong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from backoffice.settings import Settings

_PAIRS: Final = (("chunk_size", "max_chunk_size"), ("upload_ttl", "upload_max_age"), ("session_idle", "session_max"))
"""The smaller one comes first."""


def contradictions(settings: Settings, names: Mapping[str, str]) -> list[str]:
    """A line for each. `names`: what the settings are called, by field."""
    found = [
        f"{names[low]} must not be more than {names[high]}"
        for low, high in _PAIRS
        if getattr(settings, low) > getattr(settings, high)
    ]
    if settings.backup_dir is not None and settings.backup_key is None and _encrypts(settings):
        found.append(f"{names['backup_key']} is needed, for what is encrypted must not be plain in its backups")
    found += [
        f"{names[field]} needs {names['encryption_keys']} or {names['kms_command']}"
        for field in ("encrypted_only", "encrypt_data")
        if getattr(settings, field) and not _encrypts(settings)
    ]
    # The programs of `up` are given the socket of its own store.
    if settings.encrypt_data and settings.redis_url and not settings.redis_url.startswith("unix:"):
        found.append(
            f"{names['encrypt_data']} is for the embedded store, and {names['redis_url']} names another: have its disk"
            " encrypted instead"
        )
    if settings.max_file_size > settings.max_chunks * settings.max_chunk_size:
        found.append(f"{names['max_file_size']} needs more than {settings.max_chunks} chunks ({names['max_chunks']})")
    return found


def _encrypts(settings: Settings) -> bool:
    return bool(settings.encryption_keys) or settings.kms_command is not None


def proxy_doubt(settings: Settings) -> str:
    """A sentence where nobody seems to have said that there is a proxy in front, else ""."""
    if settings.trusted_proxies or not settings.public_url.startswith("https:"):
        return ""
    return (
        "The public address is https, yet no proxy is trusted: all visitors count as one, so that wrong passwords of"
        " one delay everybody, and the audit log has the proxy's address. Set BACKOFFICE_TRUSTED_PROXIES to the number"
        " of proxies in front."
    )
