"""`worker`: what runs in the background, alone, for containers and for `up`."""

from __future__ import annotations

import os
import signal
import threading

import click

from backoffice.commands.cli_settings import load_to_serve
from backoffice.commands.naming_store import naming_store
from backoffice.composition import store_client
from backoffice.logs import configure
from backoffice.settings import Settings
from backoffice.start import first_admin_notice, make_worker, prepare_store


@click.command("worker")
@click.option("--notice", is_flag=True, help="Say first how to sign in.")
@click.option("--notice-fd", type=click.IntRange(0, 65535), hidden=True, help="Where to write how to sign in.")
def command(notice_fd: int | None, *, notice: bool) -> int:
    """Run the worker: expiry, purging, checksums. Any number may run, on any number of hosts."""
    settings = load_to_serve()
    configure(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with naming_store(settings):
        _prepare(settings, notice_fd, notice=notice)
    make_worker(settings, stop).run()
    return 0


def _prepare(settings: Settings, notice_fd: int | None, *, notice: bool) -> None:
    if notice_fd is not None:
        with os.fdopen(notice_fd, "w", encoding="utf-8") as reader:
            reader.write(first_admin_notice(settings))
        return
    if not notice and settings.admin_password is None:
        prepare_store(settings, store_client(settings))
        return
    text = first_admin_notice(settings)
    if notice:
        click.echo(text)
