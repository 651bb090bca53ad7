"""A handler for Python's logging that reports the exceptions an application logs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from posthog_web import _own_work
from posthog_web._client.autocapture import report
from posthog_web._client.default import default_client
from posthog_web._exceptions import chain
from posthog_web._exceptions.message import text_of
from posthog_web._exceptions.metadata import Boundary
from posthog_web._guard import safely
from posthog_web._log import logger as _own_logger

if TYPE_CHECKING:
    from posthog_web._client.core import Client

__all__ = ["PosthogHandler"]

_LONGEST_MESSAGE = 1000
_LOWEST_FAILURE = 500


class PosthogHandler(logging.Handler):
    """Reports the exceptions that are logged: ``logger.exception("…")``, or ``exc_info=…``.

    Records without an exception are not reported, nor is an exception a second time that was, or
    will be, reported otherwise: by a framework's adapter, ``capture_exception`` or a hook. The
    events have the message without its arguments, which may hold anything (``log_message``), and
    the name of the logger (``logger_name``). Whoever writes values into the message itself, with an
    f-string, sends them; what is plainly a secret is masked.

    It can be made by ``logging.config.dictConfig`` before there is any client, and does nothing
    while there is none. Put it in front of a ``QueueHandler``, not behind it: exceptions do not
    survive the queue.
    """

    def __init__(self, level: int | str = logging.ERROR, client: Client | None = None) -> None:
        """Report what is logged at *level* or above.

        Args:
            level: The lowest level of records, as a number or a name.
            client: Reports them. None: the request's client, else the default one.
        """
        super().__init__(level)
        self._client = client

    def handle(self, record: logging.LogRecord) -> bool:
        """Report *record* if no filter objects.

        Without the lock of other handlers: there is nothing to guard, and whoever waits for
        something in here would hold up every thread that logs.
        """
        passed = cast("Any", self.filter(record))
        if passed:
            # From Python 3.12 on a filter may have put another record in its place.
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Report the exception of *record*, if it has one; never raise."""
        if record.exc_info and not _own_work.is_under_way():
            self._report(record)

    @safely
    def _report(self, record: logging.LogRecord) -> None:
        error = _exception_of(record)
        if error is None or _is_ours(record) or _is_answered(record):
            return
        with _own_work.reporting():
            client = self._client or default_client.find_configured()
            if client is not None:
                report(client, error, _boundary_of(record), _properties_of(record))


def _exception_of(record: logging.LogRecord) -> BaseException | None:
    # logger.exception() where there is none says so, and a record made by hand may hold anything.
    given: object = record.exc_info
    return None if chain.is_empty_triple(given) else chain.find_exception(given)


def _is_ours(record: logging.LogRecord) -> bool:
    return _is_below(_own_logger.name, record)


def _is_answered(record: logging.LogRecord) -> bool:
    """Return whether Django tells of an exception that it makes a status below 500 of."""
    status = getattr(record, "status_code", None)
    return _is_below("django", record) and isinstance(status, int) and status < _LOWEST_FAILURE


def _is_below(name: str, record: logging.LogRecord) -> bool:
    # A record that was made from what came from elsewhere may have no name.
    return f"{record.name}.".startswith(f"{name}.")


def _boundary_of(record: logging.LogRecord) -> Boundary:
    return Boundary(kind="logger", handled=True, source="python.logging", level=record.levelno)


def _properties_of(record: logging.LogRecord) -> dict[str, str]:
    # Something else than text may be logged: an exception, say, or a dictionary of anything.
    if not isinstance(record.msg, str):
        return {"logger_name": record.name}
    # It may be an f-string, which holds what arguments would.
    message = text_of(record.msg, _LONGEST_MESSAGE)
    return {"log_message": message, "logger_name": record.name}
