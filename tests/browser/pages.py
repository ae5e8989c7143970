"""What tests do with a page, whatever is on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from axe_playwright_python.sync_playwright import Axe, AxeResults
from playwright.sync_api import Page, expect

from tests.browser.looked_at import COLOURS

FASTER = 8
"""How much faster the clock of a hurried page goes."""


def ready(page: Page) -> None:
    """Wait until the script of the page is at work."""
    expect(page.locator("[data-drop]")).to_have_class(re.compile(r"\bready\b"))


def wait_until(page: Page, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """While the page goes on: `wait_for` would stop what Playwright reports of it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        page.wait_for_timeout(30)


def message(page: Page, text: str) -> None:
    """Wait until a message of the page says so. Looked for in all of its text, it would be found twice: a moment later
    the page says it to screen readers as well."""
    expect(page.locator(":is(.flash, .toast)").filter(has_text=text).first).to_be_visible()


def no_barriers(page: Page, *schemes: str, rules: Sequence[str] = ()) -> None:
    """Fails with what axe finds on the page as it is now: WCAG 2.2 A and AA, and good practice. `schemes`: in each of
    these, `light` and `dark`; none: as it is. What is on the page is the same in all: after the first of them only the
    rules about colours are asked again. `rules`: none but these."""
    if not page.evaluate("() => 'axe' in globalThis"):
        page.evaluate(Axe().axe_script)
    for scheme in schemes or ("",):
        options = "resultTypes: ['violations'], preload: false, iframes: false"
        asked = COLOURS if scheme and scheme != schemes[0] else rules
        if asked:
            options += f", runOnly: {list(asked)}"
        if scheme:
            # Without motion, or the colours would be on their way from one scheme to the other.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        found = AxeResults(page.evaluate(f"() => axe.run({{ {options} }})"))
        assert found.violations_count == 0, f"{scheme}\n{found.generate_report()}"
