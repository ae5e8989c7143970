"""The key by which the file system encrypts what the embedded store writes: 64 random bytes, in a file beside that
directory, wrapped by a key of the site.

The file is JSON: `format` 1; `key`, base64 of what the site key made of it; `wrapped_by`, the name of that site key;
`made_at`, epoch ms. Without it, or without the site key, nobody reads the directory again.
"""

from __future__ import annotations

import json
import os
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final

from backoffice.directories import sync_directory
from backoffice.domain.encryption import Conversion, DirectoryKey
from backoffice.embedded import conversions
from backoffice.embedded.data_dir import DataDirectoryError, Layout, unusable, write_private
from backoffice.embedded.fscrypt import KEY_BYTES
from backoffice.errors import KeyMissing
from backoffice.site_keys import KMS, SiteKeys, WrappingFailed

FORMAT: Final = 1
_ABOUT: Final = b"backoffice directory key 1"
"""What it is bound to: no other key that the site's wrap can stand in its place."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """As it is in the file."""

    wrapped: bytes
    wrapped_by: str
    made_at: int

    @property
    def text(self) -> str:
        row = {
            "format": FORMAT,
            "key": b64encode(self.wrapped).decode(),
            "wrapped_by": self.wrapped_by,
            "made_at": self.made_at,
        }
        return json.dumps(row, indent=1) + "\n"


class DirectoryKeys:
    """Port `DirectoryKeys`: the key of one data directory, and the site's keys."""

    def __init__(self, layout: Layout, site_keys: SiteKeys) -> None:
        self._layout, self._site = layout, site_keys

    def state(self) -> DirectoryKey | None:
        """None where there is none. Raises DataDirectoryError."""
        stored = self._stored()
        return None if stored is None else DirectoryKey(stored.wrapped_by, stored.made_at)

    def conversions(self) -> list[Conversion]:
        """What became of the directory, and the log does not say yet. Raises DataDirectoryError."""
        return conversions.waiting(self._layout)

    def forget_conversions(self) -> None:
        """The log says it. Raises DataDirectoryError."""
        conversions.forget(self._layout)

    def key(self) -> bytes:
        """The key itself, 64 bytes. Raises KeyMissing, DataDirectoryError."""
        stored = self._stored()
        if stored is None:
            raise KeyMissing(f"{self._layout.directory_key} is missing")
        site_key = self._site.named(stored.wrapped_by)
        if site_key is None:
            lacking = "BACKOFFICE_ENCRYPTION_KEYS lacks its key"
            if stored.wrapped_by == KMS:
                lacking = "BACKOFFICE_KMS_COMMAND is not set, which has its key"
            raise KeyMissing(f"{self._layout.store} is encrypted, and {lacking} {stored.wrapped_by}")
        try:
            return site_key.unwrap(stored.wrapped, _ABOUT, KEY_BYTES)
        except WrappingFailed as error:
            raise KeyMissing(f"{self._layout.directory_key} cannot be opened: {error}") from error

    def make(self) -> bytes:
        """A new one, kept before this returns. Raises KeyMissing, DataDirectoryError."""
        key = os.urandom(KEY_BYTES)
        self._keep(key, time.time_ns() // 1_000_000)
        return key

    def rewrap(self) -> None:
        """Wrap it by the first key of the site. Raises KeyMissing, DataDirectoryError."""
        stored = self._stored()
        if stored is not None and stored.wrapped_by != self._site.first.name:
            self._keep(self.key(), stored.made_at)

    def remove(self) -> None:
        """Nothing is encrypted by it any more. Raises DataDirectoryError."""
        try:
            self._layout.directory_key.unlink(missing_ok=True)
            sync_directory(self._layout.root)
        except OSError as error:
            raise unusable(self._layout.directory_key, error) from error

    def _keep(self, key: bytes, made_at: int) -> None:
        first, path = self._site.first, self._layout.directory_key
        try:
            wrapped = first.wrap(key, _ABOUT)
            opens = first.unwrap(wrapped, _ABOUT, KEY_BYTES) == key
        except WrappingFailed as error:
            raise KeyMissing(str(error)) from error
        if not opens:  # it would shut the directory for ever
            raise KeyMissing(f"The key {first.name} does not open what it has wrapped")
        try:
            owner = path.stat() if path.exists() else self._layout.root.stat()
            write_private(path, _Stored(wrapped, first.name, made_at).text)
            if os.geteuid() != owner.st_uid:  # root turned the key of a site that runs as somebody else
                os.chown(path, owner.st_uid, owner.st_gid)
            sync_directory(self._layout.root)
        except OSError as error:
            raise unusable(path, error) from error

    def _stored(self) -> _Stored | None:
        path = self._layout.directory_key
        try:
            row = json.loads(path.read_text("utf-8"))
            if row["format"] != FORMAT:
                raise DataDirectoryError(f"{path} has the format {row['format']}, which this version does not know")
            return _Stored(b64decode(row["key"], validate=True), str(row["wrapped_by"]), int(row["made_at"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(path, error) from error
        except (ValueError, KeyError, TypeError):
            raise DataDirectoryError(f"{path} is damaged: put it back from a copy; nothing was changed") from None
