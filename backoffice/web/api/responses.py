"""What the answers of all nouns have in common: their models, the types of the fields, and sending them.

A model reads the attributes of a record (`record_json.py`) and describes itself for OpenAPI:

    class GroupAnswer(Answer):
        id: Id
        label: Annotated[str, Field(validation_alias="name")]      # called otherwise in the record
        members: SortedTexts
        created_at: Time

    send_page(PageOf[GroupAnswer], services().groups.page(actor(), query))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Annotated, Any, Final, Generic, ParamSpec, Self, TypeVar
from urllib.parse import urlencode

from flask import Response, current_app, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from backoffice.domain.access import Actor
from backoffice.domain.paging import Page
from backoffice.domain.times import rfc3339
from backoffice.web.api.record_json import page_json
from backoffice.web.context import services

T = TypeVar("T", bound=BaseModel)
P = ParamSpec("P")

OWNER_NAMES: Final = "owner_names"
"""Key of the validation context under which `OwnerName` looks names up."""


class Answer(BaseModel):
    """What goes out as JSON, read from the attributes of a record."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def extending(cls, answer: Answer, **more: Any) -> Self:
        """The fields of `answer`, which this model adds to, with those added; they are not checked."""
        return cls.model_construct(**dict(answer), **more)


def _or_none(convert: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: convert(value) if value else None)


def _owner_name(owner_id: str, info: ValidationInfo) -> str:
    names: Mapping[str, str] = (info.context or {}).get(OWNER_NAMES, {})
    return names.get(owner_id, owner_id)


_DateTime = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Time = Annotated[_DateTime, BeforeValidator(rfc3339)]
"""RFC 3339, from the record's milliseconds."""
OptionalTime = Annotated[_DateTime | None, _or_none(rfc3339)]
"""The same; `null` for 0, which means never."""
OptionalText = Annotated[str | None, _or_none(str)]
"""`null` for ""."""
OptionalTexts = Annotated[list[str] | None, _or_none(sorted)]
"""A list, from a set; `null` for none."""
SortedTexts = Annotated[list[str], BeforeValidator(sorted)]
"""A list, from a set."""
OwnerName = Annotated[str, BeforeValidator(_owner_name), Field(description="User name")]
"""From a user's identifier; the context of the validation, made by `owner_context`, has the names."""


Ranges = Annotated[
    list[Annotated[list[int], Field(min_length=2, max_length=2)]],
    Field(description="Ranges of chunk indexes, both ends included"),
]


class CursorPageOf(Answer, Generic[T]):
    """A page of a list."""

    items: list[T]
    next_cursor: OptionalText


class PageOf(CursorPageOf[T], Generic[T]):
    """A page of a list, and how many there are in all."""

    total: int
    total_exact: Annotated[bool, Field(validation_alias="exact")]


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. `code` is a promise: programs may rely on it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: str = ""
    field: Annotated[str | None, Field(description="The field that is wrong, the first of several")] = None
    errors: list[FieldProblem] | None = None
    missing: Ranges | None = None


def owner_context(ids: Iterable[str], asking: Actor) -> Mapping[str, Any]:
    """The context that `OwnerName` needs for owners of these ids. Asks the store only when somebody other than `asking`
    is among them."""
    others = set(ids) - {asking.id}
    found = services().users.names(sorted(others)) if others else {}
    return {OWNER_NAMES: {**found, asking.id: asking.name}}


def send(answer: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`answer` as JSON."""
    return send_json(answer.model_dump(mode="json"), status, headers)


def send_json(answer: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """What JSON is made of, as JSON."""
    response = jsonify(answer)
    response.status_code = status
    if headers:
        response.headers.update(headers)
    return response


def send_page(model: type[CursorPageOf[T]], page: Page[Any], context: Mapping[str, Any] | None = None) -> Response:
    """The page as a `model`, with a `Link` to the page after it that repeats the query (RFC 8288)."""
    response = current_app.response_class(f"{page_json(model, page, context)}\n", mimetype="application/json")
    if page.next_cursor:
        kept = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
        following = urlencode([*kept, ("cursor", page.next_cursor)])
        response.headers["Link"] = f'<{request.script_root}{request.path}?{following}>; rel="next"'
    return response


def redirect_browsers(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """For a list at the address of a page of the admin site without its last slash: whoever typed that address in a
    browser is led to the page."""

    @wraps(view)
    def choose(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if request.headers.get("Sec-Fetch-Dest") != "document" and request.accept_mimetypes.best != "text/html":
            return view(*args, **kwargs)
        response = redirect(f"{request.script_root}{request.path}/", 303)
        response.vary.update(("Accept", "Sec-Fetch-Dest"))
        return response

    return choose
