"""The Django middleware, for synchronous and asynchronous stacks alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.handlers.asgi import ASGIRequest
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponseBase

from posthog_web._guard import safely
from posthog_web._web.body import Body, Passage, stream
from posthog_web._web.identity import UNKNOWN
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import WebSetup
from posthog_web.django.conf import current_setup
from posthog_web.django.failures import SOURCE, report_uncaught
from posthog_web.django.serving import begin, lifetime_of
from posthog_web.errors import ConfigurationError

# A view may call its request what it likes, and answer at once or later.
GetResponse = Callable[[Any], Any]


class PosthogMiddleware:
    """Gives each request ``request.posthog``, and reports exceptions that become a 500.

    It may stand anywhere in ``MIDDLEWARE``; the further up, the more it covers.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        """Wrap *get_response*.

        Raises:
            ConfigurationError: The ``POSTHOG`` setting is wrong.
        """
        self.get_response = get_response
        self._setup = current_setup()
        self._asynchronous = iscoroutinefunction(get_response)
        self._signals_chained = False
        # A worker process of uvicorn imports the application with its handlers in place.
        self._setup.chain_server_signals()
        if self._asynchronous:
            markcoroutinefunction(self)
        got_request_exception.connect(report_uncaught, dispatch_uid="posthog_web")
        user_logged_out.connect(_settle_before_logout, dispatch_uid="posthog_web")
        user_logged_in.connect(_settle_before_login, dispatch_uid="posthog_web")

    def __call__(self, request: HttpRequest) -> Any:  # noqa: ANN401 - what the view answers
        """Serve one request, unless a middleware of this kind, further up, does already."""
        if _is_under_way(request):
            return self.get_response(request)
        if self._asynchronous:
            return self._serve_async(request)
        if not self._signals_chained and isinstance(request, ASGIRequest):
            self._signals_chained = True
            self._chain_signals_on_loop()
        lifetime = self._begin(request)
        goes_on: bool | None = False
        try:
            response: HttpResponseBase = self.get_response(request)
            goes_on = _note_response(response, lifetime, request)
        except BaseException as error:
            _report_end(error, lifetime)
            raise
        else:
            return response
        finally:
            (lifetime.pause if goes_on else lifetime.leave)()

    async def _serve_async(self, request: HttpRequest) -> HttpResponseBase:
        self._setup.chain_server_signals()
        lifetime = self._begin(request)
        goes_on: bool | None = False
        try:
            response: HttpResponseBase = await self.get_response(request)
            goes_on = _note_response(response, lifetime, request)
        except BaseException as error:
            _report_end(error, lifetime)
            raise
        else:
            return response
        finally:
            try:
                if not goes_on:
                    # Now, so that it waits for its person as the others do.
                    lifetime.conclude()
                if lifetime.scope.has_deferred():
                    await lifetime.scope.resolve()
            finally:
                (lifetime.pause if goes_on else lifetime.leave)()

    @safely
    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Note what a view raised: somebody may answer it with a status that makes it a failure."""
        lifetime = lifetime_of(request)
        if lifetime is not None:
            lifetime.note_failure(exception)

    @safely
    def _chain_signals_on_loop(self) -> None:
        """Chain them by way of the loop, where a middleware without async put us on a thread."""
        if not self._setup.chain_server_signals():

            async def chain_on_loop() -> None:
                self._setup.chain_server_signals()

            async_to_sync(chain_on_loop)()

    def _current_setup(self) -> WebSetup:
        """Return what the setting says now: tests override settings while requests are served."""
        try:
            return current_setup()
        except ConfigurationError as error:
            self._setup.notices.once("setting", "posthog_web: %s; the one before holds", error)
            return self._setup

    def _begin(self, request: HttpRequest) -> Lifetime:
        lifetime, _ = begin(request, self._current_setup(), asynchronous=self._asynchronous)
        request.posthog = lifetime.posthog
        lifetime.enter()
        return lifetime


def _is_under_way(request: HttpRequest) -> bool:
    lifetime = lifetime_of(request)
    return lifetime is not None and lifetime.under_way


def _note_response(response: Any, lifetime: Lifetime, request: HttpRequest) -> bool | None:  # noqa: ANN401 - any response
    """Take note of what there is to answer; return whether the request goes on as it is sent."""
    lifetime.note_response(response, response.status_code)
    lifetime.report_handled(SOURCE)
    return getattr(response, "streaming", False) and _bind_body(response, lifetime, request)


def _report_end(error: BaseException, lifetime: Lifetime) -> None:
    """Report what Django lets pass without a word: the end of a process, a timeout of gevent's."""
    if not isinstance(error, Exception):
        lifetime.report(error, SOURCE)


@safely
def _bind_body(response: Any, lifetime: Lifetime, request: HttpRequest) -> bool:  # noqa: ANN401 - any streaming response
    """Let a streamed body run inside the request; return False if it does not need to.

    What Django iterates and closes is replaced below all that can be seen of the response. A file
    is left alone: nobody captures while it is read, and the server may read it by itself.
    """
    chunks = vars(response).get("_iterator")
    closers = vars(response).get("_resource_closers")
    if chunks is None or closers is None or vars(response).get("file_to_stream") is not None:
        return False
    passage = Passage(lifetime, SOURCE)
    closers[:] = [*(passage.bind(closer) for closer in closers), passage.end]
    if response.is_async:
        response._iterator = stream(chunks, passage, request)  # noqa: SLF001 - see above
    else:
        response._iterator = Body(chunks, passage)  # noqa: SLF001 - see above
    return True


@safely
def _settle_before_logout(*, request: HttpRequest | None, user: object, **_: Any) -> None:  # noqa: ANN401 - what the signal passes
    """Complete what an asynchronous view captured so far as the user's who is leaving."""
    lifetime = lifetime_of(request)
    if lifetime is not None:
        lifetime.scope.settle_as(user)


@safely
def _settle_before_login(*, request: HttpRequest | None, **_: Any) -> None:  # noqa: ANN401 - as above
    """Complete what an asynchronous view captured so far; who that was is gone with the session."""
    lifetime = lifetime_of(request)
    if lifetime is not None:
        lifetime.scope.settle_as(UNKNOWN)
