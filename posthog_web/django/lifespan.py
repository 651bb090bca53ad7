"""A lifespan for Django's ASGI application, which has none."""

from __future__ import annotations

from posthog_web._guard import safely
from posthog_web._web.asgi import Application, Receive, Scope, Send
from posthog_web._web.setup import WebSetup
from posthog_web.django.conf import current_setup


def lifespan(application: Application) -> Application:
    """Send what is left when the server that runs *application* shuts down, without a signal.

    ::

        application = lifespan(get_asgi_application())

    It answers the lifespan protocol itself and passes everything else on, so it also wraps a router
    that has no lifespan of its own. The client lives on: there may be a next lifespan.
    """

    async def application_with_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return application_with_lifespan


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            if (setup := _setup()) is not None:
                await setup.drain()
            await send({"type": "lifespan.shutdown.complete"})
            return


@safely
def _setup() -> WebSetup:
    return current_setup()
