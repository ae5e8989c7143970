"""What holds for somebody, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backoffice.domain.limits import UNLIMITED_QUOTA


class Source(StrEnum):
    """Who says so: the user's own record, a role, the settings of the site, or the product itself, where nobody can
    choose."""

    USER = "user"
    ROLE = "role"
    SITE = "site"
    PRODUCT = "product"


class Unit(StrEnum):
    """What a value counts."""

    BYTES = "bytes"
    SECONDS = "seconds"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """`value` None = without limit. `setting` is what the site sets it by, or the role; "" where neither does."""

    name: str
    value: int | None
    unit: Unit
    source: Source
    setting: str = ""


def effective_quota(own: int | None, site: int | None) -> tuple[int | None, Source]:
    """The bytes that somebody may store (None = without limit), who has this quota of their `own` (None = none), where
    the site gives everybody that."""
    limit, source = (site, Source.SITE) if own is None else (own, Source.USER)
    return (None if limit is not None and limit >= UNLIMITED_QUOTA else limit), source
