"""A refusal for want of quota is in the log, whichever door the bytes came by: a page, the API, a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import NO_OBJECT
from backoffice.errors import QuotaExceeded
from backoffice.measures import count
from backoffice.services.authorization import record_denial
from backoffice.services.log_ports import AuditLog


class Recording(Protocol):
    """A service that writes into the log."""

    @property
    def audit(self) -> AuditLog: ...


S = TypeVar("S", bound=Recording)
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def quota_refusals_recorded(audit: AuditLog, actor: Actor) -> Iterator[None]:
    """Record a QuotaExceeded that comes by here, once a minute for each person: it was not for want of a right. What
    cannot be recorded is not answered either: then that error comes out."""
    try:
        yield
    except QuotaExceeded:
        count("over_quota")
        record_denial(audit, actor, Acts.UPLOAD_SEND.takes, NO_OBJECT, "over the quota")
        raise


def records_quota_refusals(act: Callable[Concatenate[S, Actor, P], T]) -> Callable[Concatenate[S, Actor, P], T]:
    """The same for a method of a service. One that calls another so marked would ask the log twice."""

    @wraps(act)
    def recording(self: S, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with quota_refusals_recorded(self.audit, actor):
            return act(self, actor, *args, **kwargs)

    return recording
