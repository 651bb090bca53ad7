"""The end of this process: what is left is sent, within one budget of time for all."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from posthog_web._guard import report_fault
from posthog_web._runtime import holders, http
from posthog_web._runtime.holders import Holder

# Seconds a thread gets to notice that it is over; one in the middle of a request is left behind.
GRACE = 0.2


class _End:
    """How far the end of this process has come.

    Attributes:
        began: Whether nobody waits for threads any more.
        spent: Seconds that sending has cost since then. Not the time gone by: other exit handlers
            and threads may go on for long, and what they capture still has to leave.
        sending: How many threads send now, at the expense of the same seconds.
        since: From when on they do (monotonic).
        lock: Held to change these; a signal handler may interrupt whoever holds it.
        until: The deadline of the drain under way, which one that interrupts it shares.
    """

    began = False
    spent = 0.0
    sending = 0
    since = 0.0
    lock = threading.RLock()
    until: float | None = None


_end = _End()


def start_anew() -> None:
    """Forget, in a forked child, how far its parent's end had come."""
    _end.spent, _end.sending, _end.until = 0.0, 0, None
    _end.lock = threading.RLock()


def begin() -> None:
    """Begin the end: nobody waits for threads any more, so whoever captures sends."""
    _end.began = True


def at_exit(**_: object) -> None:
    """Send what is left, and whatever comes later at once: nobody waits for threads any more."""
    begin()
    http.do_without_threads()
    with _undisturbed():
        try:
            drain()
        except SystemExit:
            # Raised by a signal's handler that was on its way already: the end goes on.
            drain()
        _stop_threads()


def _stop_threads() -> None:
    """Have no thread of ours left when the interpreter goes.

    It stops threads wherever they are, for good. What one of them holds then is never let go, and
    whoever captures in ``__del__`` would wait for it for ever.
    """
    present = holders.ours()
    for holder in present:
        holder.stop_idle_threads()
    deadline = time.monotonic() + GRACE
    for holder in present:
        holder.join(deadline)


_ENDING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
_LEFT_ALONE: set[Any] = {signal.SIG_IGN, signal.default_int_handler}


@contextmanager
def _undisturbed() -> Generator[None]:
    """Ignore signals that would end a process which is ending already, for as long as it drains.

    Servers send several of them, and each would begin another end in the middle of this one. A
    second Ctrl-C still interrupts a program that handles it as Python does.
    """
    ignored: dict[int, Any] = {}
    # uWSGI handles them below Python, which goes on to believe that its own handlers are there.
    left_alone = set() if "uwsgi" in sys.modules else _LEFT_ALONE
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _ENDING if hasattr(signal, name)):
            before = signal.getsignal(number)
            if before not in left_alone:
                ignored[number] = before
                signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, before in ignored.items():
            # None is a handler that Python does not know, and cannot be put back; nor can uWSGI's.
            if before is not None and "uwsgi" not in sys.modules:
                signal.signal(number, before)


def drain(*, give_up: bool = True) -> None:
    """Send what is left: everybody at once, within the longest of their budgets.

    What could not be sent is given up and said, or kept, for a process that may go on.
    """
    present = holders.ours()
    with _spending(max((holder.exit_budget for holder in present), default=0.0)) as deadline:
        outermost, _end.until = _end.until is None, deadline
        try:
            for holder in present:
                holder.hurry()
            for holder in present:
                _send_rest(holder, deadline, give_up=give_up)
        finally:
            if outermost:
                _end.until = None


def unsettled() -> int:
    """Return how many events of this process were neither sent nor dropped yet."""
    return sum(holder.unsettled for holder in holders.ours())


def _send_rest(holder: Holder, deadline: float, *, give_up: bool) -> None:
    try:
        if give_up:
            holder.finish(deadline)
        else:
            holder.flush(max(deadline - time.monotonic(), 0.0))
    except Exception as error:  # noqa: BLE001 - one's fault must not cost another's events
        report_fault(error, "exit")


@contextmanager
def _spending(budget: float) -> Generator[float]:
    """Yield the deadline (monotonic) of what is left of *budget*, and charge the time it took.

    Threads that send side by side spend the same seconds.
    """
    if _end.until is not None:
        yield _end.until
        return
    with _end.lock:
        now = time.monotonic()
        _end.since = _end.since if _end.sending else now
        _end.sending += 1
        deadline = _end.since + max(budget - _end.spent, 0.0)
    try:
        yield deadline
    finally:
        with _end.lock:
            _end.sending -= 1
            # Whoever goes on afterwards has all of it for the next time.
            if not _end.sending and is_ending():
                _end.spent += time.monotonic() - _end.since


def send_late(holder: Holder) -> bool:
    """Send what *holder* was given after the end began, on the caller's thread.

    Nothing is given up while there is time: other threads may be sending what is theirs.
    """
    with _spending(holder.exit_budget) as deadline:
        taken = holder.flush(max(deadline - time.monotonic(), 0.0))
        if time.monotonic() >= deadline:
            holder.finish(deadline)
        return taken


def is_ending() -> bool:
    """Return whether nobody waits for threads any more: whoever captures sends."""
    return _end.began or (bool(_announced) and _still_announced())


# Tells whether a server that announced its end is still about to end.
_announced: list[Callable[[], bool]] = []


def announce(still: Callable[[], bool]) -> None:
    """Treat this process as ending while *still* says so."""
    _announced[:] = [still]


def _still_announced() -> bool:
    if any(still() for still in list(_announced)):
        return True
    # It lives on, and works as it did before.
    _announced.clear()
    _end.spent = 0.0
    return False
