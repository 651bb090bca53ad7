"""What a person sees: the inspector in one tab, an example in another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.examples.running_demo import Demo, running_demo

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


@pytest.fixture
def chromium() -> str:
    """Return where Chromium is."""
    if "browser" in os.environ.get("SKIP", "").split():
        pytest.skip('SKIP="browser": no test in a browser')
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    if not found:
        pytest.fail('There is no Chromium: apt-get install chromium (or SKIP="browser").', False)
    return found[0]


@pytest.fixture
def demo(chromium: str) -> Iterator[Demo]:  # noqa: ARG001 (without it, there is nothing to start)
    """Return the demo, when all its events have arrived."""
    with running_demo("--port", "0") as demo:
        assert "inspector" in demo.addresses, demo.said
        yield demo


@pytest.fixture
def browser(chromium: str) -> Iterator[BrowserContext]:
    """Return a browser without a past."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        context = browser.new_context(viewport=SIZE, color_scheme="light")
        yield context
        context.close()
        browser.close()


def test_events_appear_while_an_example_is_used(
    demo: Demo, browser: BrowserContext, tmp_path: Path
) -> None:
    """A purchase and a failure are there without reloading, and can be read to the line."""
    inspector = browser.new_page()
    inspector.goto(demo.addresses["inspector"])
    expect(inspector.locator("#state")).to_have_text("live")
    inspector.evaluate("window.sameAsBefore = true")
    paid = inspector.locator("#rows li", has_text="order paid")
    exceptions = inspector.locator("#rows li", has_text="$exception")
    paid_before, exceptions_before = paid.count(), exceptions.count()

    shop = browser.new_page()
    sign_in_and_buy(shop, demo.addresses["django_shop"])

    expect(paid).to_have_count(paid_before + 1)
    paid.first.click()
    detail = inspector.locator("#detail")
    expect(detail.get_by_role("heading", level=2)).to_have_text("order paid")
    expect(detail.get_by_label("Properties")).to_contain_text("Invisible Cities")

    be_declined(shop, demo.addresses["django_shop"])

    expect(exceptions).to_have_count(exceptions_before + 1)
    exceptions.first.click()
    expect(detail.get_by_role("heading", level=3).first).to_contain_text("PaymentDeclinedError")
    expect(detail.locator(".line.here").first).to_contain_text("raise PaymentDeclinedError(msg)")
    expect(detail.locator(".facts")).to_contain_text("Person1")
    assert inspector.evaluate("window.sameAsBefore")
    take_picture(inspector, tmp_path)


def sign_in_and_buy(shop: Page, address: str) -> None:
    """Come in, choose a book, sign in, pay."""
    shop.goto(address)
    shop.get_by_role("link", name="Invisible Cities").click()
    shop.get_by_role("link", name="Sign in to buy it").click()
    shop.get_by_label("Name").fill("ada")
    shop.get_by_label("Password").fill("lovelace")
    shop.get_by_role("button", name="Sign in").click()
    shop.get_by_role("button", name="Buy it").click()
    expect(shop.get_by_role("heading")).to_have_text("Thank you, Ada")


def be_declined(shop: Page, address: str) -> None:
    """Try to pay what nobody can pay."""
    shop.goto(f"{address}/books/first-folio/")
    shop.get_by_role("button", name="Buy it").click()
    expect(shop.get_by_role("heading")).to_have_text("The till is stuck")


def take_picture(inspector: Page, folder: Path) -> None:
    """Save what the inspector shows, to INSPECTOR_PICTURE if that is set."""
    path = Path(os.environ.get("INSPECTOR_PICTURE", folder / "inspector.png"))
    inspector.bring_to_front()
    inspector.screenshot(path=path)
    assert path.stat().st_size > 10_000
