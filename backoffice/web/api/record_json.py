"""Records as the JSON of an answer's model, without checking them against it.

`model.model_validate(record).model_dump(mode="json")` does the same and checks every value, which is most of what a
list costs. What comes from our own store needs that as little as a response without a model does; what is done to each
field of a model is found once, here. A model that is made of more than this module knows is left to pydantic.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from flask import json
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from backoffice.domain.paging import Page

REMEMBERED: Final = 4096
"""Items of lists whose text is remembered in a process: about 1 kB each."""

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


def page_json(model: type[BaseModel], page: Page[Any], context: Any = None) -> str:
    """The JSON of a page of records, which are hashable, as text; `items` is the first field of `model`.

    Programs ask for the same lists again and again. What was written of a record is remembered by its values, and
    stands for every record that is equal.
    """
    item = _model_of(model.model_fields["items"].annotation)
    shape = _shape(item) if item is not None else None
    if shape is None:
        return json.dumps(record_json(model, page, context))
    info = _Info(context)
    items = ", ".join([_item_json(shape, one, shape.from_context(one, info)) for one in page.items])
    before, _, after = json.dumps(record_json(model, replace(page, items=()), context)).partition("[]")
    return f"{before}[{items}]{after}"


class _Shape:
    """How a model reads a record: the attributes behind its fields, and what is done to some of them."""

    def __init__(self, attributes: dict[str, str], steps: list[tuple[str, _Step]]) -> None:
        self._names = tuple(attributes)
        self._values = attrgetter(*attributes.values())
        informed = dict.fromkeys(name for name, step in steps if step.informed)
        self._steps = tuple((name, step.convert) for name, step in steps if name not in informed)
        self._informed = tuple(
            (name, attrgetter(attributes[name]), tuple(step for at, step in steps if at == name)) for name in informed
        )

    def read(self, record: Any, info: _Info) -> dict[str, Any]:
        return self.combine(record, self.from_context(record, info))

    def from_context(self, record: Any, info: _Info) -> tuple[tuple[str, Any], ...]:
        """The fields that depend on the context, and what they are."""
        found = []
        for name, attribute, steps in self._informed:
            value = attribute(record)
            for step in steps:
                value = step.convert(value, info) if step.informed else step.convert(value)
            found.append((name, value))
        return tuple(found)

    def combine(self, record: Any, known: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        """All fields, of which some are known."""
        found = dict(zip(self._names, self._values(record), strict=True))
        for name, convert in self._steps:
            found[name] = convert(found[name])
        found.update(known)
        return found


@lru_cache(maxsize=REMEMBERED)
def _item_json(shape: _Shape, record: Hashable, known: tuple[tuple[str, Any], ...]) -> str:
    return json.dumps(shape.combine(record, known))


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
