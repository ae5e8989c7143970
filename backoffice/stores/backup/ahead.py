"""Reading the next ones while one is used, and working on while what came before is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from threading import Event, Thread
from typing import Any, Final, Self, TypeVar

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


class Behind:
    """Carries out in a thread what it is given, in that order; a few wait. With `with`: all is done at its end."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "behind")
        self._waiting = deque[Future[None]]()

    def do(self, act: Callable[[], None]) -> None:
        """This one, too. Raises what one of those before has raised."""
        while len(self._waiting) >= _FEW:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(act))

    def wait(self) -> None:
        """All that was given is done. Raises what one of them has raised."""
        while self._waiting:
            self._waiting.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            # What follows, such as emptying the store, comes after all that was begun.
            self._pool.shutdown(cancel_futures=True)
