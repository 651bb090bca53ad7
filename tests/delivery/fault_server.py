"""A server that misbehaves: what becomes of a request is up to a function, its fault."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit

from tests.delivery.servers import Delivery

# Seconds between two bytes of an answer that drips.
DRIP = 0.03

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Exchange:
    """One request, and what may be done with it.

    Attributes:
        number: Which request this is on its connection, from 1.
        total: Which request this is for its server, from 1.
        length: Bytes of its body. It is read when somebody looks at ``request``.
    """

    def __init__(self, handler: _Handler, number: int, total: int) -> None:
        self._handler = handler
        self._server = handler.server.owner
        self.number = number
        self.total = total
        self.length = int(handler.headers.get("Content-Length", 0))
        self.was_read = False

    @cached_property
    def request(self) -> Delivery:
        """The request as it came; read now if it was not yet."""
        self.was_read = True
        handler = self._handler
        return Delivery(
            method=handler.command,
            path=handler.path,
            headers={name.lower(): value for name, value in handler.headers.items()},
            body=handler.rfile.read(self.length),
            sender=handler.client_address,
            arrived=monotonic(),
            received=datetime.now(UTC),
        )

    def read_some(self, count: int) -> bytes:
        """Read a piece of the body; empty at its end."""
        return self._handler.rfile.read(count)

    def relay(self, url: str) -> None:
        """Pass bytes to and fro between the client and the server at *url*, as after a CONNECT."""
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as onward:
            ways = {self._handler.connection: onward, onward: self._handler.connection}
            while not self._server.over.is_set():
                for sock in select.select(ways, [], [], 0.05)[0]:
                    if not (data := sock.recv(65536)):
                        return
                    ways[sock].sendall(data)

    def take(self) -> None:
        """Take the events, as PostHog would before a success."""
        self._server.note_taken(self.request.names())

    def answer(
        self,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b'{"status": 1}',
    ) -> None:
        """Answer as a server should; with a success the events are taken."""
        if 200 <= status < 300 and self.length:
            self.take()
        self._server.note_status(self._handler.command, status)
        self.send(answer(status, headers, body))

    def send(self, raw: bytes) -> None:
        """Send bytes, whatever they mean."""
        self._handler.wfile.write(raw)

    def drip(self, raw: bytes) -> None:
        """Send one byte now and then, until the client has had enough."""
        for position in range(len(raw)):
            self.send(raw[position : position + 1])
            if self._server.over.wait(DRIP):
                return

    def pause(self, seconds: float) -> None:
        """Do nothing for a while."""
        self._server.over.wait(seconds)

    def hang(self) -> None:
        """Do nothing until the test is over."""
        self._server.over.wait()

    def reset(self) -> None:
        """End the connection with a reset."""
        sock = self._handler.connection
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._handler.close_connection = True

    def hang_up(self) -> None:
        """End the connection, but let the client finish what it is saying, as nginx does."""
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_WR)
        while self._handler.rfile.read1():
            pass


Fault = Callable[[Exchange], None]


def answer(
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    body: bytes = b'{"status": 1}',
) -> bytes:
    """Return a well-formed answer as bytes; a length that is given in *headers* stands."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    named = {"Content-Length": str(len(body)), **(headers or {})}
    if "Transfer-Encoding" in named:
        del named["Content-Length"]
    lines += [f"{name}: {value}" for name, value in named.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.owner.over.wait(self.server.owner.accept_after)
        self._requests = 0
        self.server.owner.connections.add(self.connection)

    def finish(self) -> None:
        self.server.owner.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        self._requests += 1
        exchange = Exchange(self, self._requests, self.server.owner.count())
        self.server.owner.fault(exchange)
        self.wfile.flush()
        if not exchange.was_read:
            self.close_connection = True

    do_GET = do_CONNECT = do_POST  # noqa: N815 - their names there

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: FaultServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Expect clients to go when they are treated like this; show a mistake of the test's."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # The base sends a FIN first, also where a reset was asked for.
        self.close_request(request)


class FaultServer:
    """Does with each request what its fault says; the fault may be replaced at any time.

    Attributes:
        fault: What becomes of the next request.
        url: Where it listens.
        accept_after: Seconds until a new connection is looked at (with TLS: shaken hands with).
        taken: Names of the events it took, each as often as it took them.
        statuses: Method and status of each answer that was well-formed.
        over: Set at the end.
        connections: Those that are open.
    """

    def __init__(self, fault: Fault, *, tls: ssl.SSLContext | None = None) -> None:
        self.fault = fault
        self.over = threading.Event()
        self.connections: set[socket.socket] = set()
        self.accept_after = 0.0
        self.taken: list[str] = []
        self.statuses: list[tuple[str, int]] = []
        self._count = 0
        self._lock = threading.Condition()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # It is gone already.
                continue

    def count(self) -> int:
        """Count one more request and return how many there were."""
        with self._lock:
            self._count += 1
            self._lock.notify_all()
            return self._count

    @property
    def requests(self) -> int:
        """The number of requests so far, however they ended."""
        with self._lock:
            return self._count

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> None:
        """Wait until that many requests have begun."""
        with self._lock:
            assert self._lock.wait_for(lambda: self._count >= count, timeout)

    def note_taken(self, names: list[str]) -> None:
        """Keep the names of events that were taken."""
        with self._lock:
            self.taken += names

    def note_status(self, method: str, status: int) -> None:
        """Keep what was answered."""
        with self._lock:
            self.statuses.append((method, status))


class Unreachable:
    """An address that behaves as if it were gone: what is sent there is dropped without a word.

    It is a listener whose backlog is full.

    Attributes:
        url: The address.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._filling: list[socket.socket] = []
        try:
            while len(self._filling) < 10:
                self._filling.append(
                    socket.create_connection(self._listener.getsockname(), timeout=0.2)
                )
        except TimeoutError:
            return
        message = "the backlog does not fill up"
        raise AssertionError(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for sock in (self._listener, *self._filling):
            sock.close()

    def come_back_after(self, seconds: float) -> None:
        """Let connections come about again, but never read a byte."""
        threading.Timer(seconds, self._drain).start()

    def _drain(self) -> None:
        for _ in self._filling:
            self._listener.accept()[0].close()


def drip_header(exchange: Exchange) -> None:
    """Begin an answer whose header never ends."""
    _ = exchange.request
    exchange.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 5_000)


def drip_body(exchange: Exchange) -> None:
    """Take the events and answer with a body that never ends."""
    exchange.take()
    exchange.send(answer(headers={"Content-Length": "5000"}, body=b""))
    exchange.drip(b"x" * 5_000)


def drip_chunks(exchange: Exchange) -> None:
    """Take the events and answer with chunks that never end."""
    exchange.take()
    exchange.send(answer(headers={"Transfer-Encoding": "chunked"}, body=b""))
    exchange.drip(b"1\r\nx\r\n" * 1_000)


def hang(exchange: Exchange) -> None:
    """Read the request and never answer."""
    _ = exchange.request
    exchange.hang()


def refuse_to_read(exchange: Exchange) -> None:
    """Leave the request's body where it is."""
    exchange.hang()


def work(exchange: Exchange) -> None:
    """Do what a server should."""
    exchange.answer()
