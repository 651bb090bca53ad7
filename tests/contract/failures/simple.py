"""An exception that was caught and reported."""

from __future__ import annotations

from contextlib import ContextDecorator

from posthog_web import Client


class OutOfStock(Exception):  # noqa: N818 - a name as applications have them
    """There is no such book left."""


class Timed(ContextDecorator):
    """Stands for a library between two calls of the application."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


class Shop:
    """Sells books."""

    @Timed()
    def sell(self, book: str) -> None:
        """Sell *book*."""
        raise OutOfStock(book)


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        Shop().sell("Dune")
    except OutOfStock as error:
        client.capture_exception(error, "user-1", {"plan": "pro"}, fingerprint="out of stock")
