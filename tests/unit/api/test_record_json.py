"""Records as JSON: what pydantic makes of them, at a fraction of the cost."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    computed_field,
    field_validator,
)

from backoffice.domain.files import File
from backoffice.domain.paging import Page
from backoffice.domain.uploads import Upload
from backoffice.domain.users import User
from backoffice.web.api.files import FileAnswer, FilesAnswer
from backoffice.web.api.record_json import page_json, record_json
from backoffice.web.api.responses import OWNER_NAMES, Answer, CursorPageOf, PageOf, SortedTexts
from backoffice.web.api.roles import RoleAnswer
from backoffice.web.api.unfinished import UploadAnswer, UploadsAnswer
from backoffice.web.api.users import UserAnswer, UsersAnswer

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-1, 2**53)
TIMES = st.integers(0, 2**42)
CONTEXT = {OWNER_NAMES: {"a": "ann", "": "nobody"}}
NAMED = st.one_of(st.sampled_from(["a", "b", ""]), st.text(st.characters(codec="ascii"), max_size=64))


def records(of: type[Any], **more: Any) -> st.SearchStrategy[Any]:
    """Records with texts of all kinds, numbers and times."""
    given_by = {
        **{name: TEXTS for name in ("name", "mime_type", "username", "email") if name in of.__dataclass_fields__},
        **{name: NUMBERS for name in ("size", "total_chunks", "received", "bytes") if name in of.__dataclass_fields__},
        **{name: TIMES for name in of.__dataclass_fields__ if name.endswith(("_at", "_until"))},
    }
    return st.builds(of, **{**given_by, "id": NAMED, **more})


FILES = records(File, owner=NAMED, tags=st.lists(TEXTS, max_size=3).map(tuple), digest=st.binary(max_size=32))
UPLOADS = records(Upload, owner=NAMED)
USERS = records(User, roles=st.lists(TEXTS, max_size=3).map(tuple), quota_bytes=st.one_of(st.none(), NUMBERS))
ONE = st.one_of(
    st.tuples(st.just(FileAnswer), FILES),
    st.tuples(st.just(UploadAnswer), UPLOADS),
    st.tuples(st.just(UserAnswer), USERS),
)


def pages(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Page[Any]]:
    return st.builds(Page, st.lists(of, max_size=3).map(tuple), NUMBERS, st.booleans(), TEXTS)


LISTS = st.one_of(
    st.tuples(st.just(FilesAnswer), pages(FILES)),
    st.tuples(st.just(UploadsAnswer), pages(UPLOADS)),
    st.tuples(st.just(UsersAnswer), pages(USERS)),
)


def by_pydantic(model: type[BaseModel], record: Any, context: Any) -> dict[str, Any]:
    return model.model_validate(record, context=context).model_dump(mode="json")


@pytest.fixture(scope="module")
def app() -> Flask:
    return Flask(__name__)


@given(case=st.one_of(ONE, LISTS), context=st.sampled_from([CONTEXT, None]))
def test_it_is_what_pydantic_makes_byte_for_byte(app: Flask, case: tuple[type[BaseModel], Any], context: Any) -> None:
    model, record = case
    ours, theirs = record_json(model, record, context), by_pydantic(model, record, context)
    assert app.json.dumps(ours) == app.json.dumps(theirs)
    assert list(ours) == list(theirs), "in the same order"


@given(case=LISTS, context=st.sampled_from([CONTEXT, None]))
def test_a_page_as_text_is_the_same(app: Flask, case: tuple[type[BaseModel], Any], context: Any) -> None:
    model, page = case
    with app.app_context():
        for _ in range(2):  # the second time as it is remembered
            assert page_json(model, page, context) == app.json.dumps(by_pydantic(model, page, context))


def test_what_is_remembered_of_a_record_is_not_taken_for_another_or_for_another_owner(app: Flask) -> None:
    old = File("a", "old.txt", 1, "text/plain", "o", 1, 1)
    with app.app_context():
        for file in (old, replace(old, name="new.txt", version=2), old):
            for owner in ("ann", "bob", "ann"):
                context = {OWNER_NAMES: {"o": owner}}
                [item] = json.loads(page_json(FilesAnswer, Page((file,), 1), context))["items"]
                assert (item["name"], item["version"], item["owner"]) == (file.name, file.version, owner)


def test_permissions_are_sorted() -> None:
    role = SimpleNamespace(
        name="desk",
        description="",
        permissions=frozenset("cab"),
        copied_from="",
        inactive_days=0,
        share_days=0,
        share_password=0,
        built_in=False,
        created_at=0,
        updated_at=5,
        version=1,
    )
    assert record_json(RoleAnswer, role) == by_pydantic(RoleAnswer, role, None)


class Color(StrEnum):
    RED = "red"


class Size(Enum):
    BIG = "big"


def shout(text: str) -> str:
    return text.upper()


def named(text: str, info: ValidationInfo) -> str:
    return f"{text}@{(info.context or {}).get('at')}"


class Plain(Answer):
    color: Color
    texts: SortedTexts
    twice: Annotated[str, BeforeValidator(shout), BeforeValidator(named)]
    renamed: Annotated[Literal["x"] | None, Field(validation_alias="other")]


class Checked(Answer):
    text: Annotated[str, AfterValidator(shout)]
    number: int


class Shown(Answer):
    text: Annotated[str, PlainSerializer(shout)]
    number: int


class Inner(Answer):
    text: list[Annotated[str, BeforeValidator(shout)]]
    number: int


class ByMethod(Answer):
    text: str
    number: int

    @field_validator("text")
    @classmethod
    def loud(cls, text: str) -> str:
        return shout(text)


class Computed(Answer):
    text: str
    number: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return self.number * 2


class Defaulted(Answer):
    text: str
    number: int
    more: int = 7


class Sized(Answer):
    size: Size
    number: int


class Nested(Answer):
    one: Checked
    number: int


@dataclass
class Thing:
    text: Any = "a"
    number: int = 1
    color: Color = Color.RED
    texts: frozenset[str] = frozenset("ba")
    twice: str = "b"
    other: str = "x"
    size: Size = Size.BIG


@pytest.mark.parametrize("model", [Plain, Checked, Shown, ByMethod, Computed, Defaulted, Sized])
def test_whatever_a_model_is_made_of(model: type[Answer]) -> None:
    ours = record_json(model, Thing(), {"at": "home"})
    assert ours == by_pydantic(model, Thing(), {"at": "home"})
    assert json.dumps(ours)


def test_what_items_are_made_of() -> None:
    assert record_json(Inner, Thing(["a"])) == {"text": ["A"], "number": 1}
    assert record_json(Nested, SimpleNamespace(one=Thing(), number=2)) == {
        "one": {"text": "A", "number": 1},
        "number": 2,
    }
    page = Page((Thing(),), 1)
    for model in (PageOf[Checked], CursorPageOf[Computed], PageOf[Plain]):
        assert record_json(model, page, {"at": "x"}) == by_pydantic(model, page, {"at": "x"})


def test_pydantic_checks_what_it_reads() -> None:
    with pytest.raises(ValidationError):
        record_json(Checked, Thing(text=5))
