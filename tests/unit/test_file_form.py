"""Names of files in the form of the page, as browsers send them."""

from __future__ import annotations

import pytest

from backoffice.errors import Invalid
from backoffice.web.pages.file_form import file_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.txt", "a.txt"),
        ("dir/sub/a.txt", "a.txt"),
        ("C:\\dir\\a.txt", "a.txt"),
        ("%22a%22 100%.txt", '"a" 100%.txt'),
        ("", ""),
    ],
)
def test_names_as_browsers_send_them(given: str, name: str) -> None:
    assert file_name(given) == name


def test_a_name_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match="at most 4096 characters"):
        file_name("a" * 5000)
    assert file_name("a/" * 2000 + "b.txt") == "b.txt"
