"""A lifespan for Django's ASGI application, which has none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from posthog_web._guard import report_fault
from posthog_web.django.conf import current_setup

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


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
            await _drain()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _drain() -> None:
    """Flush, without blocking the loop, within the client's ``shutdown_timeout``."""
    try:
        setup = current_setup()
        client = setup.client
        if not await asyncio.to_thread(client.flush, client.options.shutdown_timeout):
            stats = client.stats()
            setup.notices.warn(
                "lifespan",
                "posthog_web: %d event(s) could not be sent before the server shut down",
                stats.queued + stats.in_flight,
            )
    except Exception as error:  # noqa: BLE001 - the application's end is not ours to spoil
        report_fault(error, "lifespan")
