"""Memory for bodies: one at a time has it, and it is used again."""

from __future__ import annotations

import pytest

from backoffice.web.body_buffers import Buffers


def whole(view: memoryview) -> object:
    return view.obj


def test_the_next_body_has_the_memory_of_the_last() -> None:
    buffers = Buffers(size=100, least=10, kept=2)
    with buffers.lent() as allocate:
        first = allocate(100)
        first[:] = b"x" * 100
    with buffers.lent() as allocate:
        second = allocate(60)
        assert len(second) == 60
        assert whole(second) is whole(first)


def test_two_at_once_never_share() -> None:
    buffers = Buffers(size=100, least=10, kept=2)
    with buffers.lent() as one, buffers.lent() as other:
        views = [one(100), other(100), one(50)]
        assert len({id(whole(view)) for view in views}) == 3


def test_what_is_too_small_or_too_large_for_it_has_its_own() -> None:
    buffers = Buffers(size=100, least=10, kept=2)
    for length in (0, 9, 101):
        with buffers.lent() as allocate:
            first = allocate(length)
        with buffers.lent() as allocate:
            assert whole(allocate(length)) is not whole(first)
            assert len(first) == length


def test_an_error_gives_it_back() -> None:
    buffers = Buffers(size=100, least=10, kept=2)
    lent: list[memoryview] = []

    def fail() -> None:
        with buffers.lent() as allocate:
            lent.append(allocate(100))
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    with buffers.lent() as allocate:
        assert whole(allocate(100)) is whole(lent[0])


def test_only_a_few_are_kept() -> None:
    buffers = Buffers(size=100, least=10, kept=2)
    with buffers.lent() as allocate:
        used = {id(whole(view)): view for view in (allocate(100) for _ in range(5))}
    with buffers.lent() as allocate:
        again = [whole(allocate(100)) for _ in range(5)]
    assert sum(id(one) in used for one in again) == 2
