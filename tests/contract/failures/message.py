"""A text instead of an exception."""

from __future__ import annotations

from posthog_web import Client


def report(client: Client) -> None:
    """Report it."""
    client.capture_exception("the disk is nearly full", "user-1", {"free": 12})
