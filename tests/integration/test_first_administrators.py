"""Whether anybody can sign in, where `serve` and `worker` are started by themselves."""

from __future__ import annotations

import secrets
from types import SimpleNamespace
from typing import Final

import pytest

from backoffice.commands import worker
from tests.support.commands import Run

PASSWORD: Final = "violet-harbour-93-lantern"


def administrators(run: Run) -> str:
    """What `doctor` says of them."""
    return next(line for line in run("doctor")[1].splitlines() if line[8:].startswith("administrators: "))


def test_doctor_tells_that_there_is_none(run: Run) -> None:
    assert administrators(run).startswith("warning administrators: there is none: `worker --notice`")
    assert run("user", "create", "rosa", "--role", "admin")[0] == 0
    assert administrators(run).startswith("warning")  # invited, which lets nobody in yet
    assert run("user", "set-password", "rosa", typed=f"{PASSWORD}\n")[0] == 0
    assert administrators(run).startswith("ok")


def test_a_worker_makes_them_where_there_is_a_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without `--notice`; it says nothing of it then."""
    monkeypatch.setattr(worker, "make_worker", lambda *_: SimpleNamespace(run=lambda: None))
    monkeypatch.setattr(worker, "configure", lambda _: None)
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setenv("APP_SECRET_KEY", secrets.token_urlsafe(48))
    monkeypatch.setenv("BACKOFFICE_ADMIN_PASSWORD", PASSWORD)
    assert run("worker") == (0, "", "")
    assert administrators(run).startswith("ok")
