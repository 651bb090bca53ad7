"""What a person sees: the inspector in one tab, an example in another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import Visit
from tests.examples.running_demo import Demo, running_demo


@pytest.fixture
def demo(chromium: str) -> Iterator[Demo]:  # noqa: ARG001 (without it, there is nothing to start)
    """Return the demo, when all its events have arrived."""
    with running_demo("--port", "0") as demo:
        assert "inspector" in demo.addresses, demo.said
        yield demo


def test_events_appear_while_the_examples_are_used(
    demo: Demo, browser: BrowserContext, visit: Visit, tmp_path: Path
) -> None:
    """What is done in another tab is there without reloading, and can be read to the line."""
    inspector = visit(demo.addresses["inspector"])
    inspector.evaluate("window.sameAsBefore = true")
    tab = browser.new_page()

    with appearing(inspector, "order paid"):
        sign_in_and_buy(tab, demo.addresses["django_shop"])
    expect(detail(inspector).get_by_role("heading", level=2)).to_have_text("order paid")
    expect(detail(inspector).get_by_label("Properties")).to_contain_text("Invisible Cities")

    with appearing(inspector, "$exception"):
        be_declined(tab, demo.addresses["django_shop"])
    with appearing(inspector, "message sent"):
        come_in_and_talk(tab, demo.addresses["fastapi_chat"])
    with appearing(inspector, "note written"):
        sign_in_and_write(tab, demo.addresses["flask_notes"])

    rows(inspector, "$exception").first.click()
    title = detail(inspector).get_by_role("heading", level=3).first
    expect(title).to_contain_text("PaymentDeclinedError")
    expect(title).to_contain_text("unhandled")
    raising = detail(inspector).locator(".line.here").first
    expect(raising).to_contain_text("raise PaymentDeclinedError(msg)")
    facts = detail(inspector).locator(".facts")
    expect(facts).to_contain_text("Person1")
    expect(facts).to_contain_text("POST /books/first-folio/buy/ 500 route /books/<slug:slug>/buy/")
    assert inspector.evaluate("window.sameAsBefore")
    take_picture(inspector, tmp_path)


@contextmanager
def appearing(inspector: Page, name: str) -> Iterator[None]:
    """Expect that the block makes one more event of that name appear; open it."""
    before = rows(inspector, name).count()
    yield
    expect(rows(inspector, name)).to_have_count(before + 1)
    rows(inspector, name).first.click()


def rows(inspector: Page, name: str) -> Locator:
    """Return the lines of the list that show events of that name."""
    return inspector.locator("#rows li", has=inspector.get_by_text(name, exact=True))


def detail(inspector: Page) -> Locator:
    """Return where one event is shown in full."""
    return inspector.locator("#detail")


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


def come_in_and_talk(chat: Page, address: str) -> None:
    """Give a name, enter a room, say something; it comes back over the websocket."""
    chat.goto(address)
    chat.get_by_label("Your name").fill("katherine")
    chat.get_by_role("button", name="Come in").click()
    chat.get_by_role("link", name="Library").click()
    chat.get_by_label("Message").fill("I am at the last chapter.")
    chat.get_by_role("button", name="Say it").click()
    expect(chat.locator("#messages .mine")).to_have_text("katherineI am at the last chapter.")


def sign_in_and_write(notes: Page, address: str) -> None:
    """Sign in, write something down."""
    notes.goto(address)
    notes.get_by_label("Name").fill("grace")
    notes.get_by_label("Password").fill("hopper")
    notes.get_by_role("button", name="Sign in").click()
    notes.get_by_label("A new note").fill("Run the clock backwards.")
    notes.get_by_role("button", name="Write it down").click()
    expect(notes.locator(".notes p").first).to_have_text("Run the clock backwards.")


def take_picture(inspector: Page, folder: Path) -> None:
    """Save what the inspector shows, to INSPECTOR_PICTURE if that is set."""
    path = Path(os.environ.get("INSPECTOR_PICTURE", folder / "inspector.png"))
    inspector.bring_to_front()
    inspector.screenshot(path=path, animations="disabled")
    assert path.stat().st_size > 10_000
