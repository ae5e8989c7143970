"""Times as text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.times import rfc3339

FIRST = -62135596800_000
LAST = 253402300799_999
"""The years that RFC 3339 has."""


@given(ms=st.integers(FIRST, LAST))
def test_a_time_is_read_back_as_it_was(ms: int) -> None:
    text = rfc3339(ms)
    assert len(text) == len("2026-01-31T12:00:00.000Z")
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    seconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    assert seconds == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_769_860_800_007, "2026-01-31T12:00:00.007Z"),
        (FIRST, "0001-01-01T00:00:00.000Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_as_everybody_writes_them(ms: int, text: str) -> None:
    assert rfc3339(ms) == text
