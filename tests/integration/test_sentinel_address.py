"""Where the primary is: each sentinel is asked once, so that a host that is gone does not hide what the others say."""

from __future__ import annotations

import socket
import threading

import pytest

from backoffice.errors import Unavailable
from backoffice.stores.client import SENTINEL_SECONDS, Db, connect
from backoffice.stores.transport import REPEATS


class Mute:
    """A host that takes connections and says nothing on them. `asked`: how many came."""

    def __init__(self) -> None:
        self.asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.asked += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def test_no_sentinel_is_asked_again_before_the_next_one() -> None:
    first, second = Mute(), Mute()
    try:
        db = Db(connect(f"redis+sentinel://127.0.0.1:{first.port},127.0.0.1:{second.port}/main"))
        with pytest.raises(Unavailable):
            db.call("PING")
    finally:
        first.close()
        second.close()
    assert first.asked == second.asked
    assert 1 <= first.asked <= (REPEATS + 1) ** 2
    assert SENTINEL_SECONDS * 2 < 5, "two that are gone leave a request the time to ask the third"
