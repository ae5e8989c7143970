"""Reading what a request says, strictly: what is not understood is refused, with the name of the field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar

from flask import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, create_model
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType

from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.times import parse_time
from backoffice.errors import Invalid
from backoffice.web.body import read_exact

JSON: Final = "application/json"
MAX_JSON: Final = 64 * 1024
"""Bytes of a JSON body that carries no chunk."""
MAX_DEPTH: Final = 8
MAX_DIGITS: Final = 19
MAX_BYTES: Final = 2**63 - 1
MAX_CURSOR: Final = 6000
"""A cursor holds a folded name, in which one character can have become eighteen."""
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")
_ONE_KIND = str.maketrans("{}", "[]")

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A body or a query: no field that is not written down, no value that only looks like the right one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _int_from_text(value: object, info: ValidationInfo) -> object:
    """From text (a query, a form) digits and nothing else; in JSON a number stays what it is."""
    if isinstance(value, str) and (info.context or {}).get("text"):
        if not (value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS):
            raise ValueError("must be a whole number, written in digits only")
        return int(value)
    return value


def _bool_from_text(value: object, info: ValidationInfo) -> object:
    if (info.context or {}).get("text"):
        if value not in {"0", "1", "true", "false"}:
            raise ValueError("must be 1 or 0")
        return value in {"1", "true"}
    return value


IntFromText = BeforeValidator(_int_from_text)
"""Makes an `int` (after its bounds, which the description is made of) readable from a query or a form: digits only, no
sign, space, dot or exponent."""
BoolFromText = BeforeValidator(_bool_from_text)
"""Makes a `bool` readable from them."""

Id = Annotated[str, Field(max_length=64, description="Identifier, made by the server")]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Items on a page"), IntFromText]
Cursor = Annotated[str, Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before")]


class PageQuery(Strict):
    """Which part of a list."""

    limit: Limit = 50
    cursor: Cursor = ""


def validate(model: type[M], values: Mapping[str, Any], *, text: bool = False) -> M:
    """`values` as a `model`. `text`: they come from a query or a form, where a number is written in digits.

    Raises Invalid with `errors`, a list of `{field, message}`, and the first `field`.
    """
    try:
        return model.model_validate(dict(values), context={"text": text})
    except ValidationError as error:
        raise _invalid(error) from None


def query(model: type[M], request: Request) -> M:
    """The query string as a `model`: each name once, unless the model has a tuple for it."""
    return validate(model, _singles(model, request.args), text=True)


def json_body(model: type[M], request: Request, limit: int = MAX_JSON) -> M:
    """The JSON body as a `model`. Raises Invalid, TooLarge, BodyCut, and 415 for another type of content."""
    if request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send {JSON}.")
    return validate(model, parse_json(read_exact(request, limit)))


def changes_of(request: type[Strict]) -> type[Strict]:
    """The model of a change, from that of a new record: the same fields, each of which may be left out (`NoteRequest`
    -> `NoteChange`). `given` tells which were not."""
    name = f"{request.__name__.removesuffix('Request')}Change"
    optional: dict[str, Any] = {
        field: (
            Annotated[
                about.annotation, *about.metadata, Field(description=about.description, json_schema_extra=_drop_default)
            ],
            None,
        )
        for field, about in request.model_fields.items()
    }
    model: type[Strict] = create_model(name, __base__=Strict, __doc__="What is to be changed.", **optional)
    return model


def _drop_default(schema: dict[str, Any]) -> None:
    """A field that was left out has no value: its default is never seen."""
    schema.pop("default", None)


def given(body: BaseModel) -> dict[str, Any]:
    """What the client did give, by field: for a service that leaves the rest as it is."""
    return body.model_dump(exclude_unset=True)


def moment(text: str, field: str) -> int:
    """The time (ms) that a text names; "" is 0. Raises Invalid."""
    try:
        return parse_time(text) if text else 0
    except (ValueError, OverflowError):
        raise field_error(field, "must be a time such as 2027-01-31T12:00:00Z, or a day") from None


def parse_json(body: bytes) -> dict[str, Any]:
    """The object in `body`. No key twice, no NaN, no deep nesting, nothing but UTF-8."""
    try:
        text = body.decode()
        _check_depth(text)
        value = json.loads(text, object_pairs_hook=reject_duplicates, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate, which is no text, fails here
    except UnicodeError:
        raise Invalid("The body is not UTF-8.") from None
    except ValueError as error:
        raise Invalid(f"The body is not the JSON expected: {error}.") from None
    if not isinstance(value, dict):
        raise Invalid("The body is not a JSON object.")
    return value


def reject_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Names and values as a dictionary; Invalid when a name comes twice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise field_error(name, "is given more than once")
        found[name] = value
    return found


def field_error(field: str, message: str) -> Invalid:
    """What is wrong with one field."""
    field = field[:100]
    return Invalid(f"{field}: {message}.", field=field, errors=[{"field": field, "message": message}])


@cache
def _repeatable(model: type[BaseModel]) -> frozenset[str]:
    """Names that may come several times. Found once for each model: reading annotations is slow."""
    return frozenset(name for name, field in model.model_fields.items() if "tuple" in str(field.annotation))


def _singles(model: type[BaseModel], args: MultiDict[str, str]) -> dict[str, Any]:
    many = _repeatable(model)
    found: dict[str, Any] = reject_duplicates(
        (name, value) for name, value in args.items(multi=True) if name not in many
    )
    for name in many & args.keys():
        found[name] = tuple(args.getlist(name))
    return found


def _invalid(error: ValidationError) -> Invalid:
    problems = [
        {"field": ".".join(str(part) for part in item["loc"])[:100], "message": _sentence(item["type"], item["msg"])}
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ][:20]
    first = problems[0]
    return Invalid(f"{first['field']}: {first['message']}.", field=first["field"], errors=problems)


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return "is not a field of this request"
    return message.removeprefix("Value error, ")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _check_depth(text: str) -> None:
    """Before parsing, because the parser's own answer to deep nesting is to run out of stack."""
    brackets = _NO_BRACKET.sub("", _STRINGS.sub("", text)).translate(_ONE_KIND)
    # From the inside out, a level at a time: a loop over all brackets of a large body would take seconds.
    for _ in range(MAX_DEPTH):
        if "[]" not in brackets:
            break
        brackets = brackets.replace("[]", "")
    if "[]" in brackets or brackets.count("[") > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
