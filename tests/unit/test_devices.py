"""What clients call themselves, in words."""

from __future__ import annotations

import pytest

from backoffice.web.devices import device_name, device_tag

LINUX, WINDOWS = "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (f"{LINUX} {KIT} Chrome/156.0.0.0 Safari/537.36", "Chrome on Linux"),
        (f"{WINDOWS} {KIT} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0", "Edge on Windows"),
        (f"{LINUX} {KIT} HeadlessChrome/156.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on macOS"),
        (f"{PHONE} Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{PHONE} CriOS/156.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 (Linux; Android 15) {KIT} SamsungBrowser/27 Chrome/130 Mobile", "Samsung Internet on Android"),
        (f"{LINUX} something", "Browser on Linux"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("python-requests/2.32.3", "python-requests 2.32.3"),
        ("Mozilla/5.0", "Unknown device"),
        ("", "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
        ("x" * 200, "Unknown device"),
    ],
)
def test_names(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_what_was_said_is_there_on_hover_and_escaped() -> None:
    assert device_tag('curl/8 "<b>') == '<span title="curl/8 &#34;&lt;b&gt;">curl 8</span>'
