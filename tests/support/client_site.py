"""A site with small chunks, and people who use `upload` and `download` with it."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backoffice.cli import main
from backoffice.client.http import Client
from backoffice.client.local_file import checksum
from backoffice.secret import Secret
from tests.support.servers import ROOT, Site

CHUNK = 64 * 1024
SIZE = 20 * CHUNK + 4321
PASSWORD = "violet-harbour-93"
MANAGE = [sys.executable, str(ROOT / "manage.py")]


@contextmanager
def small_chunks(data: Path) -> Iterator[str]:
    """The address of a site whose chunks are small, with its data in that directory."""
    running = Site.start(
        data, "--workers", "1", environ={"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_CHUNK_SIZE": "64KiB"}
    )
    try:
        yield running.ready()
    finally:
        running.close()


def noise(size: int, seed: int) -> bytes:
    return hashlib.shake_256(bytes([seed])).digest(size)


@dataclass(slots=True)
class Person:
    """Somebody new on the site, with a token, in a directory of their own."""

    name: str
    token: str
    home: Path
    run: Callable[..., tuple[int, str, str]]
    client: Client

    def file(self, name: str, size: int = SIZE, seed: int = 1) -> Path:
        path = self.home / name
        path.write_bytes(noise(size, seed))
        return path

    def files(self) -> dict[str, dict[str, Any]]:
        return {item["name"]: item for item in self.client.list_items("/files", [])}

    def open_uploads(self) -> list[dict[str, Any]]:
        return list(self.client.list_items("/uploads", []))

    def begin(self, name: str, data: bytes, indexes: range) -> str:
        """An upload that somebody began and left."""
        file_id = ""
        for index in indexes:
            piece = data[index * CHUNK : (index + 1) * CHUNK]
            query = [
                *([("file_id", file_id)] if file_id else [("total_size", str(len(data))), ("name", name)]),
                ("chunk_index", str(index)),
                ("total_chunks", str(-(-len(data) // CHUNK))),
                ("checksum", checksum(piece)),
            ]
            file_id = self.client.request("POST", "/upload_chunk", query=query, body=piece).json()["file_id"]
        return file_id

    def environ(self) -> dict[str, str]:
        return {**os.environ, "BACKOFFICE_TOKEN": self.token}


@contextmanager
def somebody(
    url: str, data: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Person]:
    """A new user of the site at `url`, whose commands run in `home`."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("BACKOFFICE_DATA_DIR", str(data))

    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    name = f"u{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    assert run("user", "create", name, "--password", typed=PASSWORD + "\n")[0] == 0
    status, token, said = run("token", "create", "--user", name, "--days", "1")
    assert status == 0, said
    monkeypatch.setenv("BACKOFFICE_TOKEN", token.strip())
    with closing(Client(url, Secret(token))) as client:
        yield Person(name, token.strip(), home, run, client)


def ids(out: str) -> dict[str, str]:
    """Name -> id, from what `upload` says."""
    return {line.split("\t")[1]: line.split("\t")[0] for line in out.splitlines()}
