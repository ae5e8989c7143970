"""How the web server ends: nobody is let in who is not answered."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress

import pytest

from tests.integration.test_web_server import head
from tests.support.small_server import everything, running


@pytest.mark.timeout(60)
def test_whoever_could_connect_while_it_stops_is_answered() -> None:
    """A body that is under way keeps it for a while. A socket that stayed open so long would let others connect whom
    nobody answers, which a proxy has to take for a request that was lost."""
    with running() as one, ExitStack() as stack:
        sending = stack.enter_context(one.open())
        sending.sendall(head("/echo", "Content-Length: 3", method="PUT") + b"ab")
        asked, stop = [], time.monotonic() + 20
        with suppress(ConnectionRefusedError):
            while time.monotonic() < stop:
                asked.append(stack.enter_context(one.open()))
                asked[-1].sendall(head("/small"))
                if len(asked) == 3:
                    os.kill(one.process.pid or 0, signal.SIGTERM)
                time.sleep(0.01)
        assert time.monotonic() < stop, "it goes on to let clients connect"
        assert [everything(each)[:12] for each in asked[3:]] == [b"HTTP/1.1 200"] * len(asked[3:])
        sending.sendall(b"c")
        assert everything(sending).endswith(b"abc")
