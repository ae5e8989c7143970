"""A site on a new store, used over HTTP alone, and a record of everything that was asked and answered."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.domain.nouns import all_permissions
from backoffice.settings import Settings
from tests.recorded.normal import Normal
from tests.support.people import Cheap
from tests.support.website import COMPILED

PASSWORD = "violet-harbour-93-lantern"
KIB = 1024
OCTETS = {"Content-Type": "application/octet-stream"}
NO_ID = "0123456789abcdefghijkl"
"""An identifier that nothing has."""
ENVIRON = {
    "APP_SECRET_KEY": "zV4k-9s1QyXw7Lr2TtBn6HcMf0JdGpAe8uRi5oEb",
    "BACKOFFICE_CHUNK_SIZE": "64KiB",
    "BACKOFFICE_MAX_CHUNK_SIZE": "64KiB",
    "BACKOFFICE_MAX_FILE_SIZE": "200KiB",
    "BACKOFFICE_MAX_CHUNKS": "100",
    "BACKOFFICE_QUOTA_BYTES": "400KiB",
    "BACKOFFICE_MAX_OPEN_UPLOADS": "4",
}
"""Small limits, so that each can be reached."""

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_BEARER = re.compile(r"bo_[0-9A-Za-z]{22}_[\w-]{43}")
_SETTLE = 0.003
"""Seconds after a change, so that no two records have the same time: lists by time have one order."""


class Recorded:
    """One site, and people on it: each with a token for the API and a browser for the pages."""

    def __init__(self, client: Redis) -> None:
        imitated = "fakeredis" in type(client).__module__
        if imitated:
            # It has no INFO.
            facts = {"aof_enabled": 0, "used_memory": 10_000_000, "maxmemory": 0}
            client.info = lambda: facts  # type: ignore[method-assign]
        settings = Settings.from_env(ENVIRON)
        self.store = client
        passwords = Cheap(memory_kib=8, passes=1, words=tuple(sorted(settings.served_hosts)))
        self.services = build_services(settings, client, shebang=not imitated, passwords=passwords)
        self.app = make_web(self.services, settings)
        self.app.jinja_env.bytecode_cache = COMPILED
        self.normal = Normal("memory" if imitated else "os")
        self.exchanges: list[dict[str, Any]] = []
        self.tokens: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self._browsers: dict[str, FlaskClient] = {}
        self._form_tokens: dict[str, str] = {}
        self.services.users.ensure_first_admin(("root",), PASSWORD)

    # -- people; what they do to get in is not recorded here, but in the area of the pages

    def token(self, name: str, *, label: str = "", **fields: Any) -> str:
        """A token that somebody makes for themselves on the account page."""
        self._sign_in(name)
        preset = "custom" if "scope" in fields else "all"
        sent = {"name": label or name, "preset": preset, "days": "30", **fields}
        page = self._form(name, "/account/tokens", sent)
        found = _BEARER.search(page.text)
        assert found, page.text
        self.tokens[label or name] = self.normal.learn(f"token of {label or name}", found[0])
        self.normal.learn(f"token id of {label or name}", found[0].split("_")[1])
        return found[0]

    def person(self, name: str, *roles: str) -> str:
        """Somebody with a token and, once a form is asked for, a browser; the identifier."""
        if "root" not in self.tokens:
            self.token("root", scope=list(all_permissions()))
            listed = self._bearer("root", "GET", "/admin/users").get_json()["items"]
            self.ids["root"] = self.normal.learn("root", listed[0]["id"])
        body = {"username": name, "password": PASSWORD, "roles": list(roles or ("user",))}
        made = self._bearer("root", "POST", "/admin/users", json=body).get_json()
        self.ids[name] = self.normal.learn(name, made["id"])
        if roles != ("auditor",):  # who has no right to tokens
            self.token(name)
        return str(made["id"])

    def _bearer(self, name: str, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        answer = self.app.test_client().open(path, method=method, headers=headers, buffered=True, **more)
        assert answer.status_code < 300, answer.text
        time.sleep(_SETTLE)
        return answer

    def _sign_in(self, name: str) -> None:
        if name not in self._browsers:
            self._browsers[name] = self.app.test_client()
            self._page(name, "/login")
            answer = self._form(name, "/login", {"username": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            self._page(name, "/account")

    def _page(self, name: str, path: str) -> TestResponse:
        return self._seen(name, self._browsers[name].get(path, headers={"Accept": "text/html"}, buffered=True))

    def _form(self, name: str, path: str, fields: Mapping[str, Any]) -> TestResponse:
        data = {"csrf_token": self._form_tokens.get(name, ""), **fields}
        return self._seen(
            name, self._browsers[name].post(path, data=data, headers={"Accept": "text/html"}, buffered=True)
        )

    def _seen(self, name: str, answer: TestResponse) -> TestResponse:
        """Keep the token of the form that was shown."""
        if answer.mimetype == "text/html" and (found := _TOKEN.search(answer.text)):
            self._form_tokens[name] = found[1]
        if answer.request.method != "GET":
            time.sleep(_SETTLE)
        return answer

    # -- recording

    def call(
        self, who: str, method: str, path: str, *, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> TestResponse:
        """One request with the token of `who` ("nobody": without), recorded. `sent`: `json`, `data` or `body`."""
        sent_headers = dict(headers or {})
        with_token = {"Authorization": f"Bearer {self.tokens[who]}"} if who != "nobody" else {}
        given = {("data" if name == "body" else name): value for name, value in sent.items()}
        answer = self.app.test_client().open(
            path, method=method, headers={**with_token, **sent_headers}, buffered=True, **given
        )
        self._record(who, method, path, sent_headers, sent, answer)
        if method not in {"GET", "HEAD"}:
            time.sleep(_SETTLE)
        return answer

    def page(self, who: str, path: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        """A page in the browser of `who`, recorded. Nobody's browser is new each time."""
        if who == "nobody":
            self._browsers[who] = self.app.test_client()
        elif who not in self._browsers:
            self._sign_in(who)
        asked = {"Accept": "text/html", **(headers or {})}
        answer = self._seen(who, self._browsers[who].get(path, headers=asked, buffered=True))
        self._record(f"{who}'s browser", "GET", path, dict(headers or {}), {}, answer)
        return answer

    def submit(
        self, who: str, path: str, fields: Mapping[str, Any] | None = None, *, forged: bool = False
    ) -> TestResponse:
        """A form with the token of the last page, recorded. `forged`: without the token."""
        if who not in self._browsers:
            self._sign_in(who)
        data = dict(fields or {})
        token = {} if forged else {"csrf_token": self._form_tokens.get(who, "")}
        answer = self._browsers[who].post(path, data={**token, **data}, headers={"Accept": "text/html"}, buffered=True)
        self._record(f"{who}'s browser", "POST", path, {}, {"form": data}, answer)
        return self._seen(who, answer)

    def ask(self, who: str, method: str, path: str, **sent: Any) -> TestResponse:
        """What a page's script asks of the API, with the session and the token of the last form, recorded."""
        if who not in self._browsers:
            self._sign_in(who)
        headers = {"X-CSRFToken": self._form_tokens.get(who, ""), "Accept": "application/json"}
        answer = self._browsers[who].open(path, method=method, headers=headers, buffered=True, **sent)
        self._record(f"{who}'s browser", method, path, {}, sent, answer)
        return answer

    def submit_files(self, who: str, path: str, files: Mapping[str, Any]) -> TestResponse:
        """A form with files that has its token in the address, recorded by their names."""
        names = {field: name for field, (_, name) in files.items()}
        answer = self._browsers[who].post(
            path,
            data=dict(files),
            content_type="multipart/form-data",
            headers={"Accept": "text/html"},
            buffered=True,
        )
        self._record(f"{who}'s browser", "POST", path, {}, {"form": names}, answer)
        return self._seen(who, answer)

    def send_files(self, who: str, content: bytes, content_type: str, to: str = "/my/files") -> TestResponse:
        """The form with files, whose token is in the address, recorded."""
        if who not in self._browsers:
            self._sign_in(who)
        self._page(who, "/")
        path = f"{to}?csrf_token={self._form_tokens[who]}"
        answer = self._browsers[who].post(
            path, data=content, content_type=content_type, headers={"Accept": "text/html"}, buffered=True
        )
        self._record(f"{who}'s browser", "POST", path, {"Content-Type": content_type}, {"body": content}, answer)
        return self._seen(who, answer)

    def learn(self, label: str, answer: TestResponse, field: str = "id") -> str:
        """The identifier in an answer, called `label` in the recording from now on (and in the answer itself)."""
        value: str = answer.get_json()[field]
        self.ids[label] = self.normal.learn(label, value)
        self.record_anew(answer)
        return value

    def record_anew(self, answer: TestResponse) -> None:
        """The last answer, by what was learned of it."""
        last = self.exchanges[-1]
        last |= self._said(answer)

    def _record(
        self,
        who: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        sent: Mapping[str, Any],
        answer: TestResponse,
    ) -> None:
        one: dict[str, Any] = {
            "request": self.normal.text(f"{method} {path}"),
            "who": who,
            "route": self._route(method, path),
        }
        if headers:
            one["sent headers"] = {name: self.normal.text(value) for name, value in headers.items()}
        for name, value in sent.items():
            if name in {"json", "form", "query_string"}:
                one[f"sent {name}"] = self.normal.value(value)
            elif name in {"data", "body"}:
                one["sent"] = self.normal.bytes(value)
            else:
                one[f"sent {name}"] = value
        self.exchanges.append(one | self._said(answer))

    def _said(self, answer: TestResponse) -> dict[str, Any]:
        body = self.normal.body(answer)  # first: the cursor in it is in a header as well
        return {"status": answer.status_code, "headers": self.normal.headers(answer), "answer": body}

    def _route(self, method: str, path: str) -> str:
        """The rule that the address belongs to, "" when to none."""
        try:
            rule, _ = self.app.url_map.bind("localhost").match(path.partition("?")[0], method, return_rule=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is recorded: 404, 405, a redirect
            return f"none ({type(error).__name__})"
        return f"{'GET' if method == 'HEAD' else method} {rule}"
