"""The calls of the kernel by which a directory is encrypted: their form, and what is said where they are refused."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from backoffice.embedded import fscrypt
from backoffice.embedded.data_dir import DataDirectoryError

IDENTIFIER = bytes(range(16))


def test_numbers_are_those_of_the_kernel() -> None:
    """As a C program prints the constants of <linux/fscrypt.h>."""
    numbers = (fscrypt.SET_POLICY, fscrypt.GET_POLICY, fscrypt.ADD_KEY, fscrypt.REMOVE_KEY, fscrypt.KEY_STATUS)
    assert numbers == (0x800C6613, 0xC0096616, 0xC0506617, 0xC0406618, 0xC080661A)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What was handed to it; it does what `answer` does to that."""
    seen: list[tuple[int, bytes]] = []

    def answer(_argument: bytearray) -> None:
        return None

    def ioctl(_file: int, number: int, argument: bytearray, _mutate: bool = True) -> int:
        seen.append((number, bytes(argument)))
        called.answer(argument)
        return 0

    class called:  # noqa: N801 - a place for two values
        pass

    called.seen, called.answer = seen, answer  # type: ignore[attr-defined]
    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return called


def test_structures_are_laid_out_as_the_kernel_has_them(kernel: Any, tmp_path: Path) -> None:
    key = os.urandom(fscrypt.KEY_BYTES)

    def name_it(argument: bytearray) -> None:
        argument[8:24] = IDENTIFIER

    kernel.answer = name_it
    assert fscrypt.add_key(tmp_path, key) == IDENTIFIER
    kernel.answer = lambda _: None
    fscrypt.encrypt(tmp_path, IDENTIFIER)
    fscrypt.remove_key(tmp_path, IDENTIFIER)
    [(_, added), (_, policy), (_, removed)] = kernel.seen
    assert added == struct.pack("=II32sII32s", 2, 0, b"", 64, 0, b"") + key
    assert policy == bytes([2, 1, 4, 3, 0, 0, 0, 0]) + IDENTIFIER  # version 2, AES-256-XTS, AES-256-CTS, padding of 32
    assert removed == struct.pack("=II16s16sI20s", 2, 0, IDENTIFIER, b"", 0, b"")


def test_what_the_kernel_tells_is_read(kernel: Any, tmp_path: Path) -> None:
    def put(at: int, form: str, *values: Any) -> Any:
        return lambda argument: struct.pack_into(form, argument, at, *values)

    kernel.answer = put(8, "=BBBB4x16s", 2, 1, 4, 3, IDENTIFIER)
    assert fscrypt.policy_of(tmp_path) == IDENTIFIER
    kernel.answer = put(8, "=BBBB8s", 0, 1, 4, 3, b"12345678")
    assert fscrypt.policy_of(tmp_path) == b""  # of the version before: not ours
    for status, there in ((1, False), (2, True), (3, False)):
        kernel.answer = put(64, "=I", status)
        assert fscrypt.has_key(tmp_path, IDENTIFIER) is there
    kernel.answer = put(40, "=I", 1)
    assert not fscrypt.remove_key(tmp_path, IDENTIFIER)  # files are open


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.EOPNOTSUPP, "ext4", "run `tune2fs -O encrypt /dev/sdx1` as root"),
        (errno.EOPNOTSUPP, "f2fs", r"\(f2fs\) cannot encrypt directories"),
        (errno.ENOTTY, "xfs", r"\(xfs\) cannot encrypt directories: have the data on ext4"),
        (errno.EDQUOT, "ext4", "/proc/sys/kernel/keys/maxkeys"),
        (errno.EACCES, "ext4", "cannot be used by this user"),
    ],
)
def test_a_file_system_that_cannot_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, kind: str, told: str
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    monkeypatch.setattr(fscrypt, "file_system", lambda _: (kind, "/dev/sdx1"))
    for call in (lambda: fscrypt.add_key(tmp_path, bytes(64)), lambda: fscrypt.encrypt(tmp_path, IDENTIFIER)):
        with pytest.raises(DataDirectoryError, match=told) as error:
            call()
        assert "\n" not in str(error.value)
    if number in {errno.EOPNOTSUPP, errno.ENOTTY}:
        assert fscrypt.policy_of(tmp_path) is None


def test_the_kind_of_a_file_system_is_told_by_the_kernel(tmp_path: Path) -> None:
    kind, device = fscrypt.file_system(tmp_path)
    assert kind
    assert device
    assert fscrypt.file_system(tmp_path / "none") == ("unknown", "DEVICE")


def test_what_is_not_there_has_no_policy(tmp_path: Path) -> None:
    assert fscrypt.policy_of(tmp_path / "none") is None
