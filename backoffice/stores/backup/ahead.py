"""The next ones are read while one is used."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Queue
from threading import Event, Thread
from typing import Any, Final, TypeVar

T = TypeVar("T")
_FEW: Final = 2


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made by a thread, few of them in memory."""
    queue: Queue[Any] = Queue(_FEW)
    over = Event()

    def make() -> None:
        try:
            for item in items:
                queue.put((item, None))
                if over.is_set():
                    return
            queue.put((None, StopIteration()))
        except BaseException as error:  # noqa: BLE001 - raised where the items are used
            queue.put((None, error))

    thread = Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
            del item
    finally:
        over.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.01)
