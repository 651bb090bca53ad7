"""The ASGI middleware: pure ASGI, for http, websocket and lifespan; everything else passes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Unpack

from posthog_web._guard import report_fault
from posthog_web._web.asgi import Message, Receive, Scope, Send
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import WebSetup, configure
from posthog_web.asgi.lifespan import Life
from posthog_web.asgi.quart import listen
from posthog_web.asgi.source import SERVED, AsgiSource
from posthog_web.asgi.starlette import POSTHOG, answers_errors
from posthog_web.typing import AdapterArguments

if TYPE_CHECKING:
    from posthog_web._client.core import Client

_SOURCE = "asgi.middleware"
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
# By servers, with a 500; to what else ends a task, nobody listens any more.
_ANSWERED = (Exception, SystemExit, BaseExceptionGroup)
_BODIES = frozenset({"http.response.body", "http.response.pathsend"})


class PosthogMiddleware:
    """Gives each request ``request.posthog``, and reports exceptions that leave the application.

    Put it outermost: an error in a middleware outside of this one is not seen. It never reads the
    body, and never changes a message.

    An exception that is answered with one of ``failed_request_status_codes`` is reported too, where
    it can be seen as the answer is sent. Starlette's ``BaseHTTPMiddleware`` sends answers from
    another task; put a second ``PosthogMiddleware`` inside of such a middleware, and the outer one
    learns of them.
    """

    def __init__(
        self,
        app: Any = None,  # noqa: ANN401 - any application
        /,
        client: Client | None = None,
        **options: Unpack[AdapterArguments],
    ) -> None:
        """Wrap *app*.

        Args:
            app: Any ASGI application.
            client: The client to capture with. None: one made of *options* and the environment.
            options: Options of the client and of the adapter.

        Raises:
            ConfigurationError: An option is unknown, or has a bad value.
            TypeError: There is no application.
        """
        # Starlette 0.40 gives it by name; by the signature, names are options.
        arguments: dict[str, Any] = {**options}
        self._app = arguments.pop("app", app)
        if self._app is None:
            msg = "PosthogMiddleware wraps an ASGI application: PosthogMiddleware(app, …)"
            raise TypeError(msg)
        self._setup = configure(arguments=arguments, client=client)
        self._given = (self._setup.client, self._setup.options)
        listen()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind, outer = scope["type"], scope.get(SERVED)
        if kind == "lifespan":
            await self._live(scope, receive, send, nested=outer is not None)
        elif outer is not None:
            self._give_way(outer.scope.setup)
            await self._app(scope, receive, _noting_failures(send, outer))
        elif kind in {"http", "websocket"}:
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _give_way(self, outer: WebSetup) -> None:
        """Say so once, if the middleware that serves the connection is set up otherwise."""
        if (outer.client, outer.options) != self._given:
            self._setup.notices.once(
                "served",
                "posthog_web: a PosthogMiddleware inside another one does nothing; its client and"
                " its options, which are not those of the outer one, are not used",
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = AsgiSource(scope, self._app)
        lifetime = Lifetime(self._setup, source)
        if not _attach(scope, lifetime):
            await self._app(scope, receive, send)
            return
        answers = answers_errors(scope.get("app"))
        lifetime.enter()
        try:
            await self._app(scope, receive, _noting_response(send, lifetime))
        except BaseException as error:
            lifetime.report_handled(_SOURCE, before=error)
            is_answered = isinstance(error, _ANSWERED) and not answers
            if scope["type"] == "http" and is_answered and lifetime.scope.status is None:
                lifetime.note_status(500)
            lifetime.report(error, _SOURCE)
            raise
        finally:
            # Also where the client has left meanwhile, and the task was cancelled.
            lifetime.report_handled(_SOURCE)
            lifetime.leave()
            # The scope may be served once more, by another application.
            scope.pop(SERVED, None)
            scope.pop(POSTHOG, None)
            source.detach()

    async def _live(self, scope: Scope, receive: Receive, send: Send, *, nested: bool) -> None:
        life = Life(self._setup, receive, send, silent=nested)
        scope[SERVED] = True
        try:
            await self._app(scope, life.receive, life.send)
        except BaseException as error:
            life.report(error)
            raise
        finally:
            scope.pop(SERVED, None)


def _attach(scope: Scope, lifetime: Lifetime) -> bool:
    """Put what the application gets into *scope*; return False if it takes nothing."""
    try:
        scope.setdefault("state", {})["posthog"] = lifetime.posthog
        scope[SERVED], scope[POSTHOG] = lifetime, lifetime.posthog
    except Exception as error:  # noqa: BLE001 - a server may pass any mapping, with any state
        report_fault(error, "scope")
        return False
    return True


def _noting_response(send: Send, lifetime: Lifetime) -> Send:
    outside = sys.exception()

    async def note_and_send(message: Message) -> None:
        if message["type"] in _STARTS:
            lifetime.note_response(message, message.get("status"))
            _note_failure(lifetime, outside)
        await send(message)
        if message["type"] in _BODIES and not message.get("more_body"):
            # What the application does from here on is no part of the answer.
            lifetime.conclude()

    return note_and_send


def _noting_failures(send: Send, lifetime: Lifetime) -> Send:
    outside = sys.exception()

    async def note_and_send(message: Message) -> None:
        if message["type"] in _STARTS:
            _note_failure(lifetime, outside)
        await send(message)

    return note_and_send


def _note_failure(lifetime: Lifetime, outside: BaseException | None) -> None:
    """Note the exception in whose handler the application sends its answer, if it does so there.

    One that was being handled already when the application was called is none of its own.
    """
    error = sys.exception()
    if error is not None and error is not outside:
        lifetime.note_failure(error)
