"""What is known of the encryption of a site at rest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that wraps keys of files. `site_key`: the name of the site key that it is wrapped by; `made_at`: epoch
    ms."""

    number: int
    site_key: str
    made_at: int


@dataclass(frozen=True, slots=True)
class DirectoryKey:
    """The key by which the file system encrypts what the embedded store writes. `site_key`: the name of the site key
    that it is wrapped by; `made_at`: epoch ms."""

    site_key: str
    made_at: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """That what the embedded store writes was encrypted, or decrypted, while it did not run. `by`: the system's account
    that had it done, "" = a start of the site; `at`: epoch ms."""

    id: str
    encrypted: bool
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Encryption:
    """`site_keys`: names of those in the settings; the first wraps, and without any no chunk is encrypted.
    `directory_key`: None where there is none; `only`: what is not encrypted is taken for damaged."""

    site_keys: tuple[str, ...] = ()
    data_keys: tuple[DataKey, ...] = ()
    directory_key: DirectoryKey | None = None
    only: bool = False

    @property
    def on(self) -> bool:
        """Whether chunks that come now are encrypted."""
        return bool(self.site_keys)
