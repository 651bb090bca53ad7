"""What this package itself is doing here and now, so that it does not report its own doings.

Kept in context variables: a thread, a greenlet and a task have one each.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_sending: ContextVar[bool] = ContextVar("posthog_web_sending", default=False)
_reporting: ContextVar[bool] = ContextVar("posthog_web_reporting", default=False)

is_reporting = _reporting.get
"""Return whether an exception is being reported by itself, so that none it causes may be."""


def is_under_way() -> bool:
    """Return whether what happens here, HTTP and callbacks included, is this package's doing."""
    return _reporting.get() or _sending.get()


@contextmanager
def sending() -> Generator[None]:
    """Call what happens in the block ours: events are on their way."""
    token = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(token)


@contextmanager
def reporting() -> Generator[None]:
    """Call what happens in the block ours: an exception is being reported by itself."""
    token = _reporting.set(True)
    try:
        yield
    finally:
        _reporting.reset(token)
