"""What this package itself is doing here and now, so that it does not report its own doings.

Kept in context variables: a thread, a greenlet and a task have one each. A task that is started
meanwhile has a copy, which outlives the work; so what is kept there knows when it is over.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar


class _Work:
    """One block of the package's own work."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


_sending: ContextVar[_Work | None] = ContextVar("posthog_web_sending", default=None)
_reporting: ContextVar[_Work | None] = ContextVar("posthog_web_reporting", default=None)


def is_reporting() -> bool:
    """Return whether an exception is being reported by itself, so that none it causes may be."""
    return _is_under_way(_reporting)


def is_under_way() -> bool:
    """Return whether what happens here, HTTP and callbacks included, is this package's doing."""
    return _is_under_way(_reporting) or _is_under_way(_sending)


def _is_under_way(kind: ContextVar[_Work | None]) -> bool:
    work = kind.get()
    return work is not None and not work.is_over


@contextmanager
def _working(kind: ContextVar[_Work | None]) -> Generator[None]:
    work = _Work()
    token = kind.set(work)
    try:
        yield
    finally:
        work.is_over = True
        kind.reset(token)


def sending() -> AbstractContextManager[None]:
    """Mark what happens in the block as the package's own: events are being sent."""
    return _working(_sending)


def reporting() -> AbstractContextManager[None]:
    """Mark what happens in the block as the package's own: an exception is being reported."""
    return _working(_reporting)
