"""Names of users: which there can be (UTS 39), and that no two look alike."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain import unicode_tables as tables
from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.ids import new_id
from backoffice.domain.usernames import RESERVED, clean_username, look
from backoffice.domain.users import User, clean_email
from backoffice.errors import Invalid, NameTaken
from tests.support.people import PASSWORD, People

NAMES = {
    "latin": "müller",
    "turkish": "Işıl",
    "vietnamese": "Nguyễn",
    "yoruba": "ẹ́bun",
    "guarani": "g̃uarani",
    "cyrillic": "Борис",
    "greek": "Γιώργος",
    "hebrew": "שלום",
    "persian": "علی",
    "arabic with marks": "مُحَمَّد",
    "hindi": "सुनीता",
    "bengali": "সুমাইয়া",
    "thai": "สมชาย",
    "khmer": "ខ្មែរ",
    "amharic": "ተስፋ",
    "korean": "김철수",
    "kanji and kana": "田中さくら",
    "a rare ideograph": "𠮷野",
    "japanese with latin": "田中tanaka",
    "digits of its own": "علی۱۲",
    "an address": "a.b+c@example.org",
    "digits alone": "12",
}
NO_NAMES = {
    "a phonetic letter": "\u0251dmin",
    "a small capital": "a\u1d05min",
    "cyrillic in latin": "\u0430lice",
    "greek in latin": "alic\u03b5",
    "a filler": "\u3164",
    "a filler behind": "alice\u3164",
    "a joiner": "a\u200cb",
    "cherokee": "\u13e3\u13b3\u13a9",
    "coptic": "\u2c81\u2c83",
    "two kinds of digits": "1\u0663",
    "a dot on a dot": "adm\u0069\u0307n",
    "a mark on nothing": "a.\u0301b",
    "a mark first": "\u0301a",
    "the same mark twice": "a\u0331\u0331",
    "many marks": "a\u0323\u0301\u0302\u0303\u0304\u0306",
    "an underline": "a\u0332b",
    "private use": "a\ue000b",
    "unassigned": "a\u0378b",
    "a control": "a\0b",
    "punctuation last": "a-",
    "a symbol": "a\u2764",
}
ALIKE = [
    ("admin", "adm\u0131n"),
    ("alice", "a1ice"),
    ("alice", "aIice"),
    ("ALICE", "aIlCE"),
    ("bob0", "bobO"),
    ("modern", "rnodern"),
    ("paypal", "paypa1"),
    ("bob", "\u0412\u041e\u0412"),
    ("cope", "\u0441\u043e\u0440\u0435"),
    ("scope", "\u0455\u0441\u043e\u0440\u0435"),
    ("oo", "\u03bf\u03bf"),
    ("\u4e00", "\u30fc"),
    ("\u0966\u0966", "oo"),
]
APART = [
    ("ann", "anna"),
    ("Борис", "boris"),
    ("вов", "bob"),
    ("müller", "muller"),
    ("田中", "中田"),
    ("user1", "user2"),
    ("user10", "user1"),
    ("नन", "मम"),
]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_that_people_have(name: str) -> None:
    assert clean_username(name) == unicodedata.normalize("NFKC", name)


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_what_no_name_is_made_of(name: str) -> None:
    with pytest.raises(Invalid):
        clean_username(name)


@pytest.mark.parametrize("name", [*RESERVED, "system", "System", "system-worker", "w0rker", "R00T", "setup", "systern"])
def test_names_of_the_site_itself_are_reserved(name: str) -> None:
    with pytest.raises(Invalid, match="reserved"):
        clean_username(name)
    assert clean_username(name, reserved=True) == name


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_looks_alike_is_one(one: str, other: str) -> None:
    assert look(one) == look(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_looks_different_is_two(one: str, other: str) -> None:
    assert look(one) != look(other)


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        name = clean_username(text)
    except Invalid:
        return
    assert clean_username(name) == name
    assert look(name) == look(unicodedata.normalize("NFD", name))
    assert name.isprintable()


def test_the_table_knows_every_letter_that_it_maps() -> None:
    """What is generated hangs together: prototypes are prototypes of themselves."""
    entries = dict(entry.split(":") for entry in tables.CONFUSABLE.split())
    for code, seen in entries.items():
        assert look(chr(int(code, 16))) == look("".join(chr(int(one, 16)) for one in seen.split(","))), code
    assert re.fullmatch(r"\d+\.\d+", tables.VERSION)


def test_addresses_have_nothing_invisible_either() -> None:
    for address in ("a\u3164@example.org", "a@exam\u115fple.org", "a\ue000@example.org"):
        with pytest.raises(Invalid):
            clean_email(address)


# -- in the store


def test_no_two_users_look_alike(people: People, admin: Actor) -> None:
    ada, _ = people.users.create(admin, username="alina", password=PASSWORD)
    for name in ("a1ina", "aIina", "al\u0131na"):
        with pytest.raises(NameTaken, match="looks like") as caught:
            people.users.create(admin, username=name)
        assert caught.value.details["field"] == "username"
    bob, _ = people.users.create(admin, username="bob")
    with pytest.raises(NameTaken, match="looks like"):
        people.users.update(admin, bob.id, username="AL1NA")
    # Oneself may: another case, or a name that looks like the one before.
    assert people.users.update(admin, ada.id, username="Alina").username == "Alina"
    assert people.users.update(admin, ada.id, username="a1ina").username == "a1ina"


def test_nobody_takes_the_look_of_a_deleted_user(people: People, admin: Actor) -> None:
    ada, _ = people.users.create(admin, username="alina")
    people.users.delete(admin, ada.id)
    with pytest.raises(NameTaken):
        people.users.create(admin, username="a1ina")


def test_a_name_that_is_given_up_is_free(people: People, admin: Actor) -> None:
    ada, _ = people.users.create(admin, username="alina")
    people.users.update(admin, ada.id, username="ada")
    assert people.users.create(admin, username="a1ina")[0].username == "a1ina"


@pytest.mark.parametrize("name", ["system-worker", "\u0251dmin", "\u13e3\u13b3\u13a9", "ad\u3164min"])
def test_who_has_a_name_that_is_refused_now_keeps_it(people: People, admin: Actor, name: str) -> None:
    now = people.clock()
    old = User(new_id(), name, now, now, email="old@example.org")
    people.user_store.insert(old, AuditEvent(Actions.USER_CREATE, admin))
    people.users.set_password(admin, old.id, PASSWORD)
    assert people.sessions.sign_in(people.visitor(), name, PASSWORD).user.id == old.id
    changed = people.users.update(admin, old.id, username=name, email="new@example.org")
    assert (changed.username, changed.email) == (name, "new@example.org")
    people.users.disable(admin, old.id)
    people.users.enable(admin, old.id)
    assert people.users.update(admin, old.id, username="plain").username == "plain"
