"""PostHog for FastAPI, Starlette and anything else that speaks ASGI.

::

    from posthog_web.asgi import PosthogMiddleware

    app.add_middleware(PosthogMiddleware, project_api_key="phc_…")

Then, in an endpoint: ``request.posthog.capture("order paid", {"plan": "pro"})``. A plain ASGI
application is wrapped, ``PosthogMiddleware(app, project_api_key="phc_…")``, and finds the same
object in ``scope["state"]["posthog"]``.

Who is logged in is read from ``scope["user"]``, where Starlette's AuthenticationMiddleware puts it,
inside or outside of this one. A middleware that passes a copy of the scope on, with a user only in
the copy, cannot be seen from here: behind it, call ``request.posthog.identify(user_id)``, in a
dependency say.
"""

from __future__ import annotations

from posthog_web._web.request_posthog import RequestPosthog
from posthog_web.asgi.middleware import PosthogMiddleware
from posthog_web.asgi.starlette import HTTPConnection, Request, WebSocket, get_posthog

__all__ = [
    "HTTPConnection",
    "PosthogMiddleware",
    "Request",
    "RequestPosthog",
    "WebSocket",
    "get_posthog",
]
