"""How the API reads what it is sent (CVE-2026-32759, I7, Z3)."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from backoffice.errors import Invalid
from backoffice.web.api.parsing import BoolFromText, IntFromText, Strict, parse_json, validate
from tests.support.processor_time import least_seconds


class Sample(Strict):
    number: Annotated[int, Field(ge=0, le=2**63 - 1), IntFromText]
    name: str = ""
    flag: Annotated[bool, BoolFromText] = False


def fields_of(error: Invalid) -> list[str]:
    return [one["field"] for one in error.details["errors"]]


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "+1",
        " 1",
        "1 ",
        "1e5",
        "1e400",
        "1.0",
        "0x10",
        "1_000",
        "١",
        "²",
        "",
        "nan",
        "9" * 20,
        "9" * 5000,
        "1\n",
        "true",
        "null",
        str(2**63),
    ],
)
def test_cve_2026_32759_a_number_in_text_is_digits(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate(Sample, {"number": text}, text=True)
    assert fields_of(caught.value) == ["number"]


@pytest.mark.parametrize("text", ["0", "7", "007", str(2**63 - 1)])
def test_digits_are_read(text: str) -> None:
    assert validate(Sample, {"number": text}, text=True).number == int(text)


@pytest.mark.parametrize("value", ["1", 1.0, 1e5, True, None, [], {}, -1, 2**63, math.inf, 10**400])
def test_cve_2026_32759_a_number_in_json_is_an_integer(value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        validate(Sample, {"number": value})
    assert fields_of(caught.value) == ["number"]


@pytest.mark.parametrize("field", ["owner", "state", "quota", "version", "__class__", "id", ""])
def test_z3_fields_that_are_not_asked_for_are_refused(field: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate(Sample, {"number": 1, field: "x"})
    assert field in fields_of(caught.value)
    assert "is not a field" in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Invalid, match="number: is required"):
        validate(Sample, {})


@pytest.mark.parametrize("value", ["yes", "on", "", "2", "TRUE"])
def test_a_flag_is_one_or_zero(value: str) -> None:
    with pytest.raises(Invalid):
        validate(Sample, {"number": "1", "flag": value}, text=True)


@pytest.mark.parametrize(
    ("body", "because"),
    [
        (b'{"a": 1, "a": 2}', "more than once"),
        (b'{"b": {"a": 1, "a": 2}}', "more than once"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b"[" * 10_000, "nested"),
        (b'{"a":' * 10_000, "nested"),
        (b"[" * 9 + b"]" * 9, "nested"),
        (b"\xff{}", "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"", "Expecting value"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b"null", "object"),
        (b"{} {}", "Extra data"),
        (b"{'a': 1}", "Expecting"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_i7_json_that_is_refused(body: bytes, because: str) -> None:
    with pytest.raises(Invalid, match=because):
        parse_json(body)


def test_i7_brackets_in_text_are_text() -> None:
    body = json.dumps({"a": "[" * 1000 + '\\"{'}).encode()
    assert parse_json(body) == {"a": "[" * 1000 + '\\"{'}


def test_i7_the_check_of_depth_is_linear() -> None:
    def parse() -> None:
        with pytest.raises(Invalid):
            parse_json(b'{"a": "' + b'\\"' * 1_000_000)
        parse_json(b'{"a": "' + b"A" * 5_000_000 + b'"}')

    assert least_seconds(parse, 1) < 1


def test_half_a_surrogate_is_no_text() -> None:
    with pytest.raises(Invalid, match="UTF-8"):
        parse_json(b'{"number": 1, "names": ["\\ud800"]}')
    assert parse_json(b'{"name": "\\ud83d\\ude00"}') == {"name": "\U0001f600"}


@given(st.binary(max_size=200))
def test_i7_any_bytes_give_an_object_or_a_refusal(body: bytes) -> None:
    try:
        assert isinstance(parse_json(body), dict)
    except Invalid as error:
        str(error).encode()
