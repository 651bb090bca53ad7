"""The life of an ASGI application: what fails in it, and what has to leave before it ends."""

from __future__ import annotations

import sys

from posthog_web._web.asgi import Message, Receive, Send
from posthog_web._web.setup import WebSetup

_SOURCE = "asgi.lifespan"
_FAILED = frozenset({"lifespan.startup.failed", "lifespan.shutdown.failed"})
# After these the server may end the process without another word.
_ENDS = _FAILED | {"lifespan.shutdown.complete"}


class Life:
    """One run of an application's lifespan, as it passes the middleware."""

    def __init__(self, setup: WebSetup, receive: Receive, send: Send, *, silent: bool) -> None:
        """Stand between the server and the application; report nothing if *silent*."""
        self._setup = setup
        self._receive = receive
        self._send = send
        self._silent = silent
        self._takes_part = False

    async def receive(self) -> Message:
        """Receive for the application."""
        self._takes_part = True
        return await self._receive()

    async def send(self, message: Message) -> None:
        """Send for the application: what is queued first, where this may be the end."""
        kind = message["type"]
        error = sys.exception()
        if kind in _FAILED and error is not None:
            # Starlette raises it again, but when the server has been told already.
            self.report(error)
        if kind in _ENDS:
            await self._setup.drain()
        await self._send(message)

    def report(self, error: BaseException) -> None:
        """Report what the application failed with.

        One that raises before it has listened has no lifespan, and says so in this way.
        """
        if self._takes_part and not self._silent:
            self._setup.report(error, _SOURCE)
