"""Exceptions that nobody caught, as a hook and a middleware report them."""

from __future__ import annotations

from posthog_web import Client
from posthog_web._exceptions.metadata import Boundary

HOOK = Boundary(
    kind="onuncaughtexception", handled=False, source="python.sys_excepthook", level="fatal"
)
MIDDLEWARE = Boundary(kind="middleware", handled=False, source="django.middleware")


def fail() -> None:
    """Fail."""
    msg = "nobody is prepared for this"
    raise LookupError(msg)


def report_by_hook(client: Client) -> None:
    """Report it as what ends the process."""
    try:
        fail()
    except LookupError as error:
        client._report_uncaught(error, HOOK)


def report_by_middleware(client: Client) -> None:
    """Report it as what a view let go."""
    try:
        fail()
    except LookupError as error:
        client._report_uncaught(error, MIDDLEWARE)
