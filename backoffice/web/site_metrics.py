"""The numbers that belong to the site as a whole and not to the process that is asked: read from the store when they
are asked for, in a few round trips (`System.state`). No label is called `job`: that one is Prometheus' own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backoffice import __version__
from backoffice.domain.system import SiteState

_WORKED: Final[Mapping[str, tuple[str, str, str, float]]] = {
    "runs": ("backoffice_worker_task_runs", "Batches that the workers have done, by what they do", "task", 1),
    "ms": ("backoffice_worker_task_seconds", "Time that the workers have spent, by what they did", "task", 0.001),
    "failures": (
        "backoffice_worker_task_failures",
        "Batches that failed and are tried again, by what they do",
        "task",
        1,
    ),
    "trips": ("backoffice_worker_store_trips", "Round trips of the workers to the store", "kind", 1),
    "trip_us": ("backoffice_worker_store_seconds", "Time of these", "kind", 0.000001),
    "lost": ("backoffice_worker_store_failures", "Those that brought no answer", "kind", 1),
    "chunks": ("backoffice_worker_chunks", "Chunks that the workers have read and found damaged", "act", 1),
}
"""By the first part of a name in `SiteNumbers.worked`: name, help, label, and what its numbers are multiplied by."""
_ALWAYS: Final = ("chunks:damaged", "lost:read", "lost:script", "lost:write")
"""What is told before it has happened, so that the first one is a rise."""
_SAVED: Final = ("aof_last_write_status", "rdb_last_bgsave_status")


class SiteCollector(Collector):
    """Metrics of one state."""

    def __init__(self, state: SiteState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from self._about()
        yield from self._store()
        yield from self._amounts()
        yield from self._worked()
        yield from self._backups()

    def _about(self) -> Iterator[Metric]:
        state = self._state
        yield _one("backoffice_workers", "Background workers alive", len(state.workers))
        info = GaugeMetricFamily("backoffice_info", "Version of the product; always 1", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        level = GaugeMetricFamily("backoffice_durability_info", "What a 201 promises; always 1", labels=["level"])
        level.add_metric([state.durability], 1)
        yield level
        yield _one("backoffice_room", "Whether there is room, so that uploads are taken: 1 or 0", state.room)

    def _store(self) -> Iterator[Metric]:
        """Of a cluster, of the server with the largest memory use; its replicas, of the primary with the fewest."""
        info = self._state.store
        used, most = (int(info.get(name, 0)) for name in ("used_memory", "maxmemory"))
        yield _one("backoffice_store_memory_used_bytes", "Memory that the store uses", used)
        yield _one("backoffice_store_memory_max_bytes", "Memory that the store may use; 0 = no limit", most)
        clients, replicas = (int(info.get(name, 0)) for name in ("connected_clients", "replicas_near"))
        yield _one("backoffice_store_connections", "Connections to the store", clients)
        yield _one("backoffice_store_replicas", "Replicas of the store that keep up with it", replicas)
        saved = all(info.get(name, "ok") == "ok" for name in _SAVED)
        yield _one("backoffice_store_persistent", "Whether the store could write what it has to keep: 1 or 0", saved)

    def _amounts(self) -> Iterator[Metric]:
        numbers = self._state.numbers
        yield _one("backoffice_files", "Files that are there, the trash not counted", numbers.files)
        yield _one("backoffice_uploads_open", "Uploads under way", numbers.uploads)
        jobs = GaugeMetricFamily("backoffice_jobs", "Jobs that people started, by state", labels=["state"])
        for state, count in numbers.jobs.items():
            jobs.add_metric([state], count)
        yield jobs
        due = GaugeMetricFamily(
            "backoffice_queue_due", "What waits for a worker, by what it waits for", labels=["queue"]
        )
        oldest = GaugeMetricFamily(
            "backoffice_queue_oldest_seconds", "How long the first of these has waited", labels=["queue"]
        )
        for queue in numbers.queues:
            due.add_metric([queue.name], queue.due)
            oldest.add_metric([queue.name], queue.oldest_ms / 1000)
        yield due
        yield oldest

    def _worked(self) -> Iterator[Metric]:
        done = self._state.numbers.worked
        tasks = [name.partition(":")[2] for name in done if name.startswith("runs:")]
        worked = {**dict.fromkeys(_ALWAYS, 0), **{f"failures:{task}": 0 for task in tasks}, **done}
        for part, (name, about, label, unit) in _WORKED.items():
            family = CounterMetricFamily(name, about, labels=[label])
            for key, number in sorted(worked.items()):
                kind, _, value = key.partition(":")
                if kind == part:
                    family.add_metric([value], number * unit)
            yield family

    def _backups(self) -> Iterator[Metric]:
        """Of what never was there is no time."""
        notes = self._state.numbers.backups
        for name, about, note in (
            ("backoffice_backup_made_timestamp_seconds", "When the last backup was made", notes.made),
            ("backoffice_backup_proven_timestamp_seconds", "When one was last restored on trial", notes.proven),
        ):
            family = GaugeMetricFamily(name, about, labels=[])
            if note is not None:
                family.add_metric([], note.at / 1000)
            yield family
        failed = bool(notes.failed)
        yield _one("backoffice_backup_failed", "Whether the last scheduled backup or proof failed: 1 or 0", failed)


def _one(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
