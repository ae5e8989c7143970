"""`up`: the store, the web server and the worker as one thing that starts, stays up and stops together.

Flask and the Redis client are never imported here: this process must start at once and stay small.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from backoffice.embedded import discovery as locate
from backoffice.embedded.at_rest import Teller, readable
from backoffice.embedded.binary import ServerNotFound
from backoffice.embedded.data_dir import DataDirectoryError, Layout, take_lock, unusable
from backoffice.embedded.disk import shortage
from backoffice.embedded.listen import EVERY_ADDRESS, PortTaken, is_ready, listen, own_names
from backoffice.embedded.processes import Child, Program, describe, would_run
from backoffice.embedded.program_environ import environ_of_programs, without
from backoffice.embedded.signals import Signals
from backoffice.embedded.store import Store, StoreFailed
from backoffice.settings import Settings, local_url, proxy_doubt

WEB_PATIENCE: Final = 35.0  # the web server gives requests 30 s to finish
WORKER_PATIENCE: Final = 15.0
READY_WITHIN: Final = 60.0
NOTICE_WITHIN: Final = 3.0
WATCH_EVERY: Final = 5.0


class StartFailed(Exception):
    """The site did not come up; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` was asked for. `environ` is what the programs get, beside what only the supervisor knows."""

    settings: Settings
    environ: Mapping[str, str]
    demo: bool = False


def up(plan: Plan) -> int:
    """Run everything until told to stop. Returns the exit status."""
    os.umask(0o077)  # whatever is written here or by the programs is this user's alone
    layout = Layout.at(plan.settings.data_dir)
    try:
        layout.prepare()
        with contextlib.ExitStack() as stack:
            lock = take_lock(layout.lock)
            if lock is None:
                return _already(layout)
            stack.enter_context(lock)
            listener = stack.enter_context(listen(plan.settings.host, plan.settings.port))
            signals = Signals()
            stack.callback(signals.close)
            stack.callback(layout.leave)
            stack.callback(layout.record.unlink, missing_ok=True)
            stack.enter_context(readable(layout, plan.settings, Teller(say, lambda: signals.stops > 0)))
            store = None if plan.settings.redis_url else Store(layout, plan.settings, say)
            if store is not None:
                stack.callback(store.close)
            return Supervisor(plan, layout, listener, signals, store).run()
    except (DataDirectoryError, PortTaken, ServerNotFound) as error:
        say(f"Not started: {error}", sys.stderr)
        return 1
    except OSError as error:
        say(f"Stopped: {unusable(Path(error.filename or layout.root), error)}", sys.stderr)
        return 1


def say(text: str, stream: IO[str] | None = None) -> None:
    """Tell the person at the terminal. A terminal that is gone must not keep the programs from being stopped."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=stream or sys.stdout, flush=True)


def _already(layout: Layout) -> int:
    running = locate.find(layout)
    who = f" (process {running.pid}, {running.url})" if running else ""
    say(f"backoffice already runs in {layout.root}{who}. Stop it first, or choose another --data.", sys.stderr)
    return 1


class Supervisor:
    def __init__(
        self, plan: Plan, layout: Layout, listener: socket.socket, signals: Signals, store: Store | None
    ) -> None:
        self._plan, self._layout, self._listener, self._signals = plan, layout, listener, signals
        self._store = store
        self._port = listener.getsockname()[1]  # the one found, where any was asked for
        self._url = local_url(plan.settings.host, self._port)
        self._names = own_names(listener.family) if plan.settings.host in EVERY_ADDRESS else []
        listens_at = store.socket if store is not None else None
        environ = environ_of_programs(plan.environ, plan.settings, layout, self._port, self._names, listens_at)
        python = [sys.executable, "-m", "backoffice"]
        self._web = Child(
            Program(
                name="web",
                command=[*python, "serve", "--fd", str(listener.fileno())],
                environ=without(environ, "BACKOFFICE_ADMIN_PASSWORD"),  # the worker makes the first administrator
                patience=WEB_PATIENCE,
                keep=(listener.fileno(),),
            )
        )
        self._worker = Child(
            Program(
                name="worker",
                command=[*python, "worker"],
                environ=environ,
                patience=WORKER_PATIENCE,
                niceness=5,  # requests go first, the start of the web server too
            )
        )
        self._demo = Child(Program(name="demo", command=[*python, "demo"], environ=environ, patience=5))

    def run(self) -> int:
        """Start, watch, stop. Every way out stops what was started."""
        try:
            self._start()
            self._watch()
        except (StartFailed, StoreFailed) as error:
            say(str(error), sys.stderr)
            return 1
        finally:
            self._stop()
        return 0

    # --- starting

    def _start(self) -> None:
        if self._store is not None:
            say("Starting the store ...")
            self._store.start()
            self._store.wait_until_ready(self._signals.wait)
        locate.announce(
            self._layout, locate.Running(os.getpid(), self._url, str(self._store.socket) if self._store else "")
        )
        if self._signals.stops:
            return
        say("Starting the web server and the worker ...")
        self._web.start()
        notice = self._start_worker_with_notice()
        with notice:
            self._wait_until_ready()
            if not self._signals.stops:
                say(f"Ready: {self._url}")
                self._say_who_reaches_it()
                self._say_what_is_amiss()
                self._pass_on(notice)
        if self._plan.demo and not self._signals.stops:
            self._demo.start()
        if not self._signals.stops:
            say("Press Ctrl-C to stop.")

    def _start_worker_with_notice(self) -> IO[bytes]:
        """Start the worker. The file returned will hold how to sign in, which the worker finds out while the web
        server starts."""
        read, write = os.pipe()
        self._worker.start(["--notice-fd", str(write)], keep=[write])
        os.close(write)
        return os.fdopen(read, "rb", buffering=0)

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN
        why = "it has not answered yet"
        while True:
            ready, why = is_ready(self._url, why)
            if ready or self._signals.wait(0.05):
                return
            for child in (self._web, self._worker):
                status = child.reap()
                if status is not None:
                    raise StartFailed(f"Not started: the {child.program.name} process {describe(status)} (see above).")
            if time.monotonic() > end:
                raise StartFailed(f"Not started: the site is not ready after {READY_WITHIN:.0f} s: {why}")

    def _say_who_reaches_it(self) -> None:
        if self._plan.settings.host not in EVERY_ADDRESS:
            return
        urls = [local_url(name, self._port) for name in self._names]
        say(f"From other machines: {', '.join(urls) or 'no address of this machine is known'}")
        say("  Under other names it answers once they are in BACKOFFICE_ALLOWED_HOSTS. Put TLS in front of it.")

    def _say_what_is_amiss(self) -> None:
        settings = self._plan.settings
        places = [settings.chunks.directory] if settings.chunks.directory is not None else []
        if self._store is not None:
            places.append(self._layout.root)
        for text in filter(None, (*map(shortage, places), proxy_doubt(settings))):
            say(text)

    def _pass_on(self, notice: IO[bytes]) -> None:
        end = time.monotonic() + NOTICE_WITHIN
        text = b""
        while select.select([notice], [], [], max(end - time.monotonic(), 0))[0]:
            more = notice.read(4096)
            if not more:
                break
            text += more
        if text.strip():
            say(text.decode("utf-8", "replace").rstrip())

    # --- running

    def _watch(self) -> None:
        """Restart what ends, each after its own delay, until told to stop."""
        looked = time.monotonic()
        while not self._signals.stops:
            now = time.monotonic()
            children = [child for child in self._children() if child is not self._demo]
            dues = [child.due for child in children if child.due is not None]
            self._signals.wait(min([WATCH_EVERY, *(due - now for due in dues)]))
            self._reap_demo()
            for child in children:
                self._revive(child)
            if self._signals.restart:
                self._signals.restart = False
                self._restart()
            if self._store is not None and time.monotonic() - looked >= WATCH_EVERY:
                looked = time.monotonic()
                self._store.watch()

    def _restart(self) -> None:
        """Web processes and worker anew, by code and settings of now; if they would not run, those that do go on."""
        say("Restarting the web processes and the worker ...")
        if not would_run(self._web.program, READY_WITHIN):
            say("Not restarted: they would not run (see above). Those that run go on.", sys.stderr)
            return
        self._web.ask_to_restart()
        self._worker.stop(self._signals.wait)
        if not self._signals.stops:
            self._worker.start()

    def _revive(self, child: Child) -> None:
        status = child.reap()
        if status is not None and not self._signals.stops:
            say(
                f"The {child.program.name} process {describe(status)}; starting it again in {child.delay:.0f} s.",
                sys.stderr,
            )
            if self._store is not None and child is self._store.child and status >= 0:
                self._judge_store(self._store)
        if child.due is not None and child.due <= time.monotonic() and not self._signals.stops:
            if self._store is not None and child is self._store.child:
                self._store.start()
            else:
                child.start()

    def _judge_store(self, store: Store) -> None:
        why = store.explain()
        if store.damaged():
            raise StoreFailed(why)
        say(why, sys.stderr)

    def _reap_demo(self) -> None:
        status = self._demo.reap()
        self._demo.due = None
        if status:
            say(f"Loading the demonstration data failed: it {describe(status)} (see above).", sys.stderr)

    def _children(self) -> list[Child]:
        """In the order they are stopped: nobody loses what it still needs."""
        store = [self._store.child] if self._store is not None else []
        return [self._demo, self._web, self._worker, *store]

    def _stop(self) -> None:
        """Stop everything in order. A second signal shortens the patience, except with the store, which must write."""
        running = [child for child in self._children() if child.running]
        if not running:
            return
        say("Stopping ...")
        self._listener.close()  # else the system goes on to let clients connect, whom nobody answers
        before = self._signals.stops
        for child in running:
            hurried = child is not (self._store.child if self._store else None)

            def pause(seconds: float, hurried: bool = hurried) -> bool:
                self._signals.wait(seconds)
                return hurried and self._signals.stops > max(before, 1)

            if not child.stop(pause):
                say(f"The {child.program.name} process did not stop in time and was killed.", sys.stderr)
        say("Stopped.")
