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
"""To be given to a page before it is opened: what breaks the policy, and scripts of strings that are none."""
LOOKS: Final = Path(__file__).with_suffix(".js").read_text("utf-8")
DARK: Final = ["color-contrast", "link-in-text-block"]
NARROW: Final = ["target-size", "scrollable-region-focusable"]
"""The rules of axe that something else comes out of in the dark, and where there is no room."""


def faults(page: Page) -> list[str]:
    """Of the page as it is: in light, in dark and on a phone."""
    page.evaluate(Axe().axe_script)
    page.evaluate(LOOKS)
    said = _said(page, "light", "[...lookedAt.structure(), ...await lookedAt.axe(), ...lookedAt.contrast()]")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    said += _said(page, "dark", f"[...await lookedAt.axe({DARK}), ...lookedAt.contrast()]")
    page.set_viewport_size(PHONE)
    said += _said(page, "360 px", f"[...lookedAt.width(), ...await lookedAt.axe({NARROW})]")
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return said


def _said(page: Page, how: str, looks: str) -> list[str]:
    return [f"{how}: {one}" for one in page.evaluate(f"async () => {looks}")]
