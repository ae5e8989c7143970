"""What is volatile in an answer, by placeholders, and what of a page is compared.

    <ann> <a.txt> …        an identifier, token or link that the script gave a name (`Normal.learn`)
    <now> <now + 60 min>   a time (RFC 3339), as far from now as it is, to five minutes
    <http date>            a date of a header
    <day> <time>           a day in the words of a page, and the time behind it
    <cursor>               where a list goes on
    <request id> <tag> <id> <secret> <token> <nonce> <form token> <entry> <date>
                           what else is random, by its form
    <level>                X-Durability, which depends on the store
    <5000 bytes of …>      bytes that are many or no text, by the beginning of their SHA-256

Security headers that nearly every answer has are left out where they are as in COMMON, and null where they are missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, quote_plus

from werkzeug.test import TestResponse

COMMON = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "Vary": "Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Request-ID": "<request id>",
}
LONG = 2000
"""Bytes of text that stand in the recording as they are."""

_FORMS = (
    (re.compile(r"\bbo_[0-9A-Za-z]{22}_[\w-]{43}"), "<token>"),
    (re.compile(r"(?<=name=\"csrf_token\" value=\")[^\"]+|(?<=csrf_token=)[\w.%-]+"), "<form token>"),
    (re.compile(r"(?<='nonce-)[\w-]+(?=')"), "<nonce>"),
    (re.compile(r"(?<=/setup/)[\w-]{43}"), "<secret>"),
    (re.compile(r"(?<![\w-])[0-9a-f]{64}\.[\w-]{43}|(?<![\w/+-])[\w-]{43}(?![\w=-])"), "<secret>"),
    (re.compile(r"(?<![\w+-])[0-9A-Za-z]{22}(?![\w=+-])"), "<id>"),
    (re.compile(r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "<http date>"),
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16}(?![0-9A-Za-z])"), "<request id>"),
    (re.compile(r"(?<=\")[0-9a-f]{32}(?=\")"), "<tag>"),
    (re.compile(r"(?<!\d)\d{13}-\d+"), "<entry>"),
    (re.compile(r"20\d\d-\d\d-\d\d_\d\d-\d\d-\d\d"), "<date>"),
    (re.compile(r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b(?: 20\d\d)?"), "<day>"),
    (re.compile(r"(?<=<day>, )\d\d:\d\d UTC"), "<time>"),
)
_NEWER_WORDS = {
    "Request Entity Too Large": "Content Too Large",
    "Requested Range Not Satisfiable": "Range Not Satisfiable",
}
"""Names of statuses that Python took over from RFC 9110 in 3.13."""
_TIME = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00| UTC)?")
_EACH_COOKIE = re.compile(r"^([\w-]+)=[^;]*")


class Normal:
    """Knows the values of one session that have names."""

    def __init__(self, level: str) -> None:
        self._level = level
        self._names: dict[str, str] = {}

    def learn(self, label: str, value: str) -> str:
        for form in {value, quote(value, safe=""), quote_plus(value)}:
            self._names[form] = f"<{label}>"
        return value

    def text(self, text: str) -> str:
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        for older, newer in _NEWER_WORDS.items():
            text = text.replace(older, newer)
        for pattern, placeholder in _FORMS:
            text = pattern.sub(placeholder, text)
        return _TIME.sub(_from_now, text)

    def value(self, value: Any) -> Any:
        """JSON with all its texts normalised."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            for name in ("next_cursor", "cursor"):
                if isinstance(value.get(name), str) and value[name]:
                    self.learn("cursor", value[name])
            return {self.text(name): self.value(one) for name, one in value.items()}
        return value

    def bytes(self, data: bytes) -> Any:
        """Text as it is; else how many bytes and which."""
        text = data.decode("utf-8", "replace")
        if len(data) <= LONG and "\ufffd" not in text and not re.search(r"[\x00-\x08\x0e-\x1f]", text):
            return self.text(text)
        if data.startswith(b"PK\3\4") and data[-22:-18] == b"PK\5\6":  # it has the times of its files
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return f"<{len(data)} bytes of a ZIP archive: {', '.join(archive.namelist())}>"
        return f"<{len(data)} bytes of SHA-256 {hashlib.sha256(data).hexdigest()[:12]}…>"

    # -- an answer

    def headers(self, answer: TestResponse) -> dict[str, Any]:
        """What differs from COMMON. `Date` is the server's; the length follows from the body, but not without one."""
        found: dict[str, Any] = {}
        for name in sorted(set(answer.headers.keys()) - {"Date", "Set-Cookie"}):
            value = ", ".join(answer.headers.getlist(name))
            if name in {"Allow", "Vary"}:  # sets
                value = ", ".join(sorted(part.strip() for part in value.split(",")))
            found[name] = self._level_of(name, self.text(value))
        if (
            answer.mimetype in {"application/json", "application/problem+json", "text/html"}
            or answer.request.path == "/metrics"
        ):
            found.pop("Content-Length", None)
        cookies = [_EACH_COOKIE.sub(r"\1=…", line) for line in answer.headers.getlist("Set-Cookie")]
        if cookies:
            found["Set-Cookie"] = sorted(self.text(line) for line in cookies)
        return {name: found.get(name) for name in sorted({*found, *COMMON}) if found.get(name) != COMMON.get(name)}

    def _level_of(self, name: str, value: str) -> str:
        return "<level>" if name == "X-Durability" and value == self._level else value

    def body(self, answer: TestResponse) -> Any:
        if not answer.data:
            return None
        if answer.mimetype in {"application/json", "application/problem+json"}:
            return self.value(json.loads(answer.text))
        if answer.mimetype == "text/html":
            return self.value(Page.of(answer.text).shown())
        if answer.mimetype == "text/csv" and "export" in answer.request.path:
            return [self.text(line) for line in answer.text.splitlines()]
        if answer.request.path == "/metrics":
            return sorted(line for line in answer.text.splitlines() if line.startswith("# TYPE backoffice"))
        return self.bytes(answer.data)


def _from_now(found: re.Match[str]) -> str:
    text = found[0].removesuffix(" UTC").replace(" ", "T")
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    minutes = 5 * round((moment - datetime.now(UTC)).total_seconds() / 300)
    return f"<now {'+' if minutes > 0 else '-'} {abs(minutes)} min>" if minutes else "<now>"


class Page(HTMLParser):
    """What a page promises to scripts and to habit: title, headings, columns, messages, and forms with their fields."""

    _HEADINGS = frozenset({"title", "h1", "h2", "th", "caption"})
    _VOID = frozenset({"input", "br", "img", "meta", "link", "hr", "col", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self._texts: dict[str, list[str]] = {}
        self._forms: dict[str, list[str]] = {}
        self._form = ""

    @classmethod
    def of(cls, text: str) -> Page:
        page = cls()
        page.feed(text)
        return page

    def shown(self) -> Mapping[str, Any]:
        found: dict[str, Any] = {"title": "".join(self._texts.get("title", []))}
        for name in ("h1", "h2", "th", "message"):
            texts = [" ".join(text.split()) for text in self._texts.get(name, [])]
            if texts := [text for text in dict.fromkeys(texts) if text]:
                found[name] = texts
        forms = {name: fields for name, fields in self._forms.items() if not name.startswith("POST #")}
        if forms:
            found["forms"] = forms
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: Mapping[str, str] = {name: value or "" for name, value in attrs}
        if tag == "form":
            shared = "action" not in given and "id" in given
            address = f"#{given['id']}" if shared else given.get("action", "")
            self._form = f"{given.get('method', 'get').upper()} {address}"
            self._forms.setdefault(self._form, [])
        elif tag == "button" and "formaction" in given:
            # One of many buttons of a form without an address: each sends the form to its own.
            fields = self._forms[f"POST #{given['form']}"]
            self._forms.setdefault(f"POST {given['formaction']}", list(fields))
        elif tag in {"input", "select", "textarea", "button"} and given.get("name"):
            self._field(tag, given)
        kind = self._kind(tag, given)
        if kind:
            self._texts.setdefault(kind, []).append("")
        if tag not in self._VOID:
            self._open.append((tag, kind))

    def handle_endtag(self, tag: str) -> None:
        while any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break
        if tag == "form":
            self._form = ""

    def handle_data(self, data: str) -> None:
        for kind in {kind for _, kind in self._open if kind}:
            self._texts[kind][-1] += data

    def _kind(self, tag: str, given: Mapping[str, str]) -> str:
        if tag in self._HEADINGS:
            # The page's own title, and not that of a picture in it.
            return "" if tag == "title" and any(name == "svg" for name, _ in self._open) else tag
        classes = given.get("class", "").split()
        return "message" if "flash" in classes or given.get("role") == "alert" else ""

    def _field(self, tag: str, given: Mapping[str, str]) -> None:
        value = f"={given.get('value', '')}" if given.get("type") in {"radio", "checkbox"} or tag == "button" else ""
        fields = self._forms.setdefault(self._form, [])
        if (said := f"{given['name']}{value}") not in fields:
            fields.append(said)
