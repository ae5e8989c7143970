"""Saved views of the lists of the admin site, for programs."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.errors import Conflict, NotFound
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Id, Strict, changes_of, given, json_body, query
from backoffice.web.api.responses import Answer, Time, send
from backoffice.web.api.users import TAG
from backoffice.web.api.versions import demanded_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act
from backoffice.web.sections import canonical_query

ERRORS: Final = (NotFound, Conflict)


class ViewAnswer(Answer):
    """A saved view of a list."""

    id: Id
    section: Annotated[str, Field(description="The list, as it is called in addresses: `files`, `users`")]
    name: str
    query: Annotated[str, Field(description="The address of the list, behind the question mark")]
    shared: Annotated[bool, Field(description="With everybody who may see the list")]
    owner: Id
    created_at: Time
    updated_at: Time
    version: int


class ViewsAnswer(Answer):
    """Saved views."""

    items: list[ViewAnswer]


class ViewRequest(Strict):
    """A new view."""

    section: Annotated[str, Field(max_length=40)]
    name: Annotated[str, Field(max_length=256)]
    query: Annotated[str, Field(max_length=2000)]
    shared: bool = False


class ViewFields(Strict):
    """What can be changed of one."""

    name: Annotated[str, Field(max_length=256)]
    query: Annotated[str, Field(max_length=2000)]
    shared: bool


class ViewsQuery(Strict):
    """Of which list."""

    section: Annotated[str, Field(max_length=40)]


ViewChange = changes_of(ViewFields)


@admin_bp.get("/views")
@Operation("List saved views", TAG, answer=ViewsAnswer, query=ViewsQuery)
@route_act(Acts.VIEW_READ)
def list_views() -> Response:
    """Of one list: your own, and those that are shared, by name."""
    found = services().views.for_section(actor(), query(ViewsQuery, request).section)
    return send(ViewsAnswer.model_validate({"items": found}))


@admin_bp.post("/views")
@Operation("Save a view", TAG, status=201, answer=ViewAnswer, body={JSON: ViewRequest}, raises=(Conflict,))
@route_act(Acts.VIEW_CREATE, max_body=None)
def create_view() -> Response:
    """Of a list that you may see. What is asked for has to fit the list."""
    wanted = given(json_body(ViewRequest, request))
    wanted["query"] = canonical_query(wanted["section"], wanted["query"])
    return send_record(ViewAnswer, services().views.create(actor(), **wanted), 201)


@admin_bp.get("/views/<view_id>")
@Operation("One saved view", TAG, answer=ViewAnswer, raises=(NotFound,), versioned=True)
@route_act(Acts.VIEW_READ)
def get_view(view_id: str) -> Response:
    """Your own, or a shared one."""
    return send_record(ViewAnswer, services().views.get(actor(), view_id))


@admin_bp.patch("/views/<view_id>")
@Operation("Change a saved view", TAG, answer=ViewAnswer, body={JSON: ViewChange}, raises=ERRORS, versioned=True)
@route_act(Acts.VIEW_UPDATE, max_body=None)
def update_view(view_id: str) -> Response:
    """What is left out stays. A shared one of somebody else takes the right `views:write`."""
    wanted, views = given(json_body(ViewChange, request)), services().views
    old = views.get(actor(), view_id)
    version = demanded_version(old)
    if "query" in wanted:
        wanted["query"] = canonical_query(old.section, wanted["query"])
    return send_record(ViewAnswer, views.update(actor(), view_id, version=version, **wanted))


@admin_bp.delete("/views/<view_id>")
@Operation("Delete a saved view", TAG, status=204, raises=(NotFound,), versioned=True)
@route_act(Acts.VIEW_DELETE)
def delete_view(view_id: str) -> ResponseReturnValue:
    """Likewise."""
    views = services().views
    views.delete(actor(), view_id, demanded_version(views.get(actor(), view_id)))
    return "", 204
