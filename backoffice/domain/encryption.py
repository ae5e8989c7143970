"""What is known of the encryption of a site's chunks."""

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
class Encryption:
    """`site_keys`: names of those in the settings; the first wraps, and without any nothing is encrypted."""

    site_keys: tuple[str, ...] = ()
    data_keys: tuple[DataKey, ...] = ()

    @property
    def on(self) -> bool:
        """Whether chunks that come now are encrypted."""
        return bool(self.site_keys)
