"""Everything this process can do to end or to multiply, in one place.

Those who hold events are watched (weakly) from their first moment. The hooks are installed with the
first client: at exit all share one budget of time; around a fork nobody else is importing, and the
child starts with empty hands, since what its parent holds is the parent's to send.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from posthog_web import _identifiers, _scope
from posthog_web._guard import report_fault
from posthog_web._runtime import http


class Holder(Protocol):
    """What the end of a process needs of whoever holds events."""

    pid: int
    exit_budget: float

    def hurry(self) -> None:
        """Start sending all that waits, without waiting for it."""

    def finish(self, deadline: float) -> bool:
        """Send what is left until *deadline* (monotonic); give up the rest and say so."""


_holders: weakref.WeakSet[Holder] = weakref.WeakSet()
_installed = False
_exit_began: float | None = None


def watch(holder: Holder) -> None:
    """See *holder* through the end of this process."""
    _holders.add(holder)


def install_hooks() -> None:
    """Be told of the end of this process, and of forks. Not at import: with the first client."""
    global _installed  # noqa: PLW0603 - hooks are installed once per process
    if not _installed:
        _installed = True
        atexit.register(_at_exit)
        os.register_at_fork(
            before=http.importing.acquire,
            after_in_parent=http.importing.release,
            after_in_child=_in_child,
        )


def is_ending() -> bool:
    """Return whether nobody waits for threads any more: whoever captures sends."""
    return _exit_began is not None


def see_out(holder: Holder) -> bool:
    """Send what *holder* was given after the end began, on the caller's thread."""
    return holder.finish((_exit_began or time.monotonic()) + holder.exit_budget)


# Servers that end by raising the signal once more, with its default action: no Python runs then.
_RAISING_SERVERS = ("uvicorn",)
_chained = False


def drain_on_signals(*, only_servers: bool) -> None:
    """Send what is left when SIGTERM or SIGINT comes, then let whoever was told before be told.

    Done once, and only on the main thread, where Python allows it. With *only_servers* handlers are
    chained only if they belong to a server that gives no other sign of its end.
    """
    global _chained  # noqa: PLW0603 - signals are one process's
    if _chained or threading.current_thread() is not threading.main_thread():
        return
    _chained = True
    for number in (signal.SIGTERM, signal.SIGINT):
        told = signal.getsignal(number)
        owner = type(getattr(told, "__self__", told)).__module__
        if callable(told) and (not only_servers or owner.startswith(_RAISING_SERVERS)):
            signal.signal(number, _draining(told))


def _draining(told: Callable[[int, FrameType | None], object]) -> Callable[..., None]:
    def drain_then_tell(number: int, frame: FrameType | None) -> None:
        try:
            _at_exit()
        finally:
            told(number, frame)

    return drain_then_tell


def _at_exit(clock: Callable[[], float] = time.monotonic) -> None:
    """Send what is left: everybody at once, within the longest of their budgets."""
    global _exit_began  # noqa: PLW0603 - a process ends once
    # Where fork hooks do not run (uWSGI), a parent's holders are still listed.
    holders = [holder for holder in _holders if holder.pid == os.getpid()]
    _exit_began = clock()
    deadline = _exit_began + max((holder.exit_budget for holder in holders), default=0.0)
    for holder in holders:
        holder.hurry()
    for holder in holders:
        try:
            holder.finish(deadline)
        except Exception as error:  # noqa: BLE001 - one's fault must not cost another's events
            report_fault(error, "exit")


def _in_child() -> None:
    http.importing.release()
    _identifiers.forget_randomness()
    _scope.clear()
    _holders.clear()
