"""A server's part in one request, as the protocols have it: chunk by chunk, to the end or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import posthog_web
from tests.adapters.apps.application import HOST, PATIENCE, PEER, Asgi, Call, asgi_scope

# Seconds a server waits for an application whose client is gone.
GRACE = 1.0

Step = Callable[[Callable[[], Any]], Any]


@dataclass(slots=True, kw_only=True)
class Visit:
    """How the server serves one request, and what becomes of it.

    Attributes:
        call: The request.
        stop_after: After how many chunks the client goes away.
        close: Whether the server closes a body that the client did not wait for.
        on_chunk: Called with each chunk that is sent.
        step: Takes each step of a WSGI server: the call, each chunk, the close.
        more: What else the server tells the application.
        status: The status that was sent.
        headers: The headers that were sent.
        chunks: What was sent.
        other: Messages other than start and body.
        error: What reached the server.
        seen: The ambient distinct id where the server ran, after each step.
    """

    call: Call
    stop_after: int | None = None
    close: bool = True
    on_chunk: Callable[[bytes], object] = id
    step: Step = field(default=lambda step: step())
    more: MutableMapping[str, Any] = field(default_factory=dict)
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    other: list[Any] = field(default_factory=list)
    error: Exception | None = None
    seen: set[str | None] = field(default_factory=set)

    @property
    def body(self) -> bytes:
        """All that was sent."""
        return b"".join(self.chunks)

    @property
    def answer(self) -> tuple[int | None, list[tuple[str, str]], bytes]:
        """What a browser sees, but for the second in which it was sent."""
        headers = [(name, value) for name, value in self.headers if name.lower() != "date"]
        return self.status, headers, self.body

    def add(self, chunk: bytes) -> bool:
        """Send a chunk; return whether the client wants more."""
        self.chunks.append(chunk)
        self.on_chunk(chunk)
        return self.stop_after is None or len(self.chunks) < self.stop_after


def serve_wsgi(app: Callable[..., Iterable[bytes]], visit: Visit) -> Iterable[bytes]:
    """Serve one request; return the body as the application gave it."""

    def take(step: Callable[[], Any]) -> Any:
        def observed() -> Any:
            try:
                return step()
            finally:
                visit.seen.add(posthog_web.get_distinct_id())

        return visit.step(observed)

    body: Any = ()
    try:
        body = take(lambda: app(_environ(visit), _starter(visit)))
        chunks = take(lambda: iter(body))
        while (chunk := take(lambda: next(chunks, None))) is not None:
            if not visit.add(chunk):
                break
    except Exception as error:  # noqa: BLE001 - a server's last resort
        visit.error = error
    finally:
        if visit.close and hasattr(body, "close"):
            take(body.close)
    return body  # type: ignore[no-any-return]  # what the application gave


def _environ(visit: Visit) -> dict[str, Any]:
    path, _, query = visit.call.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": visit.call.method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": PEER,
        "SERVER_NAME": HOST,
        "wsgi.input": BytesIO(),
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in visit.call.all_headers()
        },
        **visit.more,
    }
    setup_testing_defaults(environ)
    return environ


def _starter(visit: Visit) -> Callable[..., Any]:
    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
        visit.status = int(status.split(maxsplit=1)[0])
        visit.headers = [(name.lower(), value) for name, value in headers]
        return visit.add

    return start_response


def serve_asgi(app: Asgi, visit: Visit) -> None:
    """Serve one request; a client that goes away says so, and hears nothing more."""
    asyncio.run(asyncio.wait_for(_serve_asgi(app, visit), PATIENCE))


async def _serve_asgi(app: Asgi, visit: Visit) -> None:
    gone = asyncio.Event()
    asked: list[object] = []

    async def receive() -> dict[str, Any]:
        asked.append(None)
        if len(asked) == 1:
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if gone.is_set():
            return
        if message["type"] == "http.response.start":
            visit.status = message["status"]
            visit.headers = [
                (name.decode().lower(), value.decode("latin-1"))
                for name, value in message["headers"]
            ]
        elif message["type"] != "http.response.body":
            visit.other.append(dict(message))
        elif message.get("body") and not visit.add(message["body"]):
            gone.set()

    async def run() -> None:
        try:
            await app(asgi_scope("http", visit.call) | visit.more, receive, send)
        except Exception as error:  # noqa: BLE001 - a server's last resort
            visit.error = error
        finally:
            visit.seen.add(posthog_web.get_distinct_id())

    serving = asyncio.create_task(run())
    leaving = asyncio.create_task(gone.wait())
    await asyncio.wait([serving, leaving], return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    # An application that does not listen is told in another way.
    await asyncio.wait([serving], timeout=GRACE if gone.is_set() else None)
    serving.cancel()
    await asyncio.wait([serving])


class Elsewhere:
    """Takes each step on one of two threads, turn by turn, in a context of its own."""

    def __init__(self) -> None:
        self._threads = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]

    def __call__(self, step: Callable[[], Any]) -> Any:
        """Take *step* on the thread whose turn it is."""
        self._threads.reverse()
        return self._threads[0].submit(step).result(PATIENCE)

    def ambient(self) -> list[str | None]:
        """Return the distinct ids that are current on the threads."""
        return [one.submit(posthog_web.get_distinct_id).result(PATIENCE) for one in self._threads]

    def end(self, last: Callable[[], object] = object) -> None:
        """Do a last thing on each thread, and end it."""
        for thread in self._threads:
            thread.submit(Context().run, last).result(PATIENCE)
            thread.shutdown()
