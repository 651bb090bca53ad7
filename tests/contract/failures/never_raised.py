"""An exception that nobody raised: it has no stack, and gets that of its report."""

from __future__ import annotations

from posthog_web import Client


def check(client: Client) -> None:
    """Find something wrong, and go on."""
    client.capture_exception(ValueError("odd, but not fatal"), "user-1", level="warning")


def report(client: Client) -> None:
    """Report it."""
    check(client)
