"""Where the text of a setting comes from: the environment, else `.env`, each as `NAME` or as `NAME_FILE`."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

PREFIX: Final = "BACKOFFICE_"
_FILE: Final = "_FILE"
_LARGEST_FILE: Final = 64 * 1024


class Sources:
    """The texts given for the settings called `names`. What is wrong with them gathers in `problems`."""

    def __init__(self, names: Collection[str], environ: Mapping[str, str], dotenv: Path | None) -> None:
        self.problems: list[str] = []
        self._names = names
        self._places = [{name: text for name, text in environ.items() if self._concerns_us(name)}]
        self._called = ["environment"]
        if dotenv is not None and dotenv.is_file():
            self._places.append(self._read_dotenv(dotenv))
            self._called.append(str(dotenv))
        for place in self._places:
            self.problems += [self._unknown(name) for name in place if not self._known(name)]

    def text(self, name: str) -> str | None:
        """The value given for `name`; None when there is none or it is empty."""
        for place in self._places:
            plain, path = place.get(name, ""), place.get(name + _FILE, "")
            if plain and path:
                self.problems.append(f"{name} and {name}{_FILE} are both set: keep one")
                return None
            if path:
                return self._read_file(name, Path(path)) or None
            if plain:
                return plain
        return None

    def origin(self, name: str) -> str:
        """Where the value of `name` comes from, in words; "" = nothing is given."""
        for place, called in zip(self._places, self._called, strict=True):
            if place.get(name + _FILE):
                return f"file {place[name + _FILE]}"
            if place.get(name):
                return called
        return ""

    def _concerns_us(self, name: str) -> bool:
        return name.startswith(PREFIX) or self._known(name)

    def _known(self, name: str) -> bool:
        return name in self._names or name.removesuffix(_FILE) in self._names

    def _unknown(self, name: str) -> str:
        base = name.removesuffix(_FILE)
        near = difflib.get_close_matches(base, self._names, n=1, cutoff=0.75)
        return f"{name} is not a setting" + (f": did you mean {near[0]}?" if near else "")

    def _read_dotenv(self, path: Path) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            with path.open(encoding="utf-8-sig") as stream:
                for binding in parse_stream(stream):
                    if binding.error or (binding.key is not None and binding.value is None):
                        self.problems.append(f"{path}: line {binding.original.line} is not NAME=value")
                    elif binding.key is not None and self._concerns_us(binding.key):
                        found[binding.key] = binding.value or ""
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path} cannot be read: {_reason(error)}")
        return found

    def _read_file(self, name: str, path: Path) -> str:
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_FILE + 1)
            if len(data) > _LARGEST_FILE:
                self.problems.append(f"{name}{_FILE}: {path} is too large for a setting")
                return ""
            text = data.decode("utf-8-sig").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{name}{_FILE}: {path} cannot be read: {_reason(error)}")
            return ""
        if not text:
            self.problems.append(f"{name}{_FILE}: {path} is empty")
        return text


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8 text"
