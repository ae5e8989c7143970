"""A HEAD of a tus client waits for the store; nothing else does, and few do at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest

from backoffice.web import patient_head
from backoffice.web.admission import _COUNTED as COUNTED
from backoffice.web.admission import ADMISSION, Admission, leave
from backoffice.web.patient_head import PatientHead


class Store:
    """An application that says 503 so many times, and what it was asked."""

    def __init__(self, failures: int) -> None:
        self.left, self.asked = failures, list[dict[str, Any]]()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append(dict(environ))
        environ["werkzeug.request"] = "left by this turn"
        self.left -= 1
        start_response("503 SERVICE UNAVAILABLE" if self.left >= 0 else "200 OK", [("X-Turn", str(len(self.asked)))])
        return []


def ask(app: PatientHead, method: str = "HEAD", path: str = "/tus/abc") -> str:
    said: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], _failure: Any = None) -> Any:
        said.append(f"{status[:3]} {dict(headers)['X-Turn']}")

    assert not list(app({"REQUEST_METHOD": method, "PATH_INFO": path}, start_response))
    [answer] = said
    return answer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_head, "STEP_SECONDS", 0.01)


@pytest.mark.parametrize("path", ["/tus/abc", "/files/tus/abc"])
def test_it_asks_again_until_there_is_an_answer(path: str) -> None:
    store = Store(3)
    assert ask(PatientHead(store, "/files"), path=path) == "200 4"
    assert all(asked == store.asked[0] for asked in store.asked), "each turn begins as the first one did"


def test_its_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_head, "SECONDS", 0.05)
    store = Store(1000)
    assert ask(PatientHead(store, "")).startswith("503 ")
    assert 1 < len(store.asked) < 1000


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/tus/abc"), ("GET", "/tus/abc"), ("HEAD", "/files/abc")])
def test_nothing_else_waits(method: str, path: str) -> None:
    assert ask(PatientHead(Store(1), ""), method, path) == "503 1"


def test_few_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_head, "STEP_SECONDS", 0.3)
    store = Store(patient_head.WAITING + 1)
    app, answers = PatientHead(store, ""), list[str]()
    threads = [threading.Thread(target=lambda: answers.append(ask(app))) for _ in range(patient_head.WAITING)]
    for thread in threads:
        thread.start()
    while len(store.asked) < patient_head.WAITING:
        pass
    assert ask(app).startswith("503 "), "the places are taken"
    for thread in threads:
        thread.join()
    assert all(answer.startswith("200 ") for answer in answers)


def test_it_is_at_work_once_however_often_it_asks() -> None:
    admission = Admission(3, 3, 1000)
    store = Store(7)

    def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        leave(environ)
        admission.enter("ann", 3)
        environ[COUNTED] = "ann"
        return store(environ, start_response)

    environ = {"REQUEST_METHOD": "HEAD", "PATH_INFO": "/tus/abc", ADMISSION: admission}
    PatientHead(counted, "")(environ, lambda *_: None)
    assert len(store.asked) == 8
    assert admission.at_work() == {"ann": 1}
    leave(environ)
    assert not admission.at_work()
