"""What a client calls itself (RFC 9110, section 10.1.5), in words that people tell their devices apart by."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup

from backoffice.web.formats import remembered

UNKNOWN: Final = "Unknown device"
_BROWSERS: Final = (
    # Each of them also says that it is those below it.
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\b(?:OPR|OPT|Opera)/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Vivaldi", re.compile(r"\bVivaldi/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|Chromium|CriOS)/")),
    ("Safari", re.compile(r"\bSafari/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\bMac(?:intosh| OS X)\b")),
    ("Linux", re.compile(r"\b(?:Linux|X11)\b")),
)
_PROGRAM: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,39})(?:/([0-9][0-9A-Za-z.]{0,15}))?(?=[\s;(]|\Z)")
_TAG: Final = Markup('<span title="%s">%s</span>')


def device_name(agent: str) -> str:
    """`Chrome on Linux` for a browser, `curl 8.5.0` for a program; `Unknown device` where it says nothing known."""
    browser = next((name for name, says in _BROWSERS if says.search(agent)), "")
    system = next((name for name, says in _SYSTEMS if says.search(agent)), "")
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or f"Browser on {system}"
    program = _PROGRAM.match(agent)
    if program is None or program[1] == "Mozilla":
        return UNKNOWN
    return " ".join(filter(None, program.groups()))


@remembered
def device_tag(agent: str) -> Markup:
    """Likewise, with all that the client said on hover."""
    return _TAG % (agent or UNKNOWN, device_name(agent))
