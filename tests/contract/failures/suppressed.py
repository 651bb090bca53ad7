"""An exception that hides what it was raised from."""

from __future__ import annotations

from posthog_web import Client


def parse(text: str) -> int:
    """Read a number."""
    try:
        return int(text)
    except ValueError:
        msg = "the quantity is no number"
        raise TypeError(msg) from None


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        parse("many")
    except TypeError as error:
        client.capture_exception(error, "user-1")
