"""The type of a file whose sender did not say it."""

from __future__ import annotations

from backoffice.domain.mime_types import guess_type

__all__ = ["guess_type"]
