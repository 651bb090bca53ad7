"""An exception with notes."""

from __future__ import annotations

from posthog_web import Client


def ship(order: int) -> None:
    """Fail, and note of what."""
    try:
        msg = "no address"
        raise LookupError(msg)  # noqa: TRY301 - that is the case
    except LookupError as error:
        error.add_note(f"order {order}")
        error.add_note("second attempt")
        raise


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        ship(7)
    except LookupError as error:
        client.capture_exception(error, "user-1")
