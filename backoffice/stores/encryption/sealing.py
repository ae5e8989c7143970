"""A chunk as it is stored when it is encrypted.

    MAGIC        5 bytes     what it is, and version 1 of this
    number       4           which data key, big-endian
    file key    60           nonce (12), the file's key (32) encrypted by the data key, tag (16)
    nonce       12
    ciphertext   n           the chunk under the file's key
    tag         16

AES-256-GCM (NIST SP 800-38D) both times, with random nonces: a chunk may be stored twice, with the same bytes or with
others, and a nonce made of its index would then repeat under one key. What stands before the ciphertext is
authenticated with it. A chunk carries its key, so it can be moved, copied and put back by itself; which chunk stands
where is what the map of its file says, by digests that are compared at every read. They are not signed: who writes
into the store may exchange a chunk and its digests for another that was sealed here, and nobody notices.

A file's key belongs to the process that writes and to the identifier that it writes under: a file that several
processes receive has several.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backoffice.site_keys import KEY_BYTES, NONCE_BYTES, TAG_BYTES

MAGIC: Final = b"\x93BOE\x01"
_NUMBER_BYTES: Final = 4
_WRAPPED_BYTES: Final = NONCE_BYTES + KEY_BYTES + TAG_BYTES
_PREFIX: Final = len(MAGIC) + _NUMBER_BYTES
_HEAD: Final = _PREFIX + _WRAPPED_BYTES
_BODY: Final = _HEAD + NONCE_BYTES
OVERHEAD: Final = _BODY + TAG_BYTES
"""Bytes that a sealed chunk has more than the chunk."""
_REMEMBERED: Final = 1024
"""Files whose key a process has in memory, while it writes them."""


class FileKeys:
    """Keys that this process has made for files lately: the head of their chunks, and the cipher."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[bytes, AESGCM]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str, make: Callable[[], tuple[bytes, AESGCM]]) -> tuple[bytes, AESGCM]:
        """That of `name`, made where there is none."""
        with self._lock:
            found = self._known.get(name)
            if found is not None:
                self._known.move_to_end(name)
                return found
        found = make()
        with self._lock:
            found = self._known.setdefault(name, found)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def new_file_key(number: int, data_key: AESGCM) -> tuple[bytes, AESGCM]:
    """A key for a file: the head of its chunks, and its cipher."""
    prefix, key, nonce = MAGIC + number.to_bytes(_NUMBER_BYTES, "big"), os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    return prefix + nonce + data_key.encrypt(nonce, key, prefix), AESGCM(key)


def head_of(value: bytes) -> bytes | None:
    """The head of a sealed chunk; None where this is none."""
    return bytes(value[:_HEAD]) if len(value) >= OVERHEAD and value[: len(MAGIC)] == MAGIC else None


def data_key_of(head: bytes) -> int:
    """The number of the data key."""
    return int.from_bytes(head[len(MAGIC) : _PREFIX], "big")


def open_head(head: bytes, data_key: AESGCM) -> AESGCM | None:
    """The cipher of the file; None where the data key did not make this head."""
    nonce, wrapped = head[_PREFIX : _PREFIX + NONCE_BYTES], head[_PREFIX + NONCE_BYTES :]
    try:
        return AESGCM(data_key.decrypt(nonce, wrapped, head[:_PREFIX]))
    except InvalidTag:
        return None


def seal(head: bytes, cipher: AESGCM, data: bytes | memoryview) -> memoryview:
    """The stored form of a chunk."""
    sealed = memoryview(bytearray(len(data) + OVERHEAD))
    sealed[:_HEAD] = head
    nonce = os.urandom(NONCE_BYTES)
    sealed[_HEAD:_BODY] = nonce
    cipher.encrypt_into(nonce, data, head, sealed[_BODY:])
    return sealed


def unseal(value: bytes, head: bytes, cipher: AESGCM) -> bytes | None:
    """The chunk; None where it is damaged."""
    whole = memoryview(value)
    try:
        return cipher.decrypt(bytes(whole[_HEAD:_BODY]), whole[_BODY:], head)
    except InvalidTag:
        return None
