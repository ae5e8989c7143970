"""Why somebody may do an act, or may not: the decision itself (`decide_act`), asked for each role on its own.

Nothing is decided in here a second time. What is said of roles is what `decide_act` says of an actor who has only that
one; `tests/unit/test_explanations.py` compares the two over all acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Whose, all_acts, decide_act
from backoffice.domain.permissions import Permission

SOMEBODY: Final = "somebody-else"
"""Stands for the owner of what is not one's own. No user has this id."""


class Reach(StrEnum):
    """What an act is done to: something of one's own, of somebody else's, or of nobody's."""

    OWN = "own"
    OTHERS = "others"
    SITE = "site"


REACHES: Final = {
    Whose.SITE: (Reach.SITE,),
    Whose.OWN: (Reach.OWN,),
    Whose.OWN_OR_ALL: (Reach.OWN, Reach.OTHERS),
    Whose.ACCOUNT: (Reach.OTHERS,),
}
"""To what an act is done at all."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One act on one kind of object, and why it is allowed or not.

    `needed` is the permission that it takes there, None where being signed in is enough; `roles` those of the actor
    that grant it, also where the scopes of a token keep it back. What else has to hold at the moment of the act, rank
    and what stands behind the request, is said by the act itself.
    """

    act: Act
    reach: Reach
    allowed: bool
    reason: str
    needed: Permission | None
    roles: tuple[str, ...]


def explain_act(actor: Actor, act: Act, reach: Reach) -> Explanation:
    """Why `actor` may do this act there, or may not. The answer is that of `decide_act`."""
    owner = owner_in(actor, act, reach)
    decision = decide_act(actor, act, owner)
    granting = (
        name
        for name, granted in actor.roles
        if decision.needed is not None
        and decide_act(replace(actor, roles=((name, granted),), scopes=None), act, owner).allowed
    )
    return Explanation(act, reach, decision.allowed, decision.reason, decision.needed, tuple(dict.fromkeys(granting)))


def explain_all(actor: Actor, acts: Iterable[Act] | None = None) -> Iterator[Explanation]:
    """Each of these acts (None: every one there is) on each kind of object that it is done to."""
    for act in all_acts() if acts is None else acts:
        for reach in REACHES[act.whose]:
            yield explain_act(actor, act, reach)


def owner_in(actor: Actor, act: Act, reach: Reach) -> str | None:
    """Whose the object is, as `decide_act` is told: None where that is not asked of its owner."""
    if reach is Reach.OWN:
        return actor.id
    return SOMEBODY if act.whose is Whose.OWN_OR_ALL else None


def allowed_acts(actor: Actor) -> frozenset[tuple[Act, Reach]]:
    """All that `actor` may do, as far as permissions say."""
    return frozenset((one.act, one.reach) for one in explain_all(actor) if one.allowed)
