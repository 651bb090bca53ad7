"""Code that is in no file."""

from __future__ import annotations

from posthog_web import Client

FORMULA = """
def discount(amount):
    return amount / 0

discount(12)
"""


def calculate() -> None:
    """Run what somebody wrote into a field."""
    exec(FORMULA, {})  # noqa: S102 - that is the case


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        calculate()
    except ZeroDivisionError as error:
        client.capture_exception(error, "user-1")
