"""A group of exceptions with another one in it, and a member that was raised from something."""

from __future__ import annotations

from posthog_web import Client


def fetch(address: str) -> None:
    """Fail to fetch."""
    try:
        raise TimeoutError(110, "timed out")  # noqa: TRY301 - that is the case
    except TimeoutError as cause:
        raise ConnectionError(address) from cause


def gather(*addresses: str) -> list[Exception]:
    """Fetch all, and return what failed."""
    failures: list[Exception] = []
    for address in addresses:
        try:
            fetch(address)
        except ConnectionError as error:
            failures.append(error)
    return failures


def report(client: Client) -> None:
    """Fail and report it."""
    inner = ExceptionGroup("prices", gather("b", "c"))
    try:
        msg = "shop"
        raise ExceptionGroup(msg, [*gather("a"), inner])  # noqa: TRY301 - that is the case
    except ExceptionGroup as error:
        client.capture_exception(error, "user-1")
