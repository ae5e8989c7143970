"""Identifiers in indexes: shorter, in the same order, and read back as they were."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.ids import ID_LENGTH, new_id
from backoffice.stores.records.compact_ids import LENGTH, compact, expand

PLAIN = string.digits + string.ascii_uppercase + string.ascii_lowercase
DENSE = "".join(map(chr, range(33, 127)))
ALPHABET = string.digits + string.ascii_letters
IDS = st.text(ALPHABET, min_size=ID_LENGTH, max_size=ID_LENGTH)


@given(
    one=st.one_of(IDS, st.text(ALPHABET, max_size=40), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
)
def test_every_identifier_is_read_back(one: str) -> None:
    assert expand(compact(one)) == one


def digit_by_digit(text: str, alphabet: str, other: str, length: int) -> str:
    """A number in other digits: what is stored since the first release."""
    number = 0
    for char in text:
        number = number * len(alphabet) + alphabet.index(char)
    found = ""
    for _ in range(length):
        number, digit = divmod(number, len(other))
        found = other[digit] + found
    return found if not number else text


@given(one=IDS)
def test_the_form_is_that_of_earlier_versions(one: str) -> None:
    assert compact(one) == digit_by_digit(one, PLAIN, DENSE, LENGTH)


@given(text=st.text(DENSE, min_size=LENGTH, max_size=LENGTH))
def test_any_twenty_characters_are_read_as_by_earlier_versions(text: str) -> None:
    assert expand(text) == digit_by_digit(text, DENSE, PLAIN, ID_LENGTH)


@given(one=IDS, other=IDS)
def test_the_order_is_kept(one: str, other: str) -> None:
    assert (compact(one) < compact(other)) == (one < other)
    assert (compact(one) == compact(other)) == (one == other)


def test_the_form_is_short_and_has_no_separator() -> None:
    for one in (new_id(), "0" * ID_LENGTH, "z" * ID_LENGTH):
        short = compact(one)
        assert len(short) == LENGTH
        assert short.isascii()
        assert short.isprintable()
        assert " " not in short


@given(text=st.text(max_size=LENGTH + 4))
def test_what_is_no_identifier_stays_as_it_is(text: str) -> None:
    found = expand(text)
    assert found in (text, text.removesuffix(" ")) or compact(found) == text


def test_beyond_the_last_identifier_there_is_none() -> None:
    assert expand("~" * LENGTH) == "~" * LENGTH
