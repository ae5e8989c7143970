"""Where an archive lies: a file, plain or encrypted.

    backoffice sealed backup 1          a line
    {…}                                 a line of JSON: how the file's own key is wrapped
    segments                            12 bytes nonce, ciphertext, 16 bytes tag; the last one is shorter or full

AES-256-GCM. The file's own key is random and wrapped by the key of the operator, or by one that scrypt makes of a pass
phrase, at the cost that the head says. What is authenticated with a segment is the head of the file, its place, and
whether it is the last one: so nothing can be left out, moved or torn off. Nonces are random and not counted, because a
segment that was begun is written once more when a backup goes on, and a counter would come twice; one key is used for
2^32 segments at most.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import astuple, dataclass, field
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backoffice.errors import IntegrityError, Invalid

MAGIC: Final = b"backoffice sealed backup 1\n"
SEGMENT: Final = 1024**2
"""Bytes of a segment before it is encrypted."""
KEY_BYTES: Final = 32
LEAST_PASSPHRASE: Final = 16
_NONCE, _TAG = 12, 16
_STORED: Final = _NONCE + SEGMENT + _TAG
_MARK: Final = "backoffice-backup-key-1:"
_LONGEST_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class Cost:
    """Of scrypt: 128 * n * r bytes of memory, p times."""

    n: int
    r: int
    p: int

    @classmethod
    def told(cls, row: list[int] | None) -> Cost:
        """Out of the head of a file; None = it says none. Raises ValueError for what nobody should be made to bear."""
        if row is None:
            return _UNTOLD
        n, r, p = row
        if not (2 <= n <= _MOST.n and 1 <= r <= _MOST.r and 1 <= p <= _MOST.p):
            raise ValueError
        return cls(n, r, p)

    def derive(self, passphrase: bytes, salt: bytes) -> bytes:
        """A key. Raises ValueError where n is no power of two."""
        memory = 256 * self.n * self.r
        return hashlib.scrypt(passphrase, salt=salt, n=self.n, r=self.r, p=self.p, maxmem=memory, dklen=KEY_BYTES)


COST: Final = Cost(2**15, 8, 1)
"""Of files that are made now."""
_UNTOLD: Final = Cost(2**15, 8, 1)
"""Of those whose head does not say it: this never changes."""
_MOST: Final = Cost(2**19, 8, 16)
"""Half a GiB of memory, half a minute."""


@dataclass(frozen=True, slots=True)
class Key:
    """What opens archives. `secret`: 32 bytes, or the text of a pass phrase."""

    secret: bytes = field(repr=False)
    passphrase: bool

    @classmethod
    def new_text(cls) -> str:
        """The text of a new key file."""
        return _MARK + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"

    @classmethod
    def of_text(cls, text: str) -> Key:
        """The key that a file holds: what `new_text` made, or a pass phrase in one line. Raises Invalid."""
        line = text.strip()
        if not line.startswith(_MARK):
            if len(line) < LEAST_PASSPHRASE or "\n" in line:
                raise Invalid(f"A key file has what `backup key` made, or one line of {LEAST_PASSPHRASE} characters.")
            return cls(line.encode(), passphrase=True)
        try:
            secret = base64.b64decode(line[len(_MARK) :], validate=True)
        except ValueError:
            secret = b""
        if len(secret) != KEY_BYTES:
            raise Invalid("The key file is damaged: it has no key of 32 bytes.")
        return cls(secret, passphrase=False)

    def wrapping(self, salt: bytes, cost: Cost) -> AESGCM:
        """The cipher that wraps the key of a file. `cost`: of a pass phrase. Raises ValueError."""
        if not self.passphrase:
            return AESGCM(hashlib.sha256(b"backoffice backup wrap" + self.secret + salt).digest())
        return AESGCM(cost.derive(self.secret, salt))


class PlainSink:
    """The end of a plain file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def cut(self, at: int) -> None:
        """Go on from there, in the place of what comes after it."""
        self._file.truncate(at)
        self._file.seek(at)

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)

    def close(self) -> None:
        """All of it is in the file."""
        self._file.flush()


class PlainSource:
    """A plain file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self.name = file, name

    @property
    def size(self) -> int:
        """Bytes of all."""
        return os.fstat(self._file.fileno()).st_size

    def read_at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)


class _Cipher:
    """The key and the head of one file."""

    def __init__(self, head: bytes, cipher: AESGCM) -> None:
        self.head, self._cipher, self._digest = head, cipher, hashlib.sha256(head).digest()

    def seal(self, number: int, data: bytes, *, last: bool) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, self._about(number, last=last))

    def open(self, number: int, stored: bytes, *, last: bool) -> bytes:
        """Raises InvalidTag."""
        return self._cipher.decrypt(stored[:_NONCE], stored[_NONCE:], self._about(number, last=last))

    def _about(self, number: int, *, last: bool) -> bytes:
        return self._digest + number.to_bytes(8, "big") + bytes([last])


def new_cipher(key: Key) -> _Cipher:
    """That of a new file."""
    salt, nonce, own = secrets.token_bytes(16), secrets.token_bytes(_NONCE), secrets.token_bytes(KEY_BYTES)
    told: dict[str, Any] = {"by": "passphrase" if key.passphrase else "key", "salt": salt.hex(), "nonce": nonce.hex()}
    if key.passphrase:
        told["scrypt"] = list(astuple(COST))
    about = json.dumps(told, sort_keys=True).encode()
    wrapped = key.wrapping(salt, COST).encrypt(nonce, own, MAGIC + about)
    head = MAGIC + json.dumps({**told, "key": wrapped.hex()}, sort_keys=True).encode() + b"\n"
    return _Cipher(head, AESGCM(own))


def is_sealed(file: BinaryIO) -> bool:
    """Whether it is encrypted."""
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


def has_no_head(file: BinaryIO) -> bool:
    """Whether nothing is in it, or it was stopped while the first line was written."""
    file.seek(0)
    return MAGIC.startswith(file.read(len(MAGIC)))


def cipher_of(file: BinaryIO, key: Key | None, name: str) -> _Cipher:
    """That of an encrypted file. Raises Invalid where the key is missing or another one, IntegrityError."""
    if key is None:
        raise Invalid(f"{name} is encrypted: name the file of its key with --key-file.")
    file.seek(len(MAGIC))
    line = file.readline(_LONGEST_HEAD)
    try:
        told = json.loads(line)
        wrapped, salt, nonce = bytes.fromhex(told.pop("key")), bytes.fromhex(told["salt"]), bytes.fromhex(told["nonce"])
        by, cost = told["by"], Cost.told(told.get("scrypt"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(f"{name}: its head is damaged.") from error
    if by != ("passphrase" if key.passphrase else "key"):
        raise Invalid(f"{name} was encrypted by a {'pass phrase' if by == 'passphrase' else 'key'}, which this is not.")
    try:
        own = key.wrapping(salt, cost).decrypt(nonce, wrapped, MAGIC + json.dumps(told, sort_keys=True).encode())
    except (InvalidTag, ValueError) as error:
        raise Invalid(f"This key does not open {name}: it is another one, or its head is damaged.") from error
    return _Cipher(MAGIC + line, AESGCM(own))


class SealedSink:
    """The end of an encrypted file."""

    def __init__(self, file: BinaryIO, cipher: _Cipher) -> None:
        self._file, self._cipher = file, cipher
        self._number, self._waiting = 0, bytearray()

    def cut(self, at: int) -> None:
        """Go on from there, in the place of what comes after it."""
        self._number, left = divmod(at, SEGMENT)
        start = len(self._cipher.head) + self._number * _STORED
        before = SealedSource(self._file, self._cipher, "", unfinished=True)
        self._waiting = bytearray(before.segment(self._number)[:left] if left else b"")
        self._file.truncate(start)
        self._file.seek(0)
        self._file.write(self._cipher.head)
        self._file.seek(start)

    def write(self, data: bytes | memoryview) -> None:
        self._waiting += data
        # The last one is told by its mark, so one is held back.
        whole = max(0, (len(self._waiting) - 1) // SEGMENT)
        with memoryview(self._waiting) as view:
            for at in range(whole):
                piece = bytes(view[at * SEGMENT : (at + 1) * SEGMENT])
                self._file.write(self._cipher.seal(self._number, piece, last=False))
                self._number += 1
        del self._waiting[: whole * SEGMENT]

    def close(self) -> None:
        """All of it is in the file."""
        self._file.write(self._cipher.seal(self._number, bytes(self._waiting), last=True))
        self._file.flush()


class SealedSource:
    """An encrypted file. What is not authentic is never given out."""

    def __init__(self, file: BinaryIO, cipher: _Cipher, name: str, *, unfinished: bool = False) -> None:
        """`unfinished`: it is still being written, so it has no end yet."""
        self._file, self._cipher, self.name, self._unfinished = file, cipher, name, unfinished
        body = os.fstat(file.fileno()).st_size - len(cipher.head)
        self._last = max(0, -(-body // _STORED) - 1)
        self._known: tuple[int, bytes] = (-1, b"")

    def check_end(self) -> None:
        """Raises IntegrityError where the file does not end as it was written."""
        self.segment(self._last)

    @property
    def size(self) -> int:
        """Bytes of all, before they were encrypted."""
        return self._last * SEGMENT + len(self.segment(self._last))

    def read_at(self, offset: int, size: int) -> bytes:
        first, skip = divmod(offset, SEGMENT)
        parts: list[bytes] = []
        have = -skip
        while have < size and first <= self._last:
            part = self.segment(first)
            parts.append(part)
            have, first = have + len(part), first + 1
        return b"".join(parts)[skip : skip + size]

    def segment(self, number: int) -> bytes:
        """One of them. Raises IntegrityError."""
        if self._known[0] == number:
            return self._known[1]
        self._file.seek(len(self._cipher.head) + number * _STORED)
        stored = self._file.read(_STORED)
        ends = number == self._last
        for last in (True, False) if ends and self._unfinished else (ends,):
            try:
                data = self._cipher.open(number, stored, last=last)
            except (InvalidTag, ValueError):
                continue
            self._known = (number, data)
            return data
        raise IntegrityError(self._told(number, torn=ends))

    def _told(self, number: int, *, torn: bool) -> str:
        text = f"{self.name}: segment {number} (byte {len(self._cipher.head) + number * _STORED}) is damaged"
        return f"{text}, or the file breaks off there." if torn else f"{text} or not in its place."
