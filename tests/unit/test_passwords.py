"""Passwords: which are refused, how they are kept, and that a flood of them takes neither memory nor all cores."""

from __future__ import annotations

import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from backoffice.errors import IntegrityError, Invalid, TooMany, WeakPassword
from backoffice.services.sign_in import passwords as module
from backoffice.services.sign_in.passwords import Passwords
from tests.support.people import CHEAP, GOOD, PASSWORD

LONG = "violet harbour 93 lantern Nord"  # 30 characters


def test_A1_argon2id_with_at_least_19_MiB_and_two_passes() -> None:
    stored = Passwords().hash(PASSWORD)
    found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$[^$]{22}\$[^$]{43}", stored)
    assert found is not None
    assert int(found[1]) >= 19 * 1024
    assert int(found[2]) >= 2
    assert Passwords().verify(stored, PASSWORD)
    assert not Passwords().stale(stored)
    assert CHEAP.stale(stored)


def test_every_hash_has_its_own_salt() -> None:
    assert CHEAP.hash(PASSWORD) != CHEAP.hash(PASSWORD)


@pytest.mark.parametrize(
    "password", ["x" * 7, "", "x" * 129, "\u0301" * 129, "пароль1", "🌵🎷🧊🚲🍋🦉🪁", LONG + "x" * 99]
)
def test_A2_length_in_code_points(password: str) -> None:
    with pytest.raises(WeakPassword, match=r"at (least 8|most 128) characters"):
        CHEAP.check(password)


@pytest.mark.parametrize(
    "password", ["xq7wpzrk", LONG + "x" * 98, "黑猫坐在白雪地上", "  spaces  kept  ", "🌵🎷🧊🚲🍋🦉🪁🎻"]
)
def test_A2_any_characters_are_fine_and_none_is_cut_off(password: str) -> None:
    stored = CHEAP.hash(CHEAP.check(password))
    assert CHEAP.verify(stored, password)
    for other in (password[:-1], password + " ", password.upper() + "!", password.strip() + "?"):
        assert not CHEAP.verify(stored, other)


def test_A2_no_truncation_at_72_bytes_or_at_a_nul() -> None:
    stored = CHEAP.hash("x" * 100 + "a")
    assert not CHEAP.verify(stored, "x" * 100 + "b")
    stored = CHEAP.hash("before\0after")
    assert not CHEAP.verify(stored, "before\0other")


@pytest.mark.parametrize(
    "password",
    [
        *("password", "PASSWORD", "password1", "12345678", "qwertyuiop", "iloveyou", "\uff50assword"),
        *("aaaaaaaa", "abcdabcd", "P@ssw0rd1", "Passw0rd!", "Summer2026", "letmein123", "1" * 14, "x" * 127 + "y"),
        *("qwertyuiop" * 12, "drowssap", "密码密码一二三四", "01.02.1990"),
    ],
)
def test_A2_the_commonest_are_refused(password: str) -> None:
    """Words, years, keys beside each other, repeats, signs for letters: what is tried first, found in 10^8 guesses."""
    with pytest.raises(WeakPassword, match="first that are tried"):
        CHEAP.check(password)


@pytest.mark.parametrize(
    "password",
    [
        " " * 8,
        "\t" * 8,
        "\u200b" * 8,
        "\u200b\u200c\u2060\u3164\u115f\u2800\u034f\ufe0f\u00ad\u2063",
        "\0\1\2\3\4\5\6\7\x0b",
    ],
)
def test_A2_something_of_it_is_seen(password: str) -> None:
    with pytest.raises(WeakPassword, match="can be seen"):
        CHEAP.check(password)


def test_A2_what_is_not_seen_makes_no_password_stronger() -> None:
    with pytest.raises(WeakPassword, match="first that are tried"):
        CHEAP.check("\u200bp\u200ca\u2060s\u3164s\u115fw\u2800o\u034fr\ufe0fd\u00ad")


def test_judging_a_password_costs_its_length() -> None:
    """Signs that stand for letters have 736 readings, each of which was looked up: two seconds. One lookup of the same
    length without them is what it is compared with, so that a busy machine does not matter."""

    def seconds(password: str) -> float:
        began = time.thread_time()
        CHEAP.check(password)
        return time.thread_time() - began

    plain, signs = "aebcidfgjhk" * 4 + LONG, "4@8({[<369&#!1|/\\70$5+%2" * 2 + LONG
    seconds(plain)
    assert min(seconds(signs[:72]) for _ in range(3)) < 25 * min(seconds(plain[:72]) for _ in range(3))


def test_one_persons_words_are_not_anothers() -> None:
    """zxcvbn keeps them in its module, and many threads judge at once."""

    def judge(name: str) -> bool:
        for _ in range(15):
            CHEAP.check("Mirabellaxq1", f"other{name}")
            with pytest.raises(WeakPassword, match="your name"):
                CHEAP.check(f"Mira{name}xq1", f"Mira{name}xq")
        return True

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns in the middle of everything
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(judge, ("bella", "dora", "mar", "nda")))
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize(
    ("password", "own"),
    [
        ("adalovelace", ("AdaLovelace", "")),
        ("AdaLovelace1815", ("adalovelace", "")),
        ("ada@example.org", ("other", "ada@example.org")),
        ("lovelace!!", ("ada", "lovelace@example.org")),
        ("AdaLovelace", ("ada.lovelace", "")),
        ("4daL0velace", ("ada lovelace", "")),
        ("backoffice", ("ada", "")),
        ("Backoffice1", ("ada", "")),
    ],
)
def test_A2_little_but_an_own_name_is_refused(password: str, own: tuple[str, str]) -> None:
    with pytest.raises(WeakPassword, match="your name"):
        CHEAP.check(password, *own)


def test_A2_what_everybody_knows_of_the_site_is_an_own_name() -> None:
    site = Passwords(memory_kib=8, passes=1, words=("files.tannhauser.example", "localhost"))
    for password in ("tannhauser1", "files.tannhauser.example", "Tannhauser2026", "localhost!"):
        with pytest.raises(WeakPassword, match="your name"):
            site.check(password, "ada")


def test_a_name_inside_a_long_password_is_fine() -> None:
    assert CHEAP.check("ada likes long phrases", "ada", "ada@example.org")
    for password in GOOD:
        assert Passwords.check(CHEAP, password, "a", "e@x.y") == password


def test_the_same_text_typed_otherwise_is_the_same_password() -> None:
    stored = CHEAP.hash(CHEAP.check("cafe\u0301 au lait"))
    assert CHEAP.verify(stored, "caf\u00e9 au lait")
    assert not CHEAP.verify(stored, "cafe au lait")


def test_A3_nobody_has_the_dummys_password() -> None:
    for password in ("", " ", PASSWORD, "x" * 5000, "\ud800"):
        assert not CHEAP.verify("", password)


def test_A3_the_dummy_costs_what_a_real_one_costs() -> None:
    passwords = Passwords()
    real = passwords.hash(PASSWORD).split("$")
    dummy = passwords._dummy.split("$")
    assert dummy[:4] == real[:4]
    assert [len(part) for part in dummy] == [len(part) for part in real]


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Invalid):
        CHEAP.check("\ud800" * 10)
    assert not CHEAP.verify(CHEAP.hash(PASSWORD), "\ud800" * 10)


@pytest.mark.parametrize("stored", ["x", "$argon2id$", "$2b$12$abc", "plain text"])
def test_a_damaged_hash_is_said_so(stored: str) -> None:
    with pytest.raises(IntegrityError):
        CHEAP.verify(stored, PASSWORD)


def test_a_flood_waits_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(memory_kib=8, passes=1, parallel=2)
    hasher, most, running, lock = passwords._hasher, [0], [0], threading.Lock()
    verify = type(hasher).verify

    def slow(self: object, stored: str, text: str) -> bool:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1
        return bool(verify(hasher, stored, text))

    monkeypatch.setattr(type(hasher), "verify", slow)
    with ThreadPoolExecutor(16) as pool:
        assert not any(pool.map(lambda n: passwords.verify("", str(n)), range(32)))
    assert most[0] == 2
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    with passwords._turn(), passwords._turn(), pytest.raises(TooMany) as caught:
        passwords.verify("", "x")
    assert caught.value.retry_after >= 1
    assert not passwords.verify("", "x"), "every turn is given back"
