"""Long bodies are cut, hashed and stored while they arrive."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.errors import BodyCut, TooLarge
from backoffice.services.uploads.chunker import Chunker


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30), st.booleans(), st.integers(1, 3))
def test_arbitrary_splits_give_the_same_chunks(pieces: list[bytes], size: int, known: bool, in_flight: int) -> None:
    whole, stored = b"".join(pieces), {}
    with Chunker(lambda index, data: stored.update({index: bytes(data)}), size, None, in_flight) as chunker:
        for piece in pieces:
            chunker.write(piece)
        written = chunker.finish()
    assert [stored[index] for index in range(len(stored))] == [
        whole[at : at + size] for at in range(0, len(whole), size)
    ]
    assert written.size == len(whole)
    assert written.sha256 == hashlib.sha256(whole).digest()
    assert [chunk.size for chunk in written.chunks] == [len(stored[index]) for index in range(len(stored))]
    source = io.BytesIO(whole)
    with Chunker(lambda *_: None, size, len(whole) if known else None, in_flight) as chunker:
        chunker.read_from(source.readinto)
        assert chunker.finish() == written
        assert chunker.chunks == written.chunks


def test_the_first_failure_comes_out_and_what_was_stored_is_known() -> None:
    def put(index: int, _: memoryview) -> None:
        if index >= 3:
            raise TooLarge(str(index))

    with pytest.raises(TooLarge, match="3"), Chunker(put, 10) as chunker:  # noqa: PT012 -- the whole use is the point
        for _ in range(20):
            chunker.write(bytes(10))
        chunker.finish()
    assert len(chunker.chunks) == 3


def test_few_chunks_are_in_memory() -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def put(*_: object) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.005)
        with lock:
            at_once -= 1

    with Chunker(put, 10) as chunker:
        chunker.write(bytes(200))
        assert len(chunker.finish().chunks) == 20
        assert len(chunker._free) <= 3
    assert most == 2


def test_a_body_of_one_chunk_needs_no_thread() -> None:
    threads = set()
    with Chunker(lambda *_: threads.add(threading.current_thread()), 100) as chunker:
        chunker.write(b"abc")
        chunker.finish()
    assert threads == {threading.current_thread()}


def test_leaving_early_waits_for_what_is_under_way() -> None:
    done = []
    with contextlib.suppress(BodyCut), Chunker(lambda index, _: done.append(time.sleep(0.05) or index), 10) as chunker:
        chunker.write(bytes(25))
        raise BodyCut
    assert sorted(done) == list(range(len(done)))
    assert [chunk.size for chunk in chunker.chunks] == [10] * len(done)


@given(st.binary(max_size=29), st.lists(st.binary(max_size=40)), st.booleans())
def test_what_came_before_begins_the_first_chunk_and_the_rest_is_not_stored(
    prefix: bytes, pieces: list[bytes], known: bool
) -> None:
    body, stored = b"".join(pieces), {}
    announced = len(body) + 1 if known else None  # one byte more than comes: it is cut
    with Chunker(lambda index, data: stored.update({index: bytes(data)}), 30, announced, prefix=prefix) as chunker:
        for piece in pieces:
            chunker.write(piece)
        rest = bytes(chunker.drain())
    assert b"".join(stored[index] for index in range(len(stored))) + rest == prefix + body
    assert {len(chunk) for chunk in stored.values()} <= {30}
    assert len(rest) < 30
