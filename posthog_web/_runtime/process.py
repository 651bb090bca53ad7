"""Where a process ends, or multiplies, and how we are told of it (signals: ``signals.py``).

The hooks are installed with the first client. Around a fork nobody else is importing, and the child
starts with empty hands, since what its parent holds is the parent's to send.

Not every process ends where Python's exit handlers run. Children of multiprocessing, Celery and RQ
leave by ``os._exit``; ``_ENDS`` has a way into each, taken only if the library in question is there
already when the first client is made, or a process makes its first event.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

from posthog_web import _identifiers, _scope
from posthog_web._guard import report_fault
from posthog_web._log import Notices
from posthog_web._runtime import ending, holders, http
from posthog_web._runtime.ending import announce, at_exit
from posthog_web._runtime.holders import Holder


class _Hooks:
    """Which hooks are in place.

    Attributes:
        installed: Those for exits and forks.
        bootstraps: The one by which multiprocessing tells of its children.
        arranged_for: The process whose particular end was seen to, by its id.
    """

    installed = False
    bootstraps = False
    arranged_for = 0


_hooks = _Hooks()
_notices = Notices()


def watch(holder: Holder) -> None:
    """See *holder* through the end of this process, whichever that is."""
    holders.add(holder)
    # Once for a process; threads at work together may do it twice.
    if _hooks.arranged_for != os.getpid():
        _hooks.arranged_for = os.getpid()
        _take_ends()


def install_hooks() -> None:
    """Be told of the end of this process, and of forks. Not at import: with the first client."""
    if not _hooks.installed:
        _hooks.installed = True
        atexit.register(at_exit)
        os.register_at_fork(
            before=http.importing.acquire,
            after_in_parent=http.importing.release,
            after_in_child=_in_child,
        )
        if _runs_exit_handlers():
            # Ours came too late to be one of them.
            ending.begin()
        _take_ends()


def _runs_exit_handlers() -> bool:
    main = threading.main_thread()
    return not main.is_alive() and main.ident == threading.get_ident()


def _in_child() -> None:
    http.importing.release()
    _identifiers.forget_randomness()
    _scope.clear()
    holders.clear()
    ending.start_anew()


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
    if not _hooks.bootstraps:
        # What a child captures while it imports its main module comes before _bootstrap, too.
        _hooks.bootstraps = True
        util.register_after_fork(_hooks, _in_bootstrap)
    # Both libraries give the process at the top no parent; its exit handlers run.
    if getattr(processes.current_process(), "_parent_pid", None) is not None:
        _in_bootstrap(_hooks)


def _in_bootstrap(_: object) -> None:
    util = sys.modules["multiprocessing.util"]
    if util.is_exiting():
        # The finalizers are being run; one added now may not be.
        ending.begin()
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
