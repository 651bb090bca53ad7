"""Signals that end a process: what is left is sent before whoever was to be told is told.

Nothing here is done unasked but one thing: a server that ends by raising its signal once more, with
the default action, has its handlers chained, since no other sign of its end reaches Python.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from types import FrameType
from typing import Any

from posthog_web._log import Notices
from posthog_web._runtime import ending

# SIGINT is no end by itself: Python makes it a KeyboardInterrupt, and exit handlers run.
_ENDING = ("SIGTERM", "SIGHUP")
_SERVERS_ENDING = (signal.SIGTERM, signal.SIGINT)
_RAISING_SERVERS = ("uvicorn",)

_notices = Notices()


def install_signal_handlers() -> bool:
    """Send what is left when SIGTERM or SIGHUP ends this process.

    Without it their default action ends a plain script, or a child of a pool, before any Python
    runs. A handler that was there is told afterwards, whatever it does; an ignored signal stays
    ignored; where there was none, the process ends by the same signal as before, within its
    ``shutdown_timeout``. Calling it again changes nothing. Forked children inherit the handlers.

    Returns:
        Whether they are in place. Python allows it on the main thread only; elsewhere this says so
        in the log, and does nothing.
    """
    if not _on_main_thread():
        _notices.once(
            "thread",
            "posthog_web: install_signal_handlers() must be called on the main thread; the signals"
            " are left as they were",
        )
        return False
    for name in _ENDING:
        number = getattr(signal, name, None)
        if number is not None:
            _chain(number, signal.getsignal(number))
    return True


def chain_servers(*, only_known: bool) -> bool:
    """Chain the handlers of a server, on the main thread; return whether this was the main thread.

    With *only_known* only those of a server that gives no other sign of its end; else whatever
    handles SIGTERM. Asked with each request, since a server may put its handlers in place at any
    time; nothing is remembered, as a handler may hold on to much (asyncio's to the main task).
    """
    if not _on_main_thread():
        return False
    for number in _SERVERS_ENDING:
        told = signal.getsignal(number)
        wanted = not only_known and number == signal.SIGTERM and callable(told)
        if wanted or _is_server(told):
            _chain(number, told)
    return True


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_server(told: object) -> bool:
    if not callable(told):
        return False
    return type(getattr(told, "__self__", told)).__module__.startswith(_RAISING_SERVERS)


def _chain(number: int, told: Any) -> None:  # noqa: ANN401 - a function, or one of the signal module's own
    if isinstance(told, _Chained) or told is None or told is signal.SIG_IGN:
        # Ours; not Python's to replace; not wanted.
        return
    signal.signal(number, _Chained(told))


class _Chained:
    """A handler that drains, and then tells whom the signal was for."""

    def __init__(self, told: Any) -> None:  # noqa: ANN401 - as above
        """Keep *told*: a handler, or SIG_DFL."""
        self._told = told

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal: here, or in a greenlet if it came while gevent's hub was waiting."""
        gevent = sys.modules.get("gevent")
        if gevent is not None and isinstance(gevent.getcurrent(), gevent.hub.Hub):
            # Nobody may wait there, and waiting is what draining is.
            gevent.spawn(self._handle, number, frame)
        else:
            self._handle(number, frame)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._told is signal.SIG_DFL:
            self._end(number)
            return
        try:
            if _is_server(self._told):
                # It goes on for a while, and then ends without another word.
                ending.announce(partial(_is_in_place, self, number))
                ending.drain()
            else:
                # Only it knows whether this is the end.
                ending.drain(give_up=False)
        finally:
            self._told(number, frame)

    def _end(self, number: int) -> None:
        """End by the signal's default action; sent a second time, it does not wait."""
        signal.signal(number, signal.SIG_DFL)
        try:
            ending.drain()
        finally:
            os.kill(os.getpid(), number)
            # Still here: blocked, or the first process of a container, which no default ends.
            signal.signal(number, self)


def _is_in_place(handler: _Chained, number: int) -> bool:
    return signal.getsignal(number) is handler
