"""Requests that are over in time, whatever the other side does.

The timeout of requests bounds each wait for a byte, so that a server which sends one now and then
holds a request for ever. Here it bounds a request as a whole: a CONNECT to a proxy, sending, and
reading the answer to its end. Two things are left: opening the connection may take as long again
for each address the host has, and finding these addresses as long as the system's resolver takes.

Imports requests; see ``http.load``.
"""

from __future__ import annotations

import functools
import io
import math
import socket
from collections.abc import Mapping
from http.client import HTTPResponse
from time import monotonic
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection

# To a socket 0 means "do not block".
_SHORTEST = 0.001


class _Limit(Timeout):
    """Seconds for one request, from now on."""

    def __init__(self, seconds: float) -> None:
        super().__init__(total=seconds)
        self._until = monotonic() + seconds

    def clone(self) -> Timeout:
        # urllib3 makes a copy for each step; it would count from zero again after a CONNECT.
        return _Limit(max(self._until - monotonic(), _SHORTEST))


def _hurry(sock: socket.socket, until: float) -> None:
    """Let the next operation of *sock* last until then; raise TimeoutError if that has passed."""
    left = until - monotonic()
    if left <= 0:
        message = "timed out"
        raise TimeoutError(message)
    sock.settimeout(None if left == math.inf else left)


class _Stream(io.RawIOBase):
    """What a socket receives until a moment; closes *received* with itself."""

    def __init__(self, received: io.RawIOBase, sock: socket.socket, until: float) -> None:
        self._received = received
        self._sock = sock
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _hurry(self._sock, self._until)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _Connection(HTTPConnection):
    """A connection that takes its timeout for what is left of it."""

    _until = math.inf

    @property  # urllib3 sets it before each step and reads it when it acts
    def timeout(self) -> float | None:
        """What is left, in seconds; never 0."""
        left = self._until - monotonic()
        return None if left == math.inf else max(left, _SHORTEST)

    @timeout.setter
    def timeout(self, seconds: object) -> None:
        # Neither None is a number, nor what stands for the default of all sockets.
        self._until = monotonic() + seconds if isinstance(seconds, int | float) else math.inf

    def send(self, data: Any) -> None:
        # Else what connecting took would not be missing from the time for the body.
        if self.sock is not None:
            _hurry(self.sock, self._until)
        super().send(data)

    def response_class(self, sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:  # type: ignore[override]  # called like the class it stands for
        response = HTTPResponse(sock, *args, **kwargs)
        response.fp = io.BufferedReader(_Stream(response.fp.detach(), sock, self._until))
        return response


@functools.cache
def _bounded(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Return *pool*, for HTTP, HTTPS or SOCKS, with connections that are bounded."""
    made = pool.ConnectionCls
    if issubclass(made, _Connection):
        return pool
    connection = type(made.__name__, (_Connection, made), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def _bound(manager: PoolManager) -> None:
    pools: Mapping[str, type[HTTPConnectionPool]] = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        name: _bounded(pool)  # type: ignore[arg-type]  # a class can be hashed, whatever its objects can
        for name, pool in pools.items()
    }


class BoundedAdapter(HTTPAdapter):
    """Sends requests whose timeout, a number of seconds, bounds them as a whole."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Return the pools of connections through *proxy*."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        _bound(manager)
        return manager

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - as in requests
        timeout: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Response:
        """Send *request*; the time until its answer has been read is counted from here."""
        if isinstance(timeout, int | float):
            timeout = _Limit(timeout)
        return super().send(request, stream, timeout, *args, **kwargs)
