"""An exception raised while another one was handled."""

from __future__ import annotations

from posthog_web import Client

PRICES: dict[str, int] = {}


def price_of(book: str) -> int:
    """Look a price up, and fail to say that there is none."""
    try:
        return PRICES[book]
    except KeyError:
        return PRICES["default"]


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        price_of("Dune")
    except KeyError as error:
        client.capture_exception(error, "user-1")
