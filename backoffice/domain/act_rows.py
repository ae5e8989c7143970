"""What a row of the table of acts says (`domain/acts.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backoffice.domain.access import OWN_TO_ALL
from backoffice.domain.actions import Action, Actions
from backoffice.domain.permissions import Permission


class Whose(StrEnum):
    """Whom the object of an act belongs to. The texts are those of the documentation."""

    SITE = "the site's"
    OWN = "one's own only"
    OWN_OR_ALL = "one's own, or somebody's"
    ACCOUNT = "somebody's account"


class Rank(StrEnum):
    """What the actor has to hold compared with the person whose account it is, or who is let in by the object."""

    ANY = "–"
    NO_LESS = "no less than the person"
    MORE = "more than the person"
    GIVES = "all that is given"


class Proof(StrEnum):
    """What has to stand behind the request. The shell and the worker prove nothing: they act for themselves."""

    ANY = "a session or a token"
    PERSON = "a session"
    FRESH = "a session with a fresh password"
    FRESH_OR_SCOPE = "a session with a fresh password, or a token with this scope by name"
    SHELL = "the command line"


@dataclass(frozen=True, slots=True)
class Act:
    """One row. `takes` is the permission; None: being signed in is enough. `event` is written in the step that acts;
    None: no entry. `refused` is the entry when the rule says no."""

    name: str
    text: str
    takes: Permission | None
    whose: Whose = Whose.SITE
    rank: Rank = Rank.ANY
    proof: Proof = Proof.ANY
    event: Action | None = None
    refused: Action = Actions.ACCESS_DENY

    @property
    def others(self) -> Permission | None:
        """The permission for the same with what is somebody else's."""
        return OWN_TO_ALL[self.takes] if self.takes is not None and self.whose is Whose.OWN_OR_ALL else None

    @property
    def reads(self) -> bool:
        """Whether it takes no more than a right to read, for which no form is open."""
        return self.takes is not None and self.takes.endswith(":read")

    @property
    def opens(self) -> tuple[Permission, ...]:
        """The permissions of which one is needed to do this to something, whosever it is: what a door asks, behind
        which it shows what is asked about. None: being signed in is enough."""
        return tuple(dict.fromkeys(one for one in (self.takes, self.others) if one is not None))

    @property
    def foreign(self) -> Permission | None:
        """The permission that reaches what is somebody else's; None where none does."""
        return self.others if self.whose in {Whose.OWN, Whose.OWN_OR_ALL} else self.takes
