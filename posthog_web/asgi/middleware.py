"""The ASGI middleware: pure ASGI, for http, websocket and lifespan; everything else passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from posthog_web._guard import report_fault
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import WebSetup, configure
from posthog_web.asgi.source import AsgiSource, Scope
from posthog_web.asgi.starlette import POSTHOG

if TYPE_CHECKING:
    from posthog_web._client.core import Client

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SOURCE = "asgi.middleware"
# Marks a connection that a middleware of this kind, further out, serves already: holds its setup.
_SERVED = "posthog_web.served"
_GOODBYES = frozenset({"ClientDisconnect", "WebSocketDisconnect"})
_BODIES = frozenset({"http.response.body", "http.response.pathsend"})
_ENDS = frozenset({"lifespan.shutdown.complete", "lifespan.shutdown.failed"})


class PosthogMiddleware:
    """Gives each request ``request.posthog``, and reports exceptions that leave the application.

    Put it outermost: an error in a middleware outside of this one is not seen. It never reads the
    body, and never changes a message.
    """

    def __init__(self, app: Any = None, /, client: Client | None = None, **options: Any) -> None:  # noqa: ANN401 - any option
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
        self._app = options.pop("app", app)
        if self._app is None:
            msg = "PosthogMiddleware wraps an ASGI application: PosthogMiddleware(app, …)"
            raise TypeError(msg)
        self._setup = configure(arguments=options, client=client)
        self._given = (self._setup.client, self._setup.options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._draining(send))
        elif scope["type"] in {"http", "websocket"} and _SERVED not in scope:
            await self._serve(scope, receive, send)
        else:
            self._give_way(scope.get(_SERVED))
            await self._app(scope, receive, send)

    def _give_way(self, outer: WebSetup | None) -> None:
        """Say so once, if the middleware that serves the connection is set up otherwise."""
        if outer is not None and (outer.client, outer.options) != self._given:
            self._setup.notices.once(
                "served",
                "posthog_web: a PosthogMiddleware inside another one does nothing; its client and"
                " its options, which are not those of the outer one, are not used",
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = AsgiSource(scope, self._app)
        lifetime = Lifetime(self._setup, source)
        if not _attach(scope, lifetime, self._setup):
            await self._app(scope, receive, send)
            return
        lifetime.enter()
        try:
            await self._app(scope, receive, _noting_response(send, lifetime))
        except Exception as error:
            if scope["type"] == "http" and lifetime.scope.status is None:
                lifetime.note_status(500)
            if not _is_goodbye(error):
                lifetime.report(error, _SOURCE)
            raise
        finally:
            lifetime.leave()
            # The scope may be served once more, by another application.
            scope.pop(_SERVED, None)
            scope.pop(POSTHOG, None)
            source.detach()

    def _draining(self, send: Send) -> Send:
        """Return *send*, which sends what is queued before the server may end the process."""

        async def drain_then_send(message: Message) -> None:
            if message["type"] in _ENDS:
                await self._setup.drain()
            await send(message)

        return drain_then_send


def _attach(scope: Scope, lifetime: Lifetime, setup: WebSetup) -> bool:
    """Put what the application gets into *scope*; return False if it takes nothing."""
    try:
        scope.setdefault("state", {})["posthog"] = lifetime.posthog
        scope[_SERVED], scope[POSTHOG] = setup, lifetime.posthog
    except Exception as error:  # noqa: BLE001 - a server may pass any mapping, with any state
        report_fault(error, "scope")
        return False
    return True


def _is_goodbye(error: Exception) -> bool:
    """Return whether *error* only says that the client went away."""
    kind = type(error)
    return kind.__module__.startswith("starlette.") and kind.__name__ in _GOODBYES


def _noting_response(send: Send, lifetime: Lifetime) -> Send:
    async def note_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            lifetime.note_response(message, message.get("status"))
        await send(message)
        if message["type"] in _BODIES and not message.get("more_body"):
            # What the application does from here on is no part of the answer.
            lifetime.conclude()

    return note_and_send
