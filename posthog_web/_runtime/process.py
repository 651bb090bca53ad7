"""Everything this process can do to end or to multiply, in one place (signals: ``signals.py``).

The hooks are installed with the first client: at the end all who hold events share one budget of
time; around a fork nobody else is importing, and the child starts with empty hands, since what its
parent holds is the parent's to send.

Not every process ends where Python's exit handlers run. Children of multiprocessing, Celery and RQ
leave by ``os._exit``; ``_ENDS`` has a way into each, taken only if the library in question is there
already when the first client is made, or a process makes its first event.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from posthog_web import _identifiers, _scope
from posthog_web._guard import report_fault
from posthog_web._log import Notices
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
        bootstraps: Whether multiprocessing tells us of its children.
    """

    began = False
    spent = 0.0
    sending = 0
    since = 0.0
    lock = threading.RLock()
    until: float | None = None
    bootstraps = False


_notices = Notices()
_end = _End()
_hooked = False
_arranged_for = 0


def watch(holder: Holder) -> None:
    """See *holder* through the end of this process."""
    holders.add(holder)
    _arrange()


def install_hooks() -> None:
    """Be told of the end of this process, and of forks. Not at import: with the first client."""
    global _hooked  # noqa: PLW0603 - hooks are installed once per process
    if not _hooked:
        _hooked = True
        atexit.register(at_exit)
        os.register_at_fork(
            before=http.importing.acquire,
            after_in_parent=http.importing.release,
            after_in_child=_in_child,
        )
        if _runs_exit_handlers():
            # Ours came too late to be one of them.
            _end.began = True
        _take_ends()


def _runs_exit_handlers() -> bool:
    main = threading.main_thread()
    return not main.is_alive() and main.ident == threading.get_ident()


def _in_child() -> None:
    http.importing.release()
    _identifiers.forget_randomness()
    _scope.clear()
    holders.clear()
    _end.spent, _end.sending, _end.until = 0.0, 0, None
    _end.lock = threading.RLock()


# Draining


def at_exit(**_: object) -> None:
    """Send what is left, and whatever comes later at once: nobody waits for threads any more."""
    _end.began = True
    http.do_without_threads()
    with _undisturbed():
        try:
            drain()
        except SystemExit:
            # Raised by a signal's handler that was on its way already: the end goes on.
            drain()
        _dismiss()


def _dismiss() -> None:
    """Have no thread of ours left when the interpreter goes.

    It stops threads wherever they are, for good. What one of them holds then is never let go, and
    whoever captures in ``__del__`` would wait for it for ever.
    """
    present = holders.ours()
    for holder in present:
        holder.dismiss()
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
                _see_out(holder, deadline, give_up=give_up)
        finally:
            if outermost:
                _end.until = None


def unsettled() -> int:
    """Return how many events of this process were neither sent nor dropped yet."""
    return sum(holder.unsettled for holder in holders.ours())


def _see_out(holder: Holder, deadline: float, *, give_up: bool) -> None:
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


def see_out(holder: Holder) -> bool:
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


# Set by signals.py: tells whether a server that announced its end is still about to end.
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


# Processes with an end of their own


def _arrange() -> None:
    """See to the particular end of this process, once; threads at work together may do it twice."""
    global _arranged_for  # noqa: PLW0603 - one process at a time
    if _arranged_for == os.getpid():
        return
    _arranged_for = os.getpid()
    _take_ends()


def _take_ends() -> None:
    for end in _ENDS:
        try:
            end()
        except Exception as error:  # noqa: BLE001 - other people's modules are as they are
            report_fault(error, end.__name__)


_AFTER_ALL_OTHERS = -(10**9)


def _end_of_multiprocessing() -> None:
    """Its children, and billiard's, run finalizers; those from before ``_bootstrap`` are gone."""
    processes = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if processes is None or util is None:
        return
    if not _end.bootstraps:
        # What a child captures while it imports its main module comes before _bootstrap, too.
        _end.bootstraps = True
        util.register_after_fork(_end, _in_bootstrap)
    # Both libraries give the process at the top no parent; its exit handlers run.
    if getattr(processes.current_process(), "_parent_pid", None) is not None:
        _in_bootstrap(_end)


def _in_bootstrap(_: object) -> None:
    util = sys.modules["multiprocessing.util"]
    if util.is_exiting():
        # The finalizers are being run; one added now may not be.
        _end.began = True
    else:
        util.Finalize(None, _after_threads, exitpriority=_AFTER_ALL_OTHERS)


def _after_threads() -> None:
    """Wait for the child's threads, as it would do next anyway: only then nobody captures.

    With the interpreter's own function: executors have to be told before their threads end.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - multiprocessing calls it too
    at_exit()


def _end_of_celery() -> None:
    """A child of its pool sends this signal, and leaves before any finalizer runs."""
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signals.worker_process_shutdown.connect(at_exit, weak=False, dispatch_uid="posthog_web")


def _end_of_rq() -> None:
    """A work horse does its one job and leaves; nobody is told.

    So in a process whose main thread is inside RQ's own ``main_work_horse``, and in no other,
    ``os._exit`` drains first.
    """
    leave = os._exit
    if "rq.worker" not in sys.modules or leave.__module__ == __name__ or not _is_work_horse():
        return

    def drain_and_leave(status: int) -> NoReturn:
        try:
            at_exit()
        finally:
            leave(status)

    os._exit = drain_and_leave


def _is_work_horse() -> bool:
    main = threading.main_thread().ident
    frame: FrameType | None = sys._current_frames().get(main or 0)  # noqa: SLF001 - public but for its name
    while frame is not None:
        module: Any = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "main_work_horse" and str(module).startswith("rq."):
            return True
        frame = frame.f_back
    return False


# From here on its threads run unasked.
_THREADED_UWSGI = (2, 0, 27)


def _end_of_uwsgi() -> None:
    """Its workers run exit handlers, unless told not to; its master, which loads, never does."""
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    if uwsgi is None or not options:
        return
    if not uwsgi.worker_id():
        # No more than a few events while the application is loaded: whoever captures them sends.
        announce(lambda: not uwsgi.worker_id())
    if "skip-atexit" in options:
        _notices.once(
            "skip-atexit",
            "posthog_web: uWSGI runs with skip-atexit, so what waits when a worker ends is lost",
        )
    version = tuple(getattr(uwsgi, "version_info", ()))[:3]
    if version < _THREADED_UWSGI and not {"enable-threads", "threads"} & set(options):
        _notices.once(
            "enable-threads",
            "posthog_web: this uWSGI runs no threads between requests; events wait for the next"
            " request, or for the end of the worker. Start it with --enable-threads",
        )


_ENDS = (_end_of_multiprocessing, _end_of_celery, _end_of_rq, _end_of_uwsgi)
