"""Records as the JSON of an answer's model, without checking them against it.

`model.model_validate(record).model_dump(mode="json")` does the same and checks every value, which is most of what a
list costs. What comes from our own store needs that as little as a response without a model does; what is done to each
field of a model is found once, here. A model that is made of more than this module knows is left to pydantic.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

_LEAVES = (str, int, bool, type(None))


@dataclass(frozen=True, slots=True)
class _Info:
    """All that a validator of ours looks at."""

    context: Any


@dataclass(frozen=True, slots=True)
class _Step:
    """What is done to a value. `informed`: with the context."""

    convert: Callable[..., Any]
    informed: bool


def record_json(model: type[BaseModel], record: Any, context: Any = None) -> dict[str, Any]:
    """What `model`, read from the attributes of `record`, is in JSON. `context` is that of the validation."""
    shape = _shape(model)
    if shape is None:
        return model.model_validate(record, context=context).model_dump(mode="json")
    return shape.read(record, _Info(context))


class _Shape:
    """How a model reads a record: the attributes behind its fields, and what is done to some of them."""

    def __init__(self, attributes: dict[str, str], steps: list[tuple[str, _Step]]) -> None:
        self._names = tuple(attributes)
        self._values = attrgetter(*attributes.values())
        self._steps = tuple((name, step.convert, step.informed) for name, step in steps)

    def read(self, record: Any, info: _Info) -> dict[str, Any]:
        found = dict(zip(self._names, self._values(record), strict=True))
        for name, convert, informed in self._steps:
            found[name] = convert(found[name], info) if informed else convert(found[name])
        return found


@cache
def _shape(model: type[BaseModel]) -> _Shape | None:
    """None for a model that only pydantic can read."""
    own = model.__pydantic_decorators__
    methods = (own.field_validators, own.model_validators, own.field_serializers, own.model_serializers)
    if len(model.model_fields) < 2 or any(methods) or model.model_computed_fields:
        return None
    attributes: dict[str, str] = {}
    done: list[tuple[str, _Step]] = []
    for name, field in model.model_fields.items():
        attributes[name] = field.validation_alias if isinstance(field.validation_alias, str) else name
        steps = _steps(field)
        if steps is None:
            return None
        done += [(name, step) for step in steps]
    return _Shape(attributes, done)


def _steps(field: FieldInfo) -> list[_Step] | None:
    """What is done to a value, in order. None: only pydantic knows."""
    if not field.is_required() or not all(map(_known, field.metadata)):
        return None
    # The last one named is asked first.
    steps = [_step(one.func) for one in reversed(field.metadata) if isinstance(one, BeforeValidator)]
    if _plain(field.annotation):
        return steps
    inner = _model_of(field.annotation)
    shape = _shape(inner) if inner is not None else None
    if shape is None:
        return None
    return [*steps, _Step(lambda values, info: [shape.read(value, info) for value in values], informed=True)]


def _step(validator: Callable[..., Any]) -> _Step:
    asked = [one for one in inspect.signature(validator).parameters.values() if one.default is one.empty]
    return _Step(validator, informed=len(asked) > 1)


def _known(metadata: Any) -> bool:
    """Whether it is a step that is carried out here, or one that only checks or describes."""
    return isinstance(metadata, BeforeValidator | FieldInfo) or not hasattr(metadata, "__get_pydantic_core_schema__")


def _plain(hint: Any) -> bool:
    """Whether values of this type stand in JSON as they are."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _plain(args[0]) and all(_known(one) and not isinstance(one, BeforeValidator) for one in args[1:])
    if origin in {Union, types.UnionType, list}:
        return all(map(_plain, args))
    return origin is Literal or hint in _LEAVES or (isinstance(hint, type) and issubclass(hint, StrEnum))


def _model_of(hint: Any) -> type[BaseModel] | None:
    """The model of a list's items."""
    args = get_args(hint)
    if get_origin(hint) is list and isinstance(args[0], type) and issubclass(args[0], BaseModel):
        return args[0]
    return None
