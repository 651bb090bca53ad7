"""Takes money. Nothing in here has heard of requests."""

from __future__ import annotations

from decimal import Decimal

import posthog_web

LIMIT = Decimal(500)


class PaymentDeclinedError(Exception):
    """The bank said no."""


def charge(total: Decimal) -> None:
    """Take *total* from the buyer's card.

    Raises:
        PaymentDeclinedError: The bank has a limit.
    """
    if total > LIMIT:
        msg = f"the bank declined {total}"
        raise PaymentDeclinedError(msg)
    # No request at hand, and yet this is the buyer's event.
    posthog_web.capture("card charged", {"total": total})
