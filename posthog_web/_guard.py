"""The one guard between our faults and the host application.

A fault of ours inside a guarded call is logged with its place, and the call answers as if it had
declined. Exceptions that end a task or a process (anything that is no ``Exception``) pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from posthog_web._log import Notices

P = ParamSpec("P")
T = TypeVar("T")

_notices = Notices()


def describe_fault(error: BaseException) -> str:
    """Return the type of *error* and the line it came from. Its message may quote data."""
    place = "unknown place"
    trace = error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}"


def _log_fault(error: Exception, where: str) -> None:
    _notices.warn(
        f"fault:{where}", "posthog_web: internal error in %s: %s", where, describe_fault(error)
    )


def _raise_fault(error: Exception, where: str) -> None:
    error.add_note(f"in the guarded call {where}")
    raise error


_on_fault: Callable[[Exception, str], None] = _log_fault


def report_fault(error: Exception, where: str) -> None:
    """Tell of a fault of ours that was stopped at *where*."""
    _on_fault(error, where)


@contextmanager
def loud() -> Generator[None]:
    """Let faults through for the length of the block: what our own tests run under."""
    global _on_fault  # noqa: PLW0603 - the guard has one setting for the whole process
    before, _on_fault = _on_fault, _raise_fault
    try:
        yield
    finally:
        _on_fault = before


def safely(call: Callable[P, T]) -> Callable[P, T | None]:
    """Make *call* answer None instead of raising when it has a fault."""
    where = call.__qualname__

    @functools.wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the guard
            report_fault(error, where)
            return None

    return guarded
