"""The open connections, so that one can be closed without an answer.

uvicorn gives an application no hold of its connection; its protocol class is ours to extend.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """Finds the connection a request came in on, by the address of its other end."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    async def abort(self, request: Request) -> None:
        """Close the connection of *request* at once; what is answered afterwards goes nowhere."""
        if request.client is None:
            return
        transport = self._transports.get((request.client.host, request.client.port))
        if transport is not None:
            transport.abort()
            # Let the server notice before the application answers into the void.
            await asyncio.sleep(0)

    def protocol(self) -> type[H11Protocol]:
        """Return a protocol class for uvicorn that keeps this register."""
        transports = self._transports

        class RegisteredProtocol(H11Protocol):
            def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401 (uvicorn's own)
                super().__init__(*args, **keywords)
                # Silenced here, not by configuration: that would change the host's loggers.
                self.access_log = False

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
                super().connection_made(transport)
                if self.client is not None:
                    transports[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    transports.pop(self.client, None)
                super().connection_lost(exc)

        return RegisteredProtocol
