"""What is no answer over HTTP and relied on all the same: commands, environment names, keys in the store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.testing import CliRunner

from backoffice.cli import cli
from backoffice.settings import table
from tests.recorded.session import OCTETS, Recorded

_ID = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Za-z]{22}(?![0-9A-Za-z])")
_HASH = re.compile(rb"[0-9a-f]{32,64}")


def commands() -> dict[str, list[str]]:
    """Every command and what its --help says."""
    return {" ".join(words): _help(words) for words in _all((), cli)}


def _all(words: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, ...]]:
    yield ("manage.py", *words)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            # click keeps the option as it was for whoever asked first, a test that runs the command by itself too.
            found._help_option = None
            yield from _all((*words, name), found)


def _help(words: tuple[str, ...]) -> list[str]:
    ran = CliRunner().invoke(cli, [*words[1:], "--help"], prog_name="manage.py", terminal_width=100)
    assert ran.exit_code == 0, ran.output
    return ran.output.splitlines()


def settings() -> dict[str, Any]:
    """Every environment name with its default. How many cores the machine has is not recorded."""
    return {name: {"default": _plain(default), "about": about} for name, default, about in table()}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def fill(site: Recorded) -> None:
    """One of everything, made over HTTP."""
    for name in ("ann", "bob"):
        site.person(name)
    role = {"name": "librarian", "permissions": ["files:read"]}
    site.call("root", "POST", "/admin/roles", json=role)
    site.call(
        "root", "POST", "/admin/users", json={"username": "ivan", "email": "ivan@example.org", "quota_bytes": 1000}
    )
    site.submit("ann", "/login", {"username": "ann", "password": "wrong"})
    for name in ("one two.txt", "three.txt", "trashed.txt"):
        site.learn(name, site.call("ann", "PUT", f"/files/{name.replace(' ', '%20')}?tag=red", body=b"hello"))
    site.call("ann", "DELETE", f"/files/{site.ids['trashed.txt']}")
    site.call("ann", "PUT", "/files/three.txt?on_conflict=replace", body=b"hello again")
    site.call("ann", "POST", "/shares", json={"file": site.ids["three.txt"], "role": "user"})
    query = "?chunk_index=0&total_chunks=2&name=open%20one.bin"
    site.call("ann", "POST", f"/upload_chunk{query}", headers=OCTETS, body=b"x")
    _many_chunks(site)
    site.call("ann", "POST", "/admin/roles", json=role)


def _many_chunks(site: Recorded) -> None:
    """More than a group of chunks has."""
    file_id = ""
    for index in range(66):
        known = f"&file_id={file_id}" if file_id else ""
        path = f"/upload_chunk?chunk_index={index}&total_chunks=66{known}"
        file_id = site.call("ann", "POST", path, headers=OCTETS, body=b"x").get_json()["file_id"]
    body = {"file_id": file_id, "name": "many chunks.bin", "total_size": 66}
    site.call("ann", "POST", "/upload_complete", json=body)


def keys(site: Recorded) -> dict[str, Any]:
    """Every key, what is in it by the names of its fields, and whether it expires. Ids and numbers are placeholders."""
    found: dict[str, set[str]] = {}
    for key in site.store.scan_iter(count=1000):
        pattern = _pattern(site, key)
        kind = site.store.type(key).decode()
        life = "expires" if site.store.pttl(key) > 0 else "stays"
        found.setdefault(pattern, set()).add(f"{kind}, {life}{_fields(site, key, kind)}")
    return {pattern: sorted(found[pattern]) for pattern in sorted(found)}


def _pattern(site: Recorded, key: bytes) -> str:
    key = _HASH.sub(b"<hash>", _ID.sub(b"<id>", key))
    # A group has 64 chunks, and the first has no number.
    text = re.sub(r"chunk:(\d+)$", lambda n: f"chunk:<{64 * (int(n[1]) // 64)} and more>", key.decode())
    text = re.sub(r"(:daily:.*):\d+$", r"\1:<day>", text)
    return re.sub(r"<id>''|<hash>''", "<id>''", text)


def _fields(site: Recorded, key: bytes, kind: str) -> str:
    """Names of fields of records; what a zset's members look like is the business of `codec` and `compact_ids`."""
    if kind == "hash" and b":one:" not in key and b":facet:" not in key:
        if b":throttle:" in key:
            return ": who -> failures until"
        names: Mapping[bytes, bytes] = site.store.hgetall(key)
        return f": {' '.join(sorted({re.sub(':.*', ':<…>', name.decode()) for name in names}))}"
    if kind == "stream":
        entries = site.store.xrange(key, count=1)
        return f": {' '.join(name.decode() for name in entries[0][1])}"
    if kind == "zset":
        if b":throttled:" in key:
            return ": who, score a time"
        member, score = site.store.zrange(key, 0, 0, withscores=True)[0]
        shape = (
            "folded text NUL id" if b"\0" in member else f"{len(member)} characters" if len(member) in {20, 22} else ""
        )
        return f": {shape or 'names'}, score {'0' if score == 0 else 'a number'}"
    if kind == "string" and (b":map:" in key or b":by:" in key):
        entry = 53 if b":map:" in key else 8
        return f": {entry} bytes an entry" if site.store.strlen(key) % entry == 0 else ": of another size"
    return ""
