"""The settings as they are in a process, for people: what is secret stays so."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from backoffice.settings import Settings


@dataclass(frozen=True, slots=True)
class InUse:
    """A setting as it is: `value` None where it is secret, and then only `given` says whether there is one."""

    name: str
    value: Any
    given: bool
    origin: str
    about: str


def in_use(settings: Settings) -> list[InUse]:
    """Every setting with its value and its source, without secrets."""
    found = []
    for field in dataclasses.fields(Settings):
        if "name" not in field.metadata:
            continue
        name, value, secret = field.metadata["name"], getattr(settings, field.name), field.metadata["secret"]
        origin = settings.origins.get(name, "default")
        found.append(InUse(name, None if secret else value, bool(value), origin, field.metadata["about"]))
    return found
