"""The embedded store of a data directory while a command needs it, without the site."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from backoffice.embedded.at_rest import Teller, readable
from backoffice.embedded.data_dir import DataDirectoryError, Layout, read_secret, take_lock
from backoffice.embedded.discovery import socket_url
from backoffice.embedded.store import Store, StoreFailed
from backoffice.settings import Secret, Settings


@contextmanager
def store_running(layout: Layout, settings: Settings, say: Callable[[str], None]) -> Iterator[Settings]:
    """The settings with the address of the store, which ends with the block. Raises DataDirectoryError, also where `up`
    runs in the directory."""
    layout.prepare()
    with ExitStack() as stack:
        lock = take_lock(layout.lock)
        if lock is None:
            raise DataDirectoryError(f"`up` is running in {layout.root}: stop it first")
        stack.enter_context(lock)
        stack.callback(layout.leave)
        stack.enter_context(readable(layout, settings, Teller(say)))
        store = Store(layout, settings, say)
        stack.callback(store.close)
        stack.callback(store.child.stop, _paused)
        store.start()
        try:
            store.wait_until_ready(_paused)
        except StoreFailed as error:
            raise DataDirectoryError(str(error)) from error
        password = Secret(read_secret(layout.store_password))
        yield dataclasses.replace(settings, redis_url=socket_url(str(store.socket)), redis_password=password)


def _paused(seconds: float) -> bool:
    """Nobody is in a hurry."""
    time.sleep(seconds)
    return False
