"""From the first to the last moment of a request: what every adapter does."""

from __future__ import annotations

from posthog_web import _scope
from posthog_web._scope import Surroundings
from posthog_web._web.request_posthog import RequestPosthog
from posthog_web._web.request_scope import RequestScope, RequestSource
from posthog_web._web.setup import WebSetup


class Lifetime:
    """One request's scope while it is current, and its public face.

    Attributes:
        scope: What its events have in common.
        posthog: What the application gets.
        under_way: Whether it is current, somewhere up the stack.
    """

    __slots__ = ("_before", "posthog", "scope", "under_way")

    def __init__(self, setup: WebSetup, source: RequestSource) -> None:
        """Make the scope of a request; nothing of it is current yet."""
        self.scope = RequestScope(setup, source)
        self.posthog = RequestPosthog(self.scope)
        self._before: Surroundings | None = None
        self.under_way = False

    def enter(self) -> None:
        """Make the scope current. It sees nothing of what was current before."""
        self._before = _scope.enter_as(self.scope)
        self.under_way = True

    def note_status(self, status: int | None) -> None:
        """Remember the status of the response."""
        self.scope.status = status

    def report(self, error: BaseException, source: str) -> None:
        """Report an exception the application let go, at the framework's hook *source*."""
        self.posthog._report_uncaught(error, source)  # noqa: SLF001 - the two belong together

    def pause(self) -> None:
        """Make current again what was before. The request is not over: its body is to come."""
        _scope.restore(self.scope, self._before)
        self._before = None
        self.under_way = False

    def leave(self) -> None:
        """Make current again what was before. What is captured later waits for nothing."""
        self.scope.end()
        self.pause()
