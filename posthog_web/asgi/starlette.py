"""What Starlette and FastAPI users get beside the middleware: an attribute and a dependency.

Importing this adds one attribute to Starlette's ``HTTPConnection``, which ``Request`` and
``WebSocket`` inherit. It is the only class of a host that this package touches, and an attribute of
that name which is already there, or which a class of the application's assigns, is left alone.
Without Starlette nothing happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from posthog_web._web.asgi import Scope
from posthog_web._web.request_posthog import RequestPosthog

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection as StarletteConnection
    from starlette.requests import Request as StarletteRequest
    from starlette.websockets import WebSocket as StarletteWebSocket

    class HTTPConnection(StarletteConnection):
        """A connection, as an application behind the middleware sees it."""

        @property
        def posthog(self) -> RequestPosthog:
            """The verbs of a client, bound to this request."""
            raise NotImplementedError

    class Request(StarletteRequest):
        """A request, as an endpoint behind the middleware sees it."""

        @property
        def posthog(self) -> RequestPosthog:
            """The verbs of a client, bound to this request."""
            raise NotImplementedError

    class WebSocket(StarletteWebSocket):
        """A websocket, as an endpoint behind the middleware sees it."""

        @property
        def posthog(self) -> RequestPosthog:
            """The verbs of a client, bound to this connection."""
            raise NotImplementedError

else:
    try:
        from starlette.requests import HTTPConnection, Request
        from starlette.websockets import WebSocket
    except ImportError:
        HTTPConnection = Request = WebSocket = None
    # FastAPI looks the annotation of a dependency up by its name.
    StarletteConnection, StarletteRequest = HTTPConnection, Request


POSTHOG = "posthog_web.posthog"
"""Where a scope holds what its request is given."""


def get_posthog(connection: StarletteConnection) -> RequestPosthog:
    """Return the request's ``posthog``; a dependency for FastAPI: ``Depends(get_posthog)``.

    Raises:
        RuntimeError: The middleware is not installed.
    """
    # The state may be one for all requests of a server; what is beside it is not.
    scope = connection.scope
    posthog = scope.get(POSTHOG) or scope.get("state", {}).get("posthog")
    if posthog is None:
        msg = (
            "there is no request.posthog here: add the middleware, app.add_middleware("
            "posthog_web.asgi.PosthogMiddleware, project_api_key='phc_…')"
        )
        raise RuntimeError(msg)
    return posthog  # type: ignore[no-any-return]  # the middleware put it there


def as_connection(scope: Scope) -> object:
    """Return *scope* as the application's own functions know it."""
    if HTTPConnection is None:
        return scope
    return StarletteRequest(scope) if scope["type"] == "http" else StarletteConnection(scope)


def answers_errors(application: object) -> bool:
    """Return whether *application* has a handler of its own for what nobody else handles.

    Starlette calls it outside of all middlewares: they cannot see with which status it answers.
    """
    handlers = getattr(application, "exception_handlers", None)
    return isinstance(handlers, Mapping) and not handlers.keys().isdisjoint((500, Exception))


class _Posthog:
    """PostHog, bound to the request it is read of. No property: those cannot be assigned to."""

    def __get__(self, connection: Any, owner: type) -> Any:  # noqa: ANN401 - as a property's
        """Return it; of the class, this itself."""
        return self if connection is None else get_posthog(connection)


def _add_attribute() -> None:
    if not TYPE_CHECKING and HTTPConnection is not None and not hasattr(HTTPConnection, "posthog"):
        HTTPConnection.posthog = _Posthog()


_add_attribute()
