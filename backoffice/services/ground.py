"""What the rights of somebody who sent a token or a session rest on while a request lasts (`domain.access.Ground`).

What ends it is what somebody does: revoking the token, ending the session, disabling or deleting the user, another
password, a role or a permission that is missed. Time does not: a request that began within the life of its token or
session may go on. Other roles let nobody in by the old credentials any more, but what is under way only needs what it
asked for: where the roles grant that still, it goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.identities import only_roles_changed
from backoffice.domain.users import User
from backoffice.domain.versions import Version

CONFIRM_SECONDS: Final = 20.0
"""How often an act that takes long asks whether it may go on. The shortest idle time of a session is a minute."""


class CredentialGround:
    """Of one request. `read` gives the actor as there is one now, without a ground, and what it was read from; raises
    NotSignedIn. `alive` is called with the versions while an act takes long: whether they are as they were."""

    __slots__ = ("_alive", "_asked", "_confirmed", "_read", "renewed", "versions")

    def __init__(
        self,
        versions: Sequence[Version],
        read: Callable[[], tuple[Actor, Sequence[Version]]],
        alive: Callable[[Sequence[Version]], bool],
    ) -> None:
        self.versions = versions
        self.renewed: Actor | None = None
        self._read, self._alive = read, alive
        self._asked: list[Callable[[Actor], None]] = []
        self._confirmed = time.monotonic()

    def note(self, ask: Callable[[Actor], None]) -> None:
        self._asked.append(ask)

    def renew(self) -> None:
        actor, versions = self._read()
        for ask in self._asked:
            ask(actor)
        self.versions, self.renewed = versions, actor

    def confirm(self) -> None:
        now = time.monotonic()
        if now - self._confirmed >= CONFIRM_SECONDS:
            self._confirmed = now
            if not self._alive(self.versions):
                self.renew()


def under_way(epoch: int, before: User, now: User) -> User:
    """The user as there is one `now`, for a credential of that epoch by which a request of `before` is under way."""
    goes_on = now.epoch == before.epoch or only_roles_changed(before, now)
    return replace(now, epoch=epoch) if goes_on else now


class WithinGround:
    """Of somebody who acts within another's files: their own, and what gives them that. `read` gives what was given as
    it is now, for the person as they are now, and the versions that it was read with; raises what the refusal is."""

    __slots__ = ("_asked", "_confirmed", "_person", "_read", "_within", "renewed")

    def __init__(
        self,
        person: Actor,
        within: Sequence[Version],
        read: Callable[[Actor], tuple[Actor, Sequence[Version]]],
    ) -> None:
        self._person, self._within, self._read = person, within, read
        self.renewed: Actor | None = None
        self._asked: list[Callable[[Actor], None]] = []
        self._confirmed = time.monotonic()

    @property
    def versions(self) -> Sequence[Version]:
        own = self._person.ground
        return (*(own.versions if own is not None else ()), *self._within)

    def note(self, ask: Callable[[Actor], None]) -> None:
        self._asked.append(ask)

    def renew(self) -> None:
        if self._person.ground is not None:
            self._person.ground.renew()
        self._renew_within()

    def confirm(self) -> None:
        """What was given is read anew each time: that time has run out moves no version."""
        if self._person.ground is not None:
            self._person.ground.confirm()
        now = time.monotonic()
        if now - self._confirmed >= CONFIRM_SECONDS:
            self._confirmed = now
            self._renew_within()

    def _renew_within(self) -> None:
        own = self._person.ground
        person = own.renewed if own is not None and own.renewed is not None else self._person
        actor, versions = self._read(replace(person, ground=None))
        for question in self._asked:
            question(actor)
        self._within, self.renewed = versions, actor
