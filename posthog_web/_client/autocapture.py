"""Ties a client to the hooks for exceptions that nobody caught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posthog_web._client.exceptions import ExceptionVerb
from posthog_web._exceptions import hooks
from posthog_web._exceptions.metadata import Boundary


def start(client: ExceptionVerb) -> None:
    """Report to *client* what nobody catches, if its options want that, until it is shut down."""
    options = client.options
    if options.enable_exception_autocapture:
        hooks.listen(client, report, unraisable=options.capture_unraisable_exceptions)


def stop(client: object) -> None:
    """Report nothing more to *client*."""
    hooks.leave(client)


def report(
    client: ExceptionVerb,
    error: BaseException,
    boundary: Boundary,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """Have *client* report *error*, once, if it is no expected one."""
    client._report_uncaught(error, boundary, properties)
