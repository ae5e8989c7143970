"""Records to hashes and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.stores.records.codec import Codec, pairs


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Record:
    id: str
    text: str
    number: int
    colour: Colour = Colour.RED
    maybe: int | None = None
    words: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    colours: frozenset[Colour] = frozenset()
    narrowed: frozenset[Colour] | None = None
    version: int = 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
RECORDS = st.builds(
    Record,
    id=st.just("r1"),
    text=TEXTS,
    number=st.integers(),
    colour=st.sampled_from(Colour),
    maybe=st.one_of(st.none(), st.integers()),
    words=st.lists(TEXTS, max_size=3).map(tuple),
    numbers=st.lists(st.integers(), max_size=3).map(tuple),
    colours=st.frozensets(st.sampled_from(Colour)),
    narrowed=st.one_of(st.none(), st.frozensets(st.sampled_from(Colour))),
    version=st.integers(1, 3),
)
KINDS = [Codec(Record), Codec(Record, sparse=True), Codec(Record, sparse=True, short={"text": "t", "number": "n"})]


def row(fields: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): text.encode() for name, text in fields.items()}


@given(record=RECORDS)
def test_what_is_written_is_read(record: Record) -> None:
    for codec in KINDS:
        assert codec.decode("r1", row(codec.encode(record))) == record


@given(old=RECORDS, new=RECORDS)
def test_changes_lead_from_one_to_the_other(old: Record, new: Record) -> None:
    for codec in KINDS:
        put, drop = codec.changes(old, new)
        fields = {name: text for name, text in (codec.encode(old) | put).items() if name not in drop}
        assert fields == codec.encode(new)
        assert not set(put) & set(drop)
    assert KINDS[0].changes(old, old) == ({}, [])


def test_sparse_leaves_out_defaults() -> None:
    assert KINDS[1].encode(Record("r1", "", 0)) == {"text": "", "number": "0"}
    assert KINDS[2].encode(Record("r1", "x", 0, version=2)) == {"t": "x", "n": "0", "version": "2"}


@dataclass(frozen=True)
class Proof:
    id: str
    digest: bytes


@given(digest=st.binary(max_size=40))
def test_bytes_stand_as_base64(digest: bytes) -> None:
    codec = Codec(Proof)
    fields = codec.encode(Proof("r1", digest))
    assert len(fields["digest"]) <= len(digest) * 4 / 3 + 1
    assert codec.decode("r1", row(fields)) == Proof("r1", digest)


def test_nothing_and_empty_are_told_apart() -> None:
    for value in (None, frozenset[Colour](), frozenset({Colour.BLUE})):
        record = Record("r1", "", 0, narrowed=value)
        assert KINDS[0].decode("r1", row(KINDS[0].encode(record))).narrowed == value


def test_unknown_fields_are_left_alone() -> None:
    fields = row(KINDS[0].encode(Record("r1", "x", 1))) | {b"newer": b"\xff"}
    assert KINDS[0].decode("r1", fields) == Record("r1", "x", 1)


def test_a_type_without_a_text_form_is_refused_when_declared() -> None:
    @dataclass(frozen=True)
    class Bad:
        id: str
        thing: dict[str, str]

    with pytest.raises(TypeError, match="no text form"):
        Codec(Bad)


def test_pairs_takes_both_shapes() -> None:
    assert pairs([b"a", b"1", b"b", b"2"]) == pairs({b"a": b"1", b"b": b"2"}) == {b"a": b"1", b"b": b"2"}
    assert pairs([]) == pairs({}) == {}
    with pytest.raises(ValueError, match="zip"):
        pairs([b"a"])


@given(
    fields=st.dictionaries(
        st.sampled_from([b"text", b"number", b"colour", b"maybe", b"words", b"numbers", b"narrowed", b"version"]),
        st.one_of(
            st.binary(max_size=8), st.sampled_from([b"1", b"red", b"[1]", b'["red"]', b"null", b"{}", b'[["a"]]'])
        ),
    )
)
def test_what_cannot_be_read_is_said_by_these_two_errors(fields: dict[bytes, bytes]) -> None:
    """They are what `fsck` takes for a damaged record."""
    try:
        record = KINDS[0].decode("r1", fields)
    except (TypeError, ValueError):
        return
    assert KINDS[0].decode("r1", row(KINDS[0].encode(record))) == record


def test_items_of_another_kind_become_text() -> None:
    fields = {b"text": b"x", b"number": b"1", b"words": b'[1, "a"]'}
    assert KINDS[0].decode("r1", fields).words == ("1", "a")
