"""Each fault in its bounded form: nothing that was acknowledged is lost, and nothing is found wrong."""

from __future__ import annotations

import pytest

from tests.faults.run import SEED, tried
from tests.faults.table import FAULTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_that_was_acknowledged_is_lost(name: str) -> None:
    rows = tried(name, FAULTS[name], seed=SEED, full=False)
    assert [(row.fault, row.lost, row.problems) for row in rows if not row.good] == []
    if untried := [row.not_tried for row in rows if row.not_tried]:
        pytest.skip(f"NEEDS {untried[0]}")
