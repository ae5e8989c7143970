"""The secret in the address of an upload: who has it goes on with the upload in its owner's name, and does no more.

An upload may take days, a session half an hour; so its address is worth something by itself. It says who the owner is
and the owner's epoch, and a MAC binds both to the upload. Nothing of it is stored, and nothing is asked of the store
before the MAC is right, so that all guesses look the same. What the owner may is read anew for each request; whatever
ends the owner's sessions and tokens (another password, other roles, a disabled account) ends these secrets, too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import NO_OBJECT, ObjectRef
from backoffice.domain.ids import is_id
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.networks import network
from backoffice.domain.permissions import Permission
from backoffice.domain.throttling import Bucket
from backoffice.domain.times import now_ms
from backoffice.domain.users import User
from backoffice.domain.versions import Version
from backoffice.errors import NotSignedIn
from backoffice.services.authorization import grants_of
from backoffice.services.ground import CredentialGround, under_way
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore, IdentityStore, Throttle
from backoffice.services.sign_in.refusals import fingerprint, record_refusal
from backoffice.services.sign_in.throttle import NETWORK, consume

MARK: Final = "~"
"""Stands between identifier and secret. RFC 3986, section 2.3: unreserved, and in no identifier."""
LONGEST: Final = 200
SCOPES: Final[frozenset[Permission]] = frozenset(
    act.takes for act in (Acts.UPLOAD_SEND, Acts.UPLOAD_CANCEL, Acts.FILE_CREATE) if act.takes is not None
)
"""Of what the owner holds, this is left to who has the secret."""


def split_address(text: str) -> tuple[str, str]:
    """`<id>~<secret>` -> (id, secret); "" where there is no secret."""
    upload_id, _, secret = text.partition(MARK)
    return upload_id, secret


@dataclass(frozen=True, slots=True)
class UploadSecrets:
    """Makes and checks them. `keys`: the first signs, all verify."""

    accounts: AccountStore
    identities: IdentityStore
    audit: AuditLog
    throttle: Throttle
    keys: tuple[bytes, ...] = field(repr=False)
    policy: AccountPolicy = OPEN_END
    now: Callable[[], int] = now_ms

    def address(self, upload_id: str, owner: User) -> str:
        """Identifier and secret, for the owner as they are now."""
        said = f"{owner.id}.{owner.epoch}"
        return f"{upload_id}{MARK}{said}.{_mac(self.keys[0], upload_id, said)}"

    def is_secret_of(self, upload_id: str, secret: str) -> bool:
        """Whether it is one of this upload, whatever it is worth now."""
        return self._read(upload_id, secret) is not None

    def authenticate(
        self, upload_id: str, secret: str, *, ip: str, agent: str, request_id: str
    ) -> tuple[Actor, User] | None:
        """The owner, within `SCOPES`; None: the secret lets nobody in, which is recorded. One round trip.

        Raises TooMany after many guesses from a network; the right secret is never kept waiting.
        """
        visitor = Actor(id="", name="", via="api", ip=ip, agent=agent, request_id=request_id)
        said = self._read(upload_id, secret)
        if said is None:
            self._refuse(visitor, "wrong secret of an upload", secret)
            consume(self.throttle, ((Bucket(f"upload:{network(ip)}", NETWORK, keeps=True),),))
            return None
        owner, epoch = said
        found = self._owner(visitor, upload_id, owner, epoch, None)
        if found is None:
            self._refuse(visitor, "secret of an upload has ended", secret, ObjectRef("file", upload_id))
            return None
        actor, user, versions = found

        def read() -> tuple[Actor, Sequence[Version]]:
            now = self._owner(visitor, upload_id, owner, epoch, user)
            if now is None:
                raise NotSignedIn("This address is not valid any more.")
            return now[0], now[2]

        return replace(actor, ground=CredentialGround(versions, read, self.identities.unmoved)), user

    def _owner(
        self, visitor: Actor, upload_id: str, owner: str, epoch: int, before: User | None
    ) -> tuple[Actor, User, Sequence[Version]] | None:
        """The owner as they are now, None where the secret has ended. `before`: as the request began."""
        user, roles, versions = self.accounts.load_with_versions(owner)
        if user is not None and before is not None:
            user = under_way(epoch, before, user)
        if user is None or not user.active or user.epoch != epoch or self.policy.ended(user, roles, self.now()):
            return None
        grants = grants_of(user, roles)
        credential = f"upload:{upload_id}"
        actor = replace(visitor, id=owner, name=user.username, roles=grants, scopes=SCOPES, credential=credential)
        return actor, user, versions

    def _read(self, upload_id: str, secret: str) -> tuple[str, int] | None:
        """Whose it is, and of which epoch; None for what is none of ours."""
        said, _, mac = secret.rpartition(".")
        if not (secret.isascii() and len(secret) <= LONGEST and is_id(upload_id)):
            return None
        if not any(hmac.compare_digest(_mac(key, upload_id, said), mac) for key in self.keys):
            return None
        owner, _, epoch = said.partition(".")
        return owner, int(epoch)

    def _refuse(self, visitor: Actor, because: str, secret: str, target: ObjectRef = NO_OBJECT) -> None:
        at, action = self.now(), Actions.TOKEN_REFUSE
        record_refusal(self.audit, visitor, because, at=at, target=target, action=action, data=fingerprint(secret))


def _mac(key: bytes, upload_id: str, said: str) -> str:
    digest = hmac.new(key, f"upload {upload_id} {said}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
