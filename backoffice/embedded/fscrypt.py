"""A directory encrypted by the Linux file system below it: five calls of ioctl.

Numbers and structures are those of <linux/fscrypt.h>; what they do is in the kernel's documentation,
Documentation/filesystems/fscrypt.rst. Policies are of version 2, which need no privilege: the key is named by a hash
that the kernel makes of it, and it is known to the whole file system until it is removed, or this is unmounted. Keys
are added and removed by a directory above the one that is encrypted, for that counts as in use while it is open.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from backoffice.embedded.data_dir import DataDirectoryError, unusable

KEY_BYTES: Final = 64
"""The most there may be, FSCRYPT_MAX_KEY_SIZE: what AES-256-XTS takes."""
IDENTIFIER_BYTES: Final = 16

# struct fscrypt_key_specifier: type, reserved, a union of 32 bytes that begins with the identifier.
_SPECIFIER: Final = struct.Struct("=II16s16x")
_BY_IDENTIFIER: Final = 2
# struct fscrypt_add_key_arg: the specifier, raw_size, key_id, 32 reserved, and then the key itself.
_ADD: Final = struct.Struct(f"{_SPECIFIER.format}II32x")
# struct fscrypt_remove_key_arg: the specifier, removal_status_flags, 20 reserved.
_REMOVE: Final = struct.Struct(f"{_SPECIFIER.format}I20x")
_FILES_BUSY: Final = 1
# struct fscrypt_get_key_status_arg: the specifier, 24 reserved, status, status_flags, user_count, 52 reserved.
_STATUS: Final = struct.Struct(f"{_SPECIFIER.format}24xIII52x")
_PRESENT: Final = 2
# struct fscrypt_policy_v2: version, mode of contents, mode of names, flags, 4 reserved, the identifier.
_POLICY: Final = struct.Struct("=BBBB4x16s")
_VERSION: Final = 2
_AES_256_XTS: Final = 1
_AES_256_CTS: Final = 4
_PAD_32: Final = 3
# struct fscrypt_get_policy_ex_arg: the size of the policy, and the policy.
_GET: Final = struct.Struct(f"=Q{_POLICY.format[1:]}")

_READ, _WRITE = 2, 1


def _number(direction: int, number: int, size: int) -> int:
    """As _IOR and _IOWR of <asm-generic/ioctl.h> make it, for the type 'f'."""
    return direction << 30 | size << 16 | ord("f") << 8 | number


# Of two the size is one of before: struct fscrypt_policy_v1 has 12 bytes, and __u8[9] is a size and a version.
SET_POLICY: Final = _number(_READ, 19, 12)
GET_POLICY: Final = _number(_READ | _WRITE, 22, 9)
ADD_KEY: Final = _number(_READ | _WRITE, 23, _ADD.size)
REMOVE_KEY: Final = _number(_READ | _WRITE, 24, _REMOVE.size)
KEY_STATUS: Final = _number(_READ | _WRITE, 26, _STATUS.size)


def policy_of(directory: Path) -> bytes | None:
    """The identifier of the key that encrypts `directory`, "" where it is encrypted in another way than ours; None
    where it is not, or is not there. Raises DataDirectoryError."""
    argument = bytearray(_GET.pack(_POLICY.size, 0, 0, 0, 0, b""))
    try:
        with _opened(directory) as file:
            fcntl.ioctl(file, GET_POLICY, argument, True)
    except OSError as error:
        if error.errno in {errno.ENODATA, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOENT}:
            return None
        if error.errno == errno.EOVERFLOW:
            return b""
        raise unusable(directory, error) from error
    _, version, *_, identifier = _GET.unpack(argument)
    return bytes(identifier) if version == _VERSION else b""


def add_key(directory: Path, key: bytes) -> bytes:
    """Let the file system that `directory` is on have a key; its identifier. Raises DataDirectoryError, which says what
    to do where this file system cannot encrypt."""
    argument = bytearray(_ADD.pack(_BY_IDENTIFIER, 0, b"", len(key), 0) + key)
    try:
        with _opened(directory) as file:
            fcntl.ioctl(file, ADD_KEY, argument, True)
        return bytes(_ADD.unpack_from(argument)[2])
    except OSError as error:
        raise _cannot(directory, error) from error
    finally:
        argument[:] = bytes(len(argument))


def remove_key(directory: Path, identifier: bytes) -> bool:
    """Take the key away from the file system; names and contents then go from its memory, too. False where files are
    still open, whose keys stay until they are closed and this is called again. Raises DataDirectoryError."""
    argument = bytearray(_REMOVE.pack(_BY_IDENTIFIER, 0, identifier, 0))
    try:
        with _opened(directory) as file:
            fcntl.ioctl(file, REMOVE_KEY, argument, True)
    except OSError as error:
        if error.errno == errno.ENOKEY:
            return True
        raise unusable(directory, error) from error
    return not _REMOVE.unpack(argument)[3] & _FILES_BUSY


def has_key(directory: Path, identifier: bytes) -> bool:
    """Whether the file system of `directory` has the key now. Raises DataDirectoryError."""
    argument = bytearray(_STATUS.pack(_BY_IDENTIFIER, 0, identifier, 0, 0, 0))
    try:
        with _opened(directory) as file:
            fcntl.ioctl(file, KEY_STATUS, argument, True)
    except OSError as error:
        raise unusable(directory, error) from error
    return int(_STATUS.unpack(argument)[3]) == _PRESENT


def encrypt(directory: Path, identifier: bytes) -> None:
    """Whatever comes into `directory`, which is empty, is encrypted by the key from now on. Raises
    DataDirectoryError."""
    argument = bytearray(_POLICY.pack(_VERSION, _AES_256_XTS, _AES_256_CTS, _PAD_32, identifier))
    try:
        with _opened(directory) as file:
            fcntl.ioctl(file, SET_POLICY, argument)
            os.fsync(file)
    except OSError as error:
        raise _cannot(directory, error) from error


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _cannot(directory: Path, error: OSError) -> DataDirectoryError:
    """What to do where a directory cannot be encrypted."""
    kind, device = file_system(directory)
    luks = "or have the disk below encrypted (LUKS) and leave BACKOFFICE_ENCRYPT_DATA at 0"
    if error.errno == errno.EOPNOTSUPP and kind == "ext4":
        return DataDirectoryError(
            f"the file system of {directory} does not encrypt directories yet: run `tune2fs -O encrypt {device}` as"
            f" root and start again, {luks} (docs/encryption.md)"
        )
    if error.errno in {errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL}:
        return DataDirectoryError(
            f"the file system of {directory} ({kind}) cannot encrypt directories: have the data on ext4 that was made"
            f" by `mkfs.ext4 -O encrypt`, {luks} (docs/encryption.md)"
        )
    if error.errno == errno.EDQUOT:
        return DataDirectoryError(
            f"this user has as many keys in the kernel as /proc/sys/kernel/keys/maxkeys allows, so that {directory}"
            " cannot be encrypted or read: allow more, and start again"
        )
    return unusable(directory, error)


def file_system(directory: Path) -> tuple[str, str]:
    """The kind of file system that `directory` is on, and its device; "unknown" and "DEVICE" where that is not
    told."""
    try:
        number = directory.stat().st_dev
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        # 36 35 98:0 /root /where options [optional fields] - type device options (proc_pid_mountinfo(5))
        before, _, after = line.partition(" - ")
        if before.split()[2] == f"{os.major(number)}:{os.minor(number)}":
            kind, device = after.split()[:2]
            return kind, device
    return "unknown", "DEVICE"
