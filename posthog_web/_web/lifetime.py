"""From the first to the last moment of a request: what every adapter does."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from random import random
from time import perf_counter
from types import TracebackType

from posthog_web import _scope
from posthog_web._exceptions.marks import is_same_failure
from posthog_web._guard import safely
from posthog_web._scope import Surroundings
from posthog_web._web.request_posthog import RequestPosthog
from posthog_web._web.request_scope import RequestScope
from posthog_web._web.request_source import RequestSource
from posthog_web._web.setup import WebSetup


class Lifetime:
    """One request's scope while it is current, and its public face.

    Attributes:
        scope: What its events have in common.
        posthog: What the application gets.
        streams: Whether the body is produced after the view has returned.
        under_way: Whether it is current, somewhere up the stack.
    """

    __slots__ = ("_before", "_began", "_noted", "posthog", "scope", "streams", "under_way")

    def __init__(self, setup: WebSetup, source: RequestSource) -> None:
        """Make the scope of a request; nothing of it is current yet."""
        self.scope = RequestScope(setup, source)
        self.posthog = RequestPosthog(self.scope)
        self._before: Surroundings | None = None
        self._began: float | None = None
        self._noted: tuple[Exception, TracebackType | None] | None = None
        self.streams = False
        self.under_way = False

    def enter(self) -> None:
        """Make the scope current. It sees nothing of what was current before."""
        options = self.scope.setup.options
        if options.request_events and random() < options.request_events_sample_rate:  # noqa: S311 - a sample
            self._began = perf_counter()
        self._before = _scope.enter_as(self.scope)
        self.under_way = True

    def note_status(self, status: int | None) -> None:
        """Remember the status of the response."""
        self.scope.status = status

    def note_response(self, response: object, status: int | None) -> None:
        """Remember the response, if somebody may want to see it, and its status."""
        self.scope.status = status
        if self.scope.setup.options.extra_properties is not None:
            self.scope.response = response

    def conclude(self) -> None:
        """Capture that the request is answered, if that is wanted; once, at its last byte."""
        began, self._began = self._began, None
        if began is not None:
            self.posthog._report_request(perf_counter() - began)  # noqa: SLF001 - as below

    def report(self, error: BaseException, source: str, *, handled: bool = False) -> str | None:
        """Report an exception, seen at the framework's hook *source*; return the event's uuid.

        What was noted before has led to it, or has been overtaken by it.

        Args:
            error: What went wrong.
            source: Where it was seen.
            handled: Whether somebody turned it into a response; else the application let it go.
        """
        self._noted = None
        return self.posthog._report_uncaught(error, source, handled=handled)  # noqa: SLF001 - the two belong together

    @safely
    def note_failure(self, error: BaseException) -> None:
        """Remember an exception out of which a response is being made, until that is there."""
        if self.scope.setup.captures_exceptions and isinstance(error, Exception):
            # Starlette takes the traceback away as soon as it has sent the response.
            self._noted = (error, error.__traceback__)

    @safely
    def report_handled(self, source: str, *, before: BaseException | None = None) -> None:
        """Report what was noted, if the status of the response makes it a failure.

        Unless *before*, which is about to be reported, is the same failure.
        """
        noted, self._noted = self._noted, None
        if noted is None or not self.scope.setup.is_failure(self.scope.status):
            return
        error, trace = noted
        if before is not None and is_same_failure(before, error):
            return
        with _traced(error, trace):
            self.report(error, source, handled=True)

    def pause(self) -> None:
        """Make current again what was before. The request is not over: its body is to come."""
        _scope.restore(self.scope, self._before)
        self._before = None
        self.under_way = False

    def leave(self) -> None:
        """Make current again what was before. What is captured later waits for nothing."""
        self._noted = None
        if not self.streams:
            self.conclude()
        self.scope.end()
        self.pause()


@contextmanager
def _traced(error: Exception, trace: TracebackType | None) -> Generator[None]:
    """Let *error* have its traceback back for the length of the block."""
    if error.__traceback__ is not None:
        yield
        return
    error.__traceback__ = trace
    try:
        yield
    finally:
        error.__traceback__ = None
