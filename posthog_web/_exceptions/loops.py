"""Exceptions that end up in an event loop, since nobody awaits the task they ended.

Every loop, uvloop's too, writes them to asyncio's logger, unless the application has set an
exception handler of its own, which then has dealt with them. So a filter of that logger sees them
all, and lets them pass.

The other ways change something for the host. With a handler on that logger Python no longer prints
what nobody else handles. A loop has room for one exception handler, which the application may want
to set. And the methods of the loop's class are not ours to replace.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextvars import Context
from types import FrameType
from typing import Any, Protocol

from posthog_web import _own_work
from posthog_web._exceptions.metadata import Boundary
from posthog_web._guard import safely

_SOURCE = "asyncio.exception_handler"
_NEVER_RETRIEVED = Boundary(kind="onunhandledrejection", handled=False, source=_SOURCE)
_IN_CALLBACK = Boundary(kind="onuncaughtexception", handled=False, source=_SOURCE)

# From the filter to the loop's method are five frames, and a few more in a loop of somebody's own.
_STEPS = 12


class Tell(Protocol):
    """Told of exceptions."""

    def __call__(self, error: object, boundary: Boundary) -> None:
        """Report *error*, which was met at *boundary*."""


class _LoopFilter(logging.Filter):
    """Sees what loops write, and lets it pass."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell
        # In a dying interpreter a module may have lost its names already.
        self._is_late = sys.is_finalizing

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._is_late():
            self._see(record)
        return True

    @safely
    def _see(self, record: logging.LogRecord) -> None:
        if not isinstance(record.exc_info, tuple) or _own_work.is_reporting():
            return
        never_retrieved = "was never retrieved" in str(record.msg).partition("\n")[0]
        boundary = _NEVER_RETRIEVED if never_retrieved else _IN_CALLBACK
        error = record.exc_info[1]
        context = _context_of(_handed_over())
        if context is None:
            self._tell(error, boundary)
        else:
            context.run(self._tell, error, boundary)


def watch(tell: Tell) -> None:
    """Call *tell* with what loops write from now on."""
    logger = _logger()
    if not any(isinstance(one, _LoopFilter) for one in logger.filters):
        logger.addFilter(_LoopFilter(tell))


def unwatch() -> None:
    """Stop watching."""
    logger = _logger()
    for one in [one for one in logger.filters if isinstance(one, _LoopFilter)]:
        logger.removeFilter(one)


def _logger() -> logging.Logger:
    return logging.getLogger("asyncio")


def _handed_over() -> Mapping[str, Any]:
    """Return what the loop knows of the exception.

    Its record does not have it; the frame of the public method that wrote the record does, where
    that is written in Python, which uvloop's is not.
    """
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the only way to the stack
    for _ in range(_STEPS):
        if frame is None:
            break
        if frame.f_code.co_name == "default_exception_handler":
            known = frame.f_locals.get("context")
            return known if isinstance(known, dict) else {}
        frame = frame.f_back
    return {}


def _context_of(known: Mapping[str, Any]) -> Context | None:
    """Return what was current in the task, or for the callback, that failed (Python 3.12 on)."""
    for name in ("task", "future", "handle"):
        read: Callable[[], object] | None = getattr(known.get(name), "get_context", None)
        context = None if read is None else read()
        if isinstance(context, Context):
            # A copy can be entered, wherever the original may be current now.
            return context.copy()
    return None
