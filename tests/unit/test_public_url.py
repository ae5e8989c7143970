"""The site's public address as it may be set."""

from __future__ import annotations

import pytest

from backoffice.settings.parsers import web_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://X.example:8443/Team/files/", "https://x.example:8443/Team/files"),
        ("https://x/files", "https://x/files"),
        ("https://x/~me/a.b/", "https://x/~me/a.b"),
        ("https://x/", "https://x"),
    ],
)
def test_it_may_have_a_path(text: str, url: str) -> None:
    assert web_url(text) == url


@pytest.mark.parametrize(
    "path", ["//sub", "/a//b", "/a/../b", "/.", "/%2e%2e", "/a b", "/sub#x", "/sub?x", "/sub;x", "/\\sub", "/é", '/"x']
)
def test_a_path_that_means_something_else_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        web_url(f"https://x{path}")
