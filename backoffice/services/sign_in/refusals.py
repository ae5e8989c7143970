"""What the log says of those who failed to prove who they are: by a password, a one-time link or a token.

A session cookie that is unknown or has run out is no event: that happens to everybody who comes back the next day, and
a cookie of 256 bits is not guessed. Secrets never enter an event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import NO_OBJECT, AuditEvent, ObjectRef, Outcome
from backoffice.domain.networks import network
from backoffice.domain.times import rfc3339
from backoffice.measures import count
from backoffice.services.log_ports import AuditLog

REFUSED_SECONDS: Final = 60
"""A refusal that repeats itself is recorded once in so long."""
COUNTED: Final = "several refusals"
COUNTER: Final = system_actor("worker", "system")
REFUSALS: Final = (Actions.SESSION_REFUSE, Actions.TOKEN_REFUSE, Actions.LINK_REFUSE)
"""What strangers can be refused."""
LEAST_HASHED: Final = 32
"""Characters from which a text has a fingerprint: shorter ones may be passwords, which can be guessed from it."""


def record_refusal(
    audit: AuditLog,
    actor: Actor,
    because: str,
    *,
    at: int,
    target: ObjectRef = NO_OBJECT,
    action: Action = Actions.SESSION_REFUSE,
    data: Mapping[str, str] | None = None,
    once: str | None = None,
) -> None:
    """Record that `actor` was refused; not again for a minute under the same `once`: "" = every time, None = from this
    network, for this reason, of this target. Refusals of strangers, who may cause any number of them, that repeat
    themselves or come in a flood are counted, and each minute of that is one entry."""
    count("refused_credentials", str(action).partition(".")[0])
    event = AuditEvent(action, actor, target, Outcome.DENIED, data={"because": because, **(data or {})}, at=at)
    if once is None:
        once = f"refused {action} {network(actor.ip)} {because} {target.id}"
    if actor.id:
        audit.record(event, once, REFUSED_SECONDS if once else 0)
    elif audit.refuse(event, once, network(actor.ip)):
        record_counted(audit, action, at)


def record_counted(audit: AuditLog, action: Action, now: int) -> bool:
    """Write what was counted of refusals for longer than a minute; whether there was any."""
    counted = audit.counted_refusals(action, now)
    if counted is None:
        return False
    data = {
        "because": COUNTED,
        "count": counted.count,
        "since": rfc3339(counted.since),
        "networks": counted.networks,
        "reasons": dict(counted.reasons),
        "targets": dict(counted.targets),
        "sample": list(counted.sample),
    }
    event = AuditEvent(action, COUNTER, outcome=Outcome.DENIED, data={k: v for k, v in data.items() if v}, at=now)
    audit.write_counted_refusals(counted, event)
    return True


def fingerprint(sent: str) -> dict[str, str]:
    """What an event says of a secret that somebody sent: enough to see that two are the same."""
    if len(sent) < LEAST_HASHED:
        return {}
    return {"fingerprint": hashlib.sha256(sent.encode(errors="replace")).hexdigest()[:16]}
