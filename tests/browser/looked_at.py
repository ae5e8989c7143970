"""What is wrong with a page as it stands in a browser, all in one look: barriers, colours, headings, width, scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

WIDE: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
LISTEN: Final = """
globalThis.breaches = [];
document.addEventListener("securitypolicyviolation", (event) => {
    breaches.push(`${event.violatedDirective}: ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`);
});
globalThis.alert = (text) => breaches.push(`alert(${text})`);
"""
LOOKS: Final = f"{Axe().axe_script};\n{Path(__file__).with_suffix('.js').read_text('utf-8')}"
WATCHED: Final = f"{LISTEN} if (self === top) {{ {LOOKS} }}"
"""To be given to a page before it is opened: what breaks the policy, scripts of strings that are none, and the means of
looking at it."""
COLOURS: Final = ["color-contrast", "link-in-text-block"]
NARROW: Final = ["target-size", "scrollable-region-focusable"]
"""The rules of axe that something else comes out of in the other scheme, and where there is no room."""


def faults(page: Page) -> list[str]:
    """Of the page as it is, wide: in light, in dark and on a phone. It is not to be used after that."""
    first = page.evaluate("document.documentElement.dataset.theme")
    said = _said(page, first, "[...lookedAt.structure(), ...lookedAt.height(), ...lookedAt.contrast()]")
    page.set_viewport_size(PHONE)
    said += _said(page, "360 px", f"[...lookedAt.width(), ...lookedAt.shorten(), ...await lookedAt.axe({NARROW})]")
    page.set_viewport_size(WIDE)
    said += _said(page, first, "await lookedAt.axe()")
    second = "light" if first == "dark" else "dark"
    page.emulate_media(color_scheme=second, reduced_motion="reduce")
    said += _said(
        page, second, f"[...await lookedAt.theme('{second}'), ...await lookedAt.axe({COLOURS}), ...lookedAt.contrast()]"
    )
    return said


def _said(page: Page, how: str, looks: str) -> list[str]:
    return [f"{how}: {one}" for one in page.evaluate(f"async () => {looks}")]
