"""The site's keys: they wrap the keys that are kept in the store, and that of the directory which the embedded store
writes to, and are never kept there themselves.

A key of the settings wraps by AES-256-GCM (NIST SP 800-38D). A key management service is a program that is asked to
`wrap` or to `unwrap`; what it makes is opaque here.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from base64 import b64decode, b64encode, urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backoffice.secret import Secret
from backoffice.settings import Settings
from backoffice.traces import trace_environ

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
KMS: Final = "kms"
KMS_SECONDS: Final = 20
_NAMED: Final = b"backoffice: name of a site key\n"
_NAME_DIGITS: Final = 16
_OURS: Final = ("BACKOFFICE_", "REDIS_", "APP_SECRET_KEY", "OTEL_EXPORTER_")
"""How variables of our settings begin; the headers of the exporter may have a token."""


class WrappingFailed(Exception):
    """A key could not be wrapped or unwrapped; the text is for operators, and holds no secret."""


class SiteKey(Protocol):
    """Something outside of the store that wraps."""

    @property
    def name(self) -> str:
        """By which it is known again; says nothing of the key."""

    def wrap(self, key: bytes, about: bytes) -> bytes:
        """`about`: what the wrapped key is bound to. Raises WrappingFailed."""

    def unwrap(self, wrapped: bytes, about: bytes, size: int = KEY_BYTES) -> bytes:
        """`size`: bytes that the key has. Raises WrappingFailed."""


class LocalKey:
    """32 bytes out of the settings."""

    def __init__(self, key: bytes) -> None:
        """Raises ValueError unless it has 32 bytes."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self.name = hashlib.sha256(_NAMED + key).hexdigest()[:_NAME_DIGITS]
        self._cipher = AESGCM(key)

    def wrap(self, key: bytes, about: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, about)

    def unwrap(self, wrapped: bytes, about: bytes, size: int = KEY_BYTES) -> bytes:
        try:
            key = self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], about)
        except (InvalidTag, ValueError):
            raise WrappingFailed(f"The key {self.name} does not open what it is said to have wrapped.") from None
        if len(key) != size:
            raise WrappingFailed(f"The key {self.name} wrapped {len(key)} bytes, not {size}.")
        return key


@dataclass(frozen=True, slots=True)
class KmsCommand:
    """A program that stands for a key management service: run as `PROGRAM wrap` or `PROGRAM unwrap`, it gets two lines
    of base64 on its standard input, the key (wrapped or not) and what it is bound to, and answers with one line of
    base64. It is told the trace that this is done for, in TRACEPARENT."""

    program: Path
    seconds: float = KMS_SECONDS

    @property
    def name(self) -> str:
        return KMS

    def wrap(self, key: bytes, about: bytes) -> bytes:
        return self._run("wrap", key, about)

    def unwrap(self, wrapped: bytes, about: bytes, size: int = KEY_BYTES) -> bytes:
        key = self._run("unwrap", wrapped, about)
        if len(key) != size:
            raise WrappingFailed(f"{self.program} unwrap: answered with {len(key)} bytes, not {size}.")
        return key

    def _run(self, verb: str, value: bytes, about: bytes) -> bytes:
        command = f"{self.program} {verb}"
        sent = b64encode(value) + b"\n" + b64encode(about) + b"\n"
        try:
            status, out, err = _carried_out([str(self.program), verb], sent, self.seconds)
        except subprocess.TimeoutExpired:
            raise WrappingFailed(f"{command}: no answer within {self.seconds:g} s.") from None
        except OSError as error:
            raise WrappingFailed(f"{command}: {error.strerror}.") from error
        if status:
            raise WrappingFailed(f"{command}: ended with {status}{_last_line(err)}.")
        try:
            answer = b64decode(out.strip(), validate=True)
        except NotBase64:
            raise WrappingFailed(f"{command}: its answer is not base64.") from None
        if not answer:
            raise WrappingFailed(f"{command}: its answer is empty.")
        return answer


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """The site's keys: the first wraps, all unwrap. Empty: nothing is encrypted."""

    keys: Sequence[SiteKey] = ()

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def first(self) -> SiteKey:
        return self.keys[0]

    def named(self, name: str) -> SiteKey | None:
        """None where it is not among them."""
        return next((key for key in self.keys if key.name == name), None)


def site_keys_of(settings: Settings) -> SiteKeys:
    """The keys that encrypt at rest, as the settings name them."""
    keys: list[SiteKey] = [] if settings.kms_command is None else [KmsCommand(settings.kms_command)]
    return SiteKeys([*keys, *(LocalKey(urlsafe_b64decode(_urlsafe(one))) for one in settings.encryption_keys)])


def _urlsafe(key: Secret) -> str:
    """Base64 in either of its alphabets."""
    return key.reveal().translate(str.maketrans("+/", "-_"))


def _carried_out(command: Sequence[str], sent: bytes, seconds: float) -> tuple[int, bytes, bytes]:
    """Status, output and errors of a program, which gets nothing of our settings: they have other keys and passwords.
    Raises OSError, TimeoutExpired, when it has ended with all that it had started."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | trace_environ()
    with subprocess.Popen(  # noqa: S603 - the operator's own program, without a shell
        command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(sent, timeout=seconds)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, err


def _last_line(text: bytes) -> str:
    """The end of what a program said, on one line."""
    lines = text.decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:200]}" if lines else ""
