"""What the embedded store writes, encrypted by the file system below it (BACKOFFICE_ENCRYPT_DATA).

`store/` of a data directory has a key of its own, wrapped by the site's in `directory.key`. The kernel has the key
while the store runs. A directory that was there before is encrypted when the store is started next; one that is
encrypted is decrypted only by the command for it, never because a setting is missing.

store/ is      and it is to be    then
plain, empty   encrypted          it gets the key
plain          encrypted          store.other/ gets the key and a copy of all, and the two are exchanged
encrypted      plain              the same the other way round
as it is to be                    store.other/, where there is one, is what is left of that: it goes
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from backoffice.directories import sync_directory
from backoffice.embedded import conversions, convert, fscrypt
from backoffice.embedded.data_dir import (
    DataDirectoryError,
    Layout,
    keep_secret,
    read_secret,
    take_lock,
    unusable,
    write_private,
)
from backoffice.embedded.store import wait_for_lock
from backoffice.errors import KeyMissing
from backoffice.settings import Settings

if TYPE_CHECKING:
    from backoffice.embedded.directory_key import DirectoryKeys

ELSEWHERE: Final = (
    "BACKOFFICE_ENCRYPT_DATA is for the embedded store, and REDIS_URL names another: have its disk encrypted instead"
)
_REMOVE_SECONDS: Final = 3.0
"""How long files may be open still: a command that reads one of them just now, a server that was killed."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Who is told what happens, and says whether to stop. `by`: the system's account whose command it is, "" = it is a
    start."""

    say: Callable[[str], None]
    stopping: Callable[[], bool] = lambda: False
    by: str = ""

    def watch(self) -> convert.Watch:
        return convert.Watch(self.say, self.stopping)


@contextlib.contextmanager
def readable(layout: Layout, settings: Settings, teller: Teller) -> Iterator[None]:
    """What the store wrote can be read, and what it writes is encrypted where the settings say so, until the block
    ends. Whoever calls it has the lock of the data directory. Raises DataDirectoryError."""
    if settings.redis_url and settings.encrypt_data:
        raise DataDirectoryError(ELSEWHERE)
    if settings.redis_url or not settings.encrypt_data:
        _expect_plain(layout)
        conversions.settle(layout, encrypted=False)
        yield
        return
    with _key_in_kernel(layout, settings) as identifier:
        with _os_errors(layout):
            _encrypt(layout, identifier, teller)
            conversions.settle(layout, encrypted=True)
            _take_secret_in(layout, teller, make=not settings.secret_keys)
        yield


def decrypt(layout: Layout, settings: Settings, teller: Teller) -> bool:
    """Make the directory a plain one again; False where it is one. Raises DataDirectoryError, also where `up` runs in
    it."""
    if settings.encrypt_data:
        raise DataDirectoryError("BACKOFFICE_ENCRYPT_DATA is 1, and `up` would encrypt it again: take that away first")
    lock = take_lock(layout.lock) if layout.root.is_dir() else None
    if lock is None:
        raise DataDirectoryError(f"`up` is running in {layout.root}, or there is no such directory: stop it first")
    with lock:
        keys = _keys(layout, settings)
        if keys.state() is None and _policy(layout) is None:
            return False
        with _key_in_kernel(layout, settings), _os_errors(layout):
            if _policy(layout) is not None:
                with wait_for_lock(layout, teller.say):
                    _exchange_for_copy(layout, None, teller, f"Decrypting {layout.store} ...")
            _drop_other(layout, teller)
            _take_secret_out(layout)
        keys.remove()
        return True


def is_locked(layout: Layout) -> bool:
    """Whether the directory is encrypted, and its key is not there: nothing runs in it. Raises DataDirectoryError."""
    policy = fscrypt.policy_of(layout.store)
    return policy is not None and not fscrypt.has_key(layout.root, policy)


def plain_reason(layout: Layout) -> str:
    """Why what the store writes is not encrypted, or will be lost, "" when it is. Raises DataDirectoryError,
    OSError."""
    for directory in (layout.store, *(path for path in layout.store.iterdir() if path.is_dir())):
        if fscrypt.policy_of(directory) is None:
            return f"{directory} is not encrypted"
    if not layout.directory_key.exists():
        return f"{layout.directory_key} is missing, without which nobody will read {layout.store} again"
    return ""


@contextlib.contextmanager
def _key_in_kernel(layout: Layout, settings: Settings) -> Iterator[bytes]:
    """The identifier of the directory's key, made where there is none."""
    keys = _keys(layout, settings)
    policy = _policy(layout)
    try:
        fresh = keys.state() is None
        if fresh and policy is not None:
            raise DataDirectoryError(
                f"{layout.store} is encrypted, and {layout.directory_key} is missing: put it back from a copy; or,"
                " where something else encrypts it, such as the home directory, leave BACKOFFICE_ENCRYPT_DATA at 0"
            )
        if fresh:
            _try_file_system(layout)
        identifier = fscrypt.add_key(layout.root, keys.make() if fresh else keys.key())
    except KeyMissing as error:
        raise DataDirectoryError(str(error)) from error
    try:
        if policy not in {None, identifier}:
            raise DataDirectoryError(
                f"{layout.store} is encrypted by another key than that in {layout.directory_key}: put the right one"
                " back, or, where something else encrypts it, leave BACKOFFICE_ENCRYPT_DATA at 0"
            )
        yield identifier
    finally:
        _take_key_away(layout, identifier)


def _keys(layout: Layout, settings: Settings) -> DirectoryKeys:
    # Who encrypts nothing starts without the library that does: it takes as long as all else of the supervisor.
    from backoffice.embedded.directory_key import DirectoryKeys  # noqa: PLC0415
    from backoffice.site_keys import site_keys_of  # noqa: PLC0415

    return DirectoryKeys(layout, site_keys_of(settings))


def _try_file_system(layout: Layout) -> None:
    """Before a key is kept for it: can it encrypt at all?"""
    fscrypt.remove_key(layout.root, fscrypt.add_key(layout.root, os.urandom(fscrypt.KEY_BYTES)))


def _take_key_away(layout: Layout, identifier: bytes) -> None:
    """Out of the kernel, unless a store of before still ends here, which needs it."""
    with contextlib.suppress(DataDirectoryError, OSError):
        lock = take_lock(layout.store_lock)
        if lock is None:
            return
        lock.close()
    end = time.monotonic() + _REMOVE_SECONDS
    with contextlib.suppress(DataDirectoryError):
        while not fscrypt.remove_key(layout.root, identifier) and time.monotonic() < end:
            time.sleep(0.05)


def _expect_plain(layout: Layout) -> None:
    if fscrypt.policy_of(layout.store) is None or (not layout.directory_key.exists() and not is_locked(layout)):
        return  # or something else encrypts it, such as the whole home directory
    raise DataDirectoryError(
        f"what the store wrote in {layout.store} is encrypted: set BACKOFFICE_ENCRYPT_DATA=1, or, to have it in the"
        " clear again, run `manage.py encryption decrypt-data`"
    )


def _policy(layout: Layout) -> bytes | None:
    if layout.store.is_symlink() or layout.store.is_mount():
        raise DataDirectoryError(
            f"{layout.store} is a link or a disk of its own, and cannot be encrypted or decrypted: let"
            " BACKOFFICE_DATA_DIR name a directory on the disk where the data is to be"
        )
    return fscrypt.policy_of(layout.store)


def _encrypt(layout: Layout, identifier: bytes, teller: Teller) -> None:
    if _policy(layout) is None:
        if any(layout.store.iterdir()):
            with wait_for_lock(layout, teller.say):
                told = f"Encrypting {layout.store}, once: a copy is made, which takes its place ..."
                _exchange_for_copy(layout, identifier, teller, told)
        else:
            conversions.begin(layout, teller.by, encrypted=True)
            fscrypt.encrypt(layout.store, identifier)
    _drop_other(layout, teller)


def _exchange_for_copy(layout: Layout, identifier: bytes | None, teller: Teller, told: str) -> None:
    """Put a copy in the place of the directory, encrypted by the key of that identifier, or plain."""
    teller.say(told)
    other = layout.other
    if other.exists() and fscrypt.policy_of(other) != identifier:
        _drop_other(layout, teller)
    if not other.exists():
        other.mkdir(mode=0o700)
        owner = layout.store.stat()
        if owner.st_uid != os.geteuid():
            os.chown(other, owner.st_uid, owner.st_gid)
        if identifier is not None:
            fscrypt.encrypt(other, identifier)
        sync_directory(layout.root)
    convert.copy(layout.store, other, teller.watch())
    conversions.begin(layout, teller.by, encrypted=identifier is not None)
    convert.exchange(layout.store, other)


def _drop_other(layout: Layout, teller: Teller) -> None:
    if layout.other.exists():
        convert.destroy(layout.other, teller.watch(), legible=fscrypt.policy_of(layout.other) is None)


def _take_secret_in(layout: Layout, teller: Teller, *, make: bool) -> None:
    """The signing key is encrypted, too."""
    outer, inner = layout.outer_secret, layout.inner_secret
    if outer.exists():
        if not inner.exists():
            write_private(inner, read_secret(outer) + "\n")
        convert.overwrite(outer, teller.watch())
        outer.unlink()
    elif make:
        keep_secret(inner)


def _take_secret_out(layout: Layout) -> None:
    outer, inner = layout.outer_secret, layout.inner_secret
    if inner.exists():
        write_private(outer, read_secret(inner) + "\n")
        inner.unlink()


@contextlib.contextmanager
def _os_errors(layout: Layout) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unusable(layout.store, error) from error
