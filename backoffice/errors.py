"""The errors of the project: one tree, drawn here.

    BackofficeError
    ├── Invalid              what was sent makes no sense
    │   ├── ChecksumMismatch     the bytes are not those announced
    │   ├── BodyCut              fewer bytes arrived than announced
    │   └── WeakPassword
    ├── NotSignedIn          nobody is known to be asking
    │   └── BadCredentials       wrong name, password or state: never says which
    ├── NotAllowed           known, and may not
    │   └── ReauthRequired       may, after giving the password again
    ├── NotFound             absent, or not for this actor to know of
    │   └── Gone                 it was there, and its time is over
    ├── Conflict             right in itself, not with what is there
    │   ├── VersionMismatch      the record changed since it was read
    │   ├── NameTaken
    │   ├── ChunkConflict        other bytes are stored under this index
    │   ├── OffsetMismatch       the stream does not go on there (`offset`: where it does)
    │   ├── ChunksMissing        completed too early (`missing`: ranges)
    │   ├── UploadClosed         the upload takes no more chunks
    │   ├── Completing           another request is completing it just now
    │   ├── LastAdmin
    │   ├── NotReversible        there is no opposite of this act
    │   ├── UndoExpired          the act is too long ago
    │   ├── AlreadyUndone
    │   ├── ChangedSince         what an act left is not there any more (`changed`, `by`, `at`)
    │   ├── RequestFull          a request for files has all that it takes (`limit`)
    │   └── InUse                something still refers to it
    ├── UnsupportedVersion   the client speaks another version of a protocol
    ├── TooLarge             over a limit of size
    │   └── QuotaExceeded
    ├── TooMany              over a limit of rate (`retry_after` seconds)
    ├── StoreFull            no room left in the store
    ├── Unavailable          the store does not answer; trying again may help
    │   ├── LaterVersion         a later version of the product has changed the form of the store
    │   └── KeyMissing           a key is needed that this process was not given
    └── IntegrityError       what is stored is not what was stored
        └── ChunkLost

Not an error and outside of the tree: IdentityChanged (`domain/versions.py`), by which a request begins again. `code` is
a promise to API clients: never reword it. `str(error)` is a sentence for people. Which status it has is told by
`web/errors.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar


class BackofficeError(Exception):
    """Root of the tree. `details` goes into the answer beside the code."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().split("\n")[0])
        self.details = details


class Invalid(BackofficeError):
    """The request is not valid."""

    code = "invalid"


class ChecksumMismatch(Invalid):
    """The bytes received do not have the checksum announced."""

    code = "checksum_mismatch"


class BodyCut(Invalid):
    """The body ended before the length announced."""

    code = "body_cut"


class WeakPassword(Invalid):
    """The password is too short, too long or too common."""

    code = "weak_password"


class NotSignedIn(BackofficeError):
    """Sign in first."""

    code = "not_signed_in"


class BadCredentials(NotSignedIn):
    """The name or the password is wrong, or the account cannot be used."""

    code = "bad_credentials"


class NotAllowed(BackofficeError):
    """You may not do this."""

    code = "not_allowed"

    def __init__(self, message: str = "", *, missing: str = "", **details: Any) -> None:
        """`missing`: the permission that was asked for, where one was; pages say who has it. No part of the answer."""
        super().__init__(message, **details)
        self.missing = missing


class ReauthRequired(NotAllowed):
    """Confirm with your password first."""

    code = "reauth_required"

    def __init__(self, message: str = "", *, act: str = "", **details: Any) -> None:
        """`act`: what it is needed for (`domain/acts.py`), which is no part of the answer."""
        super().__init__(message, **details)
        self.act = act


class NotFound(BackofficeError):
    """There is nothing here."""

    code = "not_found"


class Gone(NotFound):
    """It was given up, or its time is over."""

    code = "gone"


class Conflict(BackofficeError):
    """This does not go with what is there."""

    code = "conflict"


class VersionMismatch(Conflict):
    """It was changed by somebody else in the meantime."""

    code = "version_mismatch"


class NameTaken(Conflict):
    """The name is taken."""

    code = "name_taken"


class ChunkConflict(Conflict):
    """Other bytes were already stored under this index."""

    code = "chunk_conflict"


class OffsetMismatch(Conflict):
    """The upload does not go on at this offset."""

    code = "offset_mismatch"


class ChunksMissing(Conflict):
    """Some chunks have not arrived yet."""

    code = "chunks_missing"


class UploadClosed(Conflict):
    """The upload takes no more chunks."""

    code = "upload_closed"


class Completing(Conflict):
    """The upload is being completed by another request; ask again in a moment."""

    code = "completing"


class LeaseLost(Conflict):
    """Another worker carries this out by now."""

    code = "lease_lost"


class LastAdmin(Conflict):
    """The last active administrator stays one."""

    code = "last_admin"


class NotReversible(Conflict):
    """This cannot be undone."""

    code = "not_reversible"


class UndoExpired(Conflict):
    """This was done too long ago to be undone."""

    code = "undo_expired"


class AlreadyUndone(Conflict):
    """This is undone already."""

    code = "already_undone"
    job = ""
    """The job that did it, if one did; not part of the answer."""


class ChangedSince(Conflict):
    """It was changed again since."""

    code = "changed_since"


class RequestFull(Conflict):
    """This request has all the files that it takes."""

    code = "request_full"


class InUse(Conflict):
    """Something still refers to it."""

    code = "in_use"


class UnsupportedVersion(BackofficeError):
    """This version of the protocol is not spoken here."""

    code = "unsupported_version"


class UnsupportedBody(BackofficeError):
    """The body has a form that is not understood here. `encoded`: that is because of its content coding."""

    code = "unsupported_media_type"

    def __init__(self, message: str = "", *, encoded: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.encoded = encoded


class TooLarge(BackofficeError):
    """This is larger than allowed."""

    code = "too_large"


class QuotaExceeded(TooLarge):
    """The quota does not leave room for this."""

    code = "quota_exceeded"


class TooMany(BackofficeError):
    """Too many attempts; wait before the next one."""

    code = "too_many_attempts"

    @property
    def retry_after(self) -> int:
        """Seconds to wait."""
        return int(self.details.get("retry_after", 1))


class StoreFull(BackofficeError):
    """The store has no room left."""

    code = "store_full"


class Unavailable(BackofficeError):
    """The store does not answer just now; try again in a moment."""

    code = "unavailable"


class LaterVersion(Unavailable):
    """A later version of the site has taken over what is stored; this process of the earlier one does nothing more."""

    code = "later_version"


class KeyMissing(Unavailable):
    """What is stored cannot be read without a key that is not here just now."""

    code = "key_missing"


class IntegrityError(BackofficeError):
    """What is stored is not what was stored."""

    code = "integrity_error"


class ChunkLost(IntegrityError):
    """A chunk of the file is not in the store."""

    code = "chunk_lost"
