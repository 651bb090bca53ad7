"""A recursion deeper than what is told of it."""

from __future__ import annotations

from posthog_web import Client


def descend(depth: int) -> None:
    """Go on down to the bottom, which is not there."""
    if depth == 0:
        msg = "no bottom"
        raise LookupError(msg)
    descend(depth - 1)


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        descend(200)
    except LookupError as error:
        client.capture_exception(error, "user-1")
