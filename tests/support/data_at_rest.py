"""A data directory that is encrypted at rest, or is to be, and what is in it."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import pytest

from backoffice.embedded.at_rest import Teller, readable
from backoffice.embedded.data_dir import DataDirectoryError, Layout
from backoffice.settings import Secret, Settings

KEY: Final = b64encode(bytes(range(32))).decode()
CANARY: Final = b"the canary sings in the mine at night"
SECRET: Final = "a signing key of more than thirty-two characters"
HELD: Final = {
    "appendonlydir/appendonly.aof.manifest": b"file appendonly.aof.1.incr.aof seq 1 type i\n",
    "appendonlydir/appendonly.aof.1.incr.aof": CANARY * 40_000,
    "store.log": CANARY,
    "password": b"secret\n",
    "empty": b"",
}
FEW: Final = {"appendonlydir/appendonly.aof.1.incr.aof": CANARY * 100, "store.log": CANARY}


def settings(encrypt: int = 1, keys: str = KEY) -> Settings:
    return Settings(encrypt_data=encrypt, encryption_keys=tuple(Secret(key) for key in keys.split(",") if key))


def fill(layout: Layout, what: Mapping[str, bytes] = HELD) -> None:
    for name, data in what.items():
        path = layout.store / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    layout.outer_secret.write_text(SECRET + "\n")
    layout.used.touch()


def held(layout: Layout) -> dict[str, bytes]:
    found = (path for path in layout.store.rglob("*") if path.is_file())
    ours = {"store.lock", layout.inner_secret.name}
    return {str(path.relative_to(layout.store)): path.read_bytes() for path in found if path.name not in ours}


def opened(layout: Layout, how: Settings, said: list[str] | None = None) -> contextlib.AbstractContextManager[None]:
    return readable(layout, how, Teller((said if said is not None else []).append))


def refused(layout: Layout, how: Settings, told: str) -> None:
    with pytest.raises(DataDirectoryError, match=told) as error, opened(layout, how):
        pass
    assert "\n" not in str(error.value)
