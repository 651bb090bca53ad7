"""Servers a client may meet: one that notes every byte, one that never answers, and none at all."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, Self

import zstandard

DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda body: body,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body, 2**24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request as it came over the wire.

    Attributes:
        headers: By name in lower case.
        sender: Address and port it came from; the same for requests on one connection.
        arrived: Monotonic seconds.
        received: The time of day, UTC.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    sender: tuple[str, int]
    arrived: float
    received: datetime

    def json(self) -> dict[str, Any]:
        """Return the body, decompressed if the header says so."""
        decode = DECODERS[self.headers.get("content-encoding", "")]
        read: dict[str, Any] = json.loads(decode(self.body))
        return read

    def names(self) -> list[str]:
        """Return the names of the events it carried."""
        return [event["event"] for event in self.json()["batch"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"status": 1}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Else every answer on a kept connection takes 40 ms.
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        reply = self.server.owner.take(
            Delivery(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
                sender=self.client_address,
                arrived=monotonic(),
                received=datetime.now(UTC),
            )
        )
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, port: int, owner: RecordingServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", port), _Handler)


class RecordingServer:
    """Takes every request, keeps it as it was, and answers as told, else 200.

    Attributes:
        url: Where it listens.
    """

    def __init__(self, port: int = 0) -> None:
        self._arrival = threading.Condition()
        self._deliveries: list[Delivery] = []
        self._replies: deque[Reply] = deque()
        self._server = _Server(port, self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, *replies: Reply) -> None:
        """Answer the next requests with *replies*, one each."""
        with self._arrival:
            self._replies.extend(replies)

    def take(self, delivery: Delivery) -> Reply:
        """Keep *delivery* and return its answer."""
        with self._arrival:
            self._deliveries.append(delivery)
            self._arrival.notify_all()
            return self._replies.popleft() if self._replies else Reply()

    def deliveries(self) -> list[Delivery]:
        """Return all requests so far, in the order of arrival."""
        with self._arrival:
            return list(self._deliveries)

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Delivery]:
        """Wait until *count* requests have arrived, and return all there are."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: len(self._deliveries) >= count, timeout)
            return list(self._deliveries)


@contextmanager
def silence() -> Iterator[str]:
    """Listen and never answer; yield the address. Connections are reset at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
