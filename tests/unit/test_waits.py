"""What one request may wait for the store, in all."""

from __future__ import annotations

import threading

from backoffice.domain.waits import REQUEST_SECONDS, SOON, Waits, begin_waits, current_waits, renew_waits


def test_waits_add_up_and_what_comes_soon_is_none() -> None:
    waits = Waits(5)
    for _ in range(1000):
        waits.count(SOON / 2, answered=True)
    assert waits.left == 5
    waits.count(3, answered=True)
    waits.count(1.5, answered=False)
    assert waits.left == 0.5


def test_while_bytes_come_and_go_each_answer_begins_them_anew() -> None:
    waits = Waits()
    waits.renewed = True
    for _ in range(10):
        waits.count(3, answered=True)
    assert waits.left == REQUEST_SECONDS
    waits.count(3, answered=False)
    waits.count(2, answered=False)
    assert waits.left == 0


def test_each_request_has_its_own_and_a_call_outside_of_one_too() -> None:
    def in_thread() -> None:
        renew_waits()  # nobody's
        current_waits().left = 0
        found.append(current_waits().left)
        for _ in range(2):
            begin_waits()
            found.append(current_waits().left)
            current_waits().left = 1
            found.append(current_waits().left)

    found: list[float] = []
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert found == [REQUEST_SECONDS, REQUEST_SECONDS, 1, REQUEST_SECONDS, 1]
