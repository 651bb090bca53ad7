"""A browser, and pages in it whose consoles are listened to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# It need not talk to anybody but us.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SIZE = {"width": 1400, "height": 900}

Visit = Callable[[str], Page]


@pytest.fixture
def chromium() -> str:
    """Return where Chromium is."""
    if "browser" in os.environ.get("SKIP", "").split():
        pytest.skip('SKIP="browser": no test in a browser')
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    if not found:
        reason = 'There is no Chromium: apt-get install chromium (or SKIP="browser").'
        pytest.fail(reason, pytrace=False)
    return found[0]


@pytest.fixture
def browser(chromium: str) -> Iterator[BrowserContext]:
    """Return a browser without a past."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        context = browser.new_context(viewport=SIZE, color_scheme="light")
        yield context
        context.close()
        browser.close()


@pytest.fixture
def visit(browser: BrowserContext) -> Iterator[Visit]:
    """Return what opens an inspector's page; an error or a warning in its console is a failure."""
    complaints: list[str] = []

    def visit(address: str) -> Page:
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in {"error", "warning"} else None
            ),
        )
        page.goto(address)
        expect(page.locator("#state")).to_have_text("live")
        return page

    yield visit
    assert complaints == []
