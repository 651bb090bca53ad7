"""A day in a small bookshop, as events. Needs nothing but a PostHog to send to.

Run it with ``POSTHOG_HOST`` and ``POSTHOG_PROJECT_API_KEY`` set; ``make demo`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import posthog_web
from posthog_web import Posthog


@dataclass
class Book:
    """Something to sell."""

    title: str
    price: Decimal


CREDIT = Decimal(13)

SHELF = [
    Book("The Left Hand of Darkness", Decimal("12.90")),
    Book("Invisible Cities", Decimal("10.50")),
    Book("Middlemarch", Decimal("14.00")),
]


class PaymentDeclinedError(Exception):
    """The bank said no."""


def charge(price: Decimal) -> None:
    """Take the money; the bank has a limit."""
    if price > CREDIT:
        msg = f"the bank declined {price}"
        raise PaymentDeclinedError(msg)


def visit(client: Posthog, person: str, book: Book) -> None:
    """Look at a book and try to buy it."""
    client.capture("book viewed", {"book": book})
    try:
        charge(book.price)
    except PaymentDeclinedError as error:
        client.capture_exception(error, properties={"book": book.title})
        return
    client.capture("order paid", {"total": book.price}, groups={"shop": "corner"})
    client.set(person, {"last_book": book.title})


def main() -> None:
    """Open the shop, serve three people, close it."""
    with Posthog(super_properties={"shop": "corner"}) as client:
        client.group_identify("shop", "corner", {"name": "The Corner Bookshop"})
        client.capture("shop opened")
        for person, book in zip(("ada", "grace", "katherine"), SHELF, strict=True):
            client.identify(person, {"name": person.title()})
            with posthog_web.new_context():
                posthog_web.identify_context(person)
                posthog_web.tag("counter", "front")
                visit(client, person, book)
        client.capture("shop closed", {"sold": 2})


if __name__ == "__main__":
    main()
