"""Who may call a route: every endpoint says so, and one that does not stops the start (Z1).

    @bp.post("/files/<file_id>/rename")
    @route_act(Acts.FILE_RENAME)                    # below the route decorator
    def rename(file_id: str) -> ResponseReturnValue: ...

    @public                                        # anybody: sign-in form, health
    @public_upload                                 # anybody, with files: guests of a request
    @signed_in                                     # whoever is signed in
    declare(app, "files.index_view", access_to(Acts.FILES_LIST_ALL))   # for views made by a library

A route names what is done there; which permission that takes is said once, in the table of acts. The declaration is the
first lock (`web/route_guard.py`); the services ask again, knowing the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from flask import Flask

from backoffice.domain.acts import Act, Proof
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission

F = TypeVar("F", bound=Callable[..., Any])

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_BODY: Final = 1024 * 1024
"""Bytes of body that a route takes unless it says otherwise: a form or a small JSON document."""

_ATTRIBUTE: Final = "__access__"
_TABLE: Final = "backoffice.access"
_READING: Final = (":read", ":export")


class Who(StrEnum):
    """The kinds of callers a route can be for."""

    PUBLIC = "public"
    ASSET = "asset"  # the same bytes for everybody: nobody is asked who they are
    SIGNED_IN = "signed in"
    HOLDER = "holder"  # of at least one of the permissions
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Access:
    """What one endpoint demands: one of `permissions`, and each of `also`. `max_body` bounds the request body in bytes;
    None: the view reads it by itself, with its own limit. `own_header`: a request header that its clients always send
    and no page of another site can, without asking first; it takes the place of a form's token."""

    who: Who
    permissions: tuple[Permission, ...] = ()
    max_body: int | None = DEFAULT_BODY
    also: tuple[Permission, ...] = ()
    own_header: str = ""


def access_to(
    *acts: Act, everybody: bool = False, also: Iterable[Act] = (), max_body: int | None = DEFAULT_BODY
) -> Access:
    """For whoever may do at least one of these acts, and each of `also`, to something: whosever it is, or `everybody`:
    to what is somebody else's. Raises ValueError where no act is named, or one that nobody does over the web."""
    named = (*acts, *also)
    if not acts or any(act.proof is Proof.SHELL for act in named):
        raise ValueError("name at least one act, and none of the command line")
    if any(act.takes is None for act in acts):
        return Access(Who.SIGNED_IN, (), max_body)
    wanted = permissions_for(acts, everybody=everybody)
    besides = [permissions_for([act], everybody=everybody) for act in also]
    if not wanted or not all(besides):
        raise ValueError("nobody does this to what is somebody else's")
    return Access(Who.HOLDER, wanted, max_body, tuple(one[0] for one in besides))


def permissions_for(acts: Iterable[Act], *, everybody: bool = False) -> tuple[Permission, ...]:
    """What lets somebody do one of these to something, whosever it is; `everybody`: to what is somebody else's."""
    wanted = ((act.foreign,) if everybody else act.opens for act in acts)
    return tuple(dict.fromkeys(one for some in wanted for one in some if one is not None))


def route_act(
    *acts: Act,
    everybody: bool = False,
    also: Iterable[Act] = (),
    max_body: int | None = DEFAULT_BODY,
    own_header: str = "",
) -> Callable[[F], F]:
    """The view does one of these: see `access_to`, and `Access.own_header`."""
    access = access_to(*acts, everybody=everybody, also=also, max_body=max_body)
    return _marked(replace(access, own_header=own_header))


def public(view: F) -> F:
    """The view is for anybody."""
    return _marked(Access(Who.PUBLIC))(view)


def public_upload(view: F) -> F:
    """The view is for anybody, and reads the body by itself, when it knows by what right somebody sends it."""
    return _marked(Access(Who.PUBLIC, max_body=None))(view)


def signed_in(view: F) -> F:
    """The view is for whoever is signed in; it acts on their own things only."""
    return _marked(Access(Who.SIGNED_IN))(view)


def asset(view: F) -> F:
    """The view gives everybody the same and must work while the store is away: static files, liveness."""
    return _marked(Access(Who.ASSET))(view)


def declare(app: Flask, endpoint: str, access: Access) -> None:
    """Say it for an endpoint whose view cannot be decorated. Saying two different things is an error."""
    table: dict[str, Access] = app.extensions.setdefault(_TABLE, {})
    if table.setdefault(endpoint, access) != access:
        raise ValueError(f"{endpoint} is declared twice, differently")


def access_of(app: Flask, endpoint: str) -> Access | None:
    """What the endpoint demands, None when nobody said."""
    table: dict[str, Access] = app.extensions.setdefault(_TABLE, {})
    found = table.get(endpoint)
    if found is None:
        found = getattr(app.view_functions.get(endpoint), _ATTRIBUTE, None)
        if found is not None:
            table[endpoint] = found  # asked for several times in each request
    return found


def check_declared(app: Flask) -> None:
    """Raise RuntimeError naming every endpoint that is undeclared, or that can change things with a right to read."""
    problems = []
    known = set(all_permissions())
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        unsafe = (rule.methods or set()) - SAFE_METHODS
        if access is None:
            problems.append(f"{rule} ({rule.endpoint}) does not declare who may call it")
        elif unknown := sorted({*access.permissions, *access.also} - known):
            problems.append(f"{rule} ({rule.endpoint}) asks for {', '.join(unknown)}, which nobody can hold")
        elif unsafe and any(permission.endswith(_READING) for permission in access.permissions):
            problems.append(f"{rule} ({rule.endpoint}) takes {', '.join(sorted(unsafe))} for a right to read")
        elif unsafe and access.who is Who.ASSET:
            problems.append(f"{rule} ({rule.endpoint}) is an asset and takes {', '.join(sorted(unsafe))}")
    if problems:
        raise RuntimeError("\n".join(sorted(problems)))


def _marked(access: Access) -> Callable[[F], F]:
    def mark(view: F) -> F:
        setattr(view, _ATTRIBUTE, access)
        return view

    return mark
