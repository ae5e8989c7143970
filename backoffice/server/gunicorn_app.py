"""gunicorn, configured in code. The application's modules are loaded once, in the master, by whoever hands in how it is
made; each worker builds its own application, with its own connections, after the fork."""

from __future__ import annotations

import gc
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gunicorn.app.base import BaseApplication

from backoffice.server.access_log import AccessLog
from backoffice.server.counts import counts_directory
from backoffice.server.gunicorn_worker import Worker
from backoffice.server.master import Master, Succession
from backoffice.settings import Settings

MAX_CONNECTIONS: Final = 1000  # of one worker
MAX_DESCRIPTORS: Final = 16_384
GRACE: Final = 30  # seconds a request may still take when the server is told to stop


class WebServer(BaseApplication):  # type: ignore[misc] # gunicorn is not typed
    """`make` gives the WSGI application."""

    def __init__(
        self, settings: Settings, make: Callable[[], Any], fd: int | None, succession: Succession | None = None
    ) -> None:
        self.settings, self._make, self._fd, self._succession = settings, make, fd, succession
        super().__init__()

    def run(self) -> None:
        self.master = Master(self, self._succession)
        self.master.run()

    def load_config(self) -> None:
        for name, value in options(self.settings, self._fd).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In each worker, after the fork."""
        return self._make()


def serve(
    settings: Settings, make: Callable[[], Any], *, fd: int | None = None, succession: Succession | None = None
) -> int:
    """Serve what `make` gives until SIGTERM, on the inherited socket `fd` or on the host and port of `settings`."""
    _allow_many_connections()
    # Each worker counts into a file of its own; whichever is asked for /metrics adds them up. Those that are left of
    # before a restart go on counting in the same place.
    inherited = os.environ.get("PROMETHEUS_MULTIPROC_DIR") if succession and succession.predecessors else None
    counts, lock = (Path(inherited), None) if inherited else counts_directory()
    master, os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.getpid(), str(counts)
    try:
        WebServer(settings, make, fd, succession).run()
    finally:
        if os.getpid() == master:  # a worker that ends passes here, too
            shutil.rmtree(counts, ignore_errors=True)
            if lock is not None:
                lock.close()
    return 0


def _allow_many_connections() -> None:
    """A connection takes a descriptor; many systems allow 1,024 or fewer unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def options(settings: Settings, fd: int | None) -> dict[str, Any]:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"fd://{fd}" if fd is not None else f"{host}:{settings.port}",
        "workers": settings.web_workers,
        "worker_class": Worker,
        "threads": settings.web_threads,
        "worker_connections": _connections(settings.web_threads),
        "backlog": 4096,  # as in `embedded/listen.py`
        "keepalive": 30,
        "timeout": 60,  # a worker whose main loop stood still so long is replaced
        "graceful_timeout": GRACE,
        "limit_request_line": 8190,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        # X-Forwarded-* are judged by the application (TRUSTED_PROXIES), which knows all hops; never here.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "forwarder_headers": "",
        "worker_tmp_dir": _memory_directory(),
        "control_socket_disable": True,
        "logger_class": AccessLog,
        "accesslog": "-",
        "loglevel": settings.log_level.lower(),
        "when_ready": _freeze,
        "post_worker_init": _say_ready,
        "child_exit": _note_end,
        "proc_name": "backoffice-web",
    }


def _connections(threads: int) -> int:
    """How many connections a worker holds: not more than there are descriptors, less those for the store and for
    files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else soft - 64 - 4 * threads
    return max(2 * threads, min(MAX_CONNECTIONS, room))


def _memory_directory() -> str | None:
    """Where heartbeat files cost no disk write."""
    shm = Path("/dev/shm")  # noqa: S108 -- gunicorn unlinks the file as soon as it is open
    return str(shm) if shm.is_dir() and os.access(shm, os.W_OK) else None


def _note_end(server: Any, _worker: Any) -> None:
    """Called when a worker has ended."""
    server.some_ended = True


def _say_ready(worker: Any) -> None:
    """Called in a worker that has loaded the application."""
    os.write(worker.app.master.tell_ready, b".")


def _freeze(_server: Any) -> None:
    """Leave what is loaded out of garbage collection, so that workers go on sharing its memory."""
    gc.collect()
    gc.freeze()
