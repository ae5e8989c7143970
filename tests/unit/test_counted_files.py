"""What web processes counted is one number, whoever of them lives, and files of the others do not pile up."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from backoffice.web.counted_files import bring_together, reading

LIVES = 400


def lives(pid: int) -> bool:
    return pid == LIVES


def counted(directory: Path, pid: int, number: float) -> None:
    """What a process with this number would have left."""
    for kind, mode in (("counter", ""), ("histogram", ""), ("gauge", "_livesum")):
        file = MmapedDict(str(directory / f"{kind}{mode}_{pid}.db"))
        names = {"counter": "things_total", "histogram": "took_sum", "gauge": "held"}
        if kind == "histogram":
            for bound in ("1.0", "+Inf"):
                file.write_value(mmap_key("took", "took_bucket", ["le"], [bound], "Took"), number, 0.0)
        file.write_value(mmap_key(names[kind].rpartition("_")[0] or "held", names[kind], [], [], "A"), number, 0.0)
        file.close()


def told(directory: Path) -> dict[str, float]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))
    lines = generate_latest(registry).decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if not line.startswith("#")}


def test_what_those_that_ended_counted_stays_in_one_file(tmp_path: Path) -> None:
    for pid in (*range(100, 140), LIVES):
        counted(tmp_path, pid, 2.5)
    before = told(tmp_path)
    assert bring_together(str(tmp_path), lives)
    assert {one.name for one in tmp_path.iterdir()} == {
        "counter_ended.db",
        "histogram_ended.db",
        *(f"{kind}_{LIVES}.db" for kind in ("counter", "histogram", "gauge_livesum")),
    }
    assert told(tmp_path) == {**before, "held": 2.5}
    assert before["things_total"] == 41 * 2.5
    counted(tmp_path, 140, 1.0)
    assert bring_together(str(tmp_path), lives)
    assert told(tmp_path)["things_total"] == 41 * 2.5 + 1
    assert told(tmp_path)['took_bucket{le="+Inf"}'] == 2 * (41 * 2.5 + 1)
    assert len(list(tmp_path.iterdir())) == 5


def test_nothing_goes_away_while_somebody_reads(tmp_path: Path) -> None:
    counted(tmp_path, 100, 1.0)
    with reading(str(tmp_path)), reading(str(tmp_path)):
        assert not bring_together(str(tmp_path), lives)
        assert told(tmp_path)["things_total"] == 1
    assert bring_together(str(tmp_path), lives)


@pytest.mark.parametrize("content", [b"", b"\x00" * 65536, b"\xff\xff\x00\x00" + b"\x7f" * 100])
def test_a_file_that_was_not_finished_keeps_nobody_from_the_others(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "counter_100.db").write_bytes(content)
    counted(tmp_path, 101, 3.0)
    assert bring_together(str(tmp_path), lives)
    assert told(tmp_path)["things_total"] == 3


def test_nothing_is_written_where_all_live(tmp_path: Path) -> None:
    counted(tmp_path, LIVES, 1.0)
    before = {one.name: one.stat().st_mtime_ns for one in tmp_path.iterdir()}
    assert bring_together(str(tmp_path), lives)
    assert {one.name: one.stat().st_mtime_ns for one in tmp_path.iterdir()} == before
