"""How a test drives an application, whatever it is made with: send a request, get an answer."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import httpx

import posthog_web
from tests.adapters.apps.views import PATIENCE, STAGE

if TYPE_CHECKING:
    from tests.adapters.apps.server import Visit

HOST = "shop.test"
PEER = "203.0.113.9"
AGENT = "Mozilla/5.0 (a browser)"

# People, as every application knows them: a name and what tells them apart.
PEOPLE = {"ann": "101", "bob": "102"}
# Somebody whom asking for an id raises.
BROKEN = "broken"

Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request. Header values are what travels: text is sent as Latin-1."""

    path: str
    method: str = "GET"
    host: str = HOST
    headers: Sequence[tuple[str, str]] = ()
    cookies: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self) -> list[tuple[str, str]]:
        """Return the headers a browser adds, too."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        browsers = [("Host", self.host), ("User-Agent", AGENT), ("Cookie", cookies)]
        given = {name.lower() for name, _ in self.headers}
        return [
            *((name, value) for name, value in browsers if value and name.lower() not in given),
            *self.headers,
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Two answers are equal when status, headers and body are, byte for byte.

    Attributes:
        status: The status code.
        headers: All headers in the order they were sent, names in lower case.
        body: The body.
        error: The exception that reached the server, or the framework's own last resort.
        afterwards: The ambient distinct id that the calling code sees once the answer is there.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    error: BaseException | None = field(default=None, compare=False)
    afterwards: str | None = field(default=None, compare=False)

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that were set, those that were deleted left out."""
        jar: SimpleCookie = SimpleCookie()
        for name, value in self.headers:
            if name == "set-cookie":
                jar.load(value)
        return {name: morsel.value for name, morsel in jar.items() if morsel.value}


class Application(ABC):
    """One of the six applications, with or without posthog_web in it."""

    @abstractmethod
    def serve(self, visit: Visit) -> object:
        """Serve one request as a server does, step by step."""

    @abstractmethod
    def send(self, call: Call) -> Answer:
        """Send one request the way the framework's test client does."""

    # The style of views in which any number of requests can wait for each other.
    together: str

    @abstractmethod
    def send_together(self, calls: Sequence[Call], *, meet: bool) -> list[Answer]:
        """Send all requests at once; the n-th answer is for the n-th call.

        With *meet* no view called ``meets`` goes on before all are there.
        """

    def get(
        self,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        cookies: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a GET."""
        return self.send(Call(path=path, headers=headers, cookies=cookies or {}))

    def log_in(self, name: str) -> dict[str, str]:
        """Log somebody in, over HTTP, and return the cookies that say so."""
        answer = self.get(f"/login/{name}")
        assert answer.status == 200, answer
        return answer.cookies


class WsgiApplication(Application):
    """An application with a test client that calls it on the spot."""

    together = ""
    callable: Callable[..., Iterable[bytes]]

    def serve(self, visit: Visit) -> Iterable[bytes]:
        """Serve one request; return its body as it was given to the server."""
        from tests.adapters.apps.server import serve_wsgi

        return serve_wsgi(self.callable, visit)

    def send_together(self, calls: Sequence[Call], *, meet: bool) -> list[Answer]:
        """Send each request from a thread of its own."""
        if meet:
            STAGE.meet = threading.Barrier(len(calls), timeout=PATIENCE).wait
        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(self._send_and_close, calls))

    def _send_and_close(self, call: Call) -> Answer:
        try:
            return self.send(call)
        finally:
            self.close_thread()

    def close_thread(self) -> None:
        """Give back what a thread that is about to end holds."""


class AsgiApplication(Application):
    """An ASGI callable, driven by httpx; each request in a loop of its own."""

    together = "/async"

    def __init__(self, app: Asgi) -> None:
        self.app = app

    def serve(self, visit: Visit) -> None:
        """Serve one request."""
        from tests.adapters.apps.server import serve_asgi

        serve_asgi(self.app, visit)

    def send(self, call: Call) -> Answer:
        """Send one request."""
        return asyncio.run(self.send_async(call))

    def send_together(self, calls: Sequence[Call], *, meet: bool) -> list[Answer]:
        """Send all requests from tasks of one loop."""

        async def send_all() -> list[Answer]:
            if meet:
                STAGE.meet_later = asyncio.Barrier(len(calls)).wait
            sending = (self.send_async(call) for call in calls)
            return await asyncio.wait_for(asyncio.gather(*sending), PATIENCE)

        return asyncio.run(send_all())

    async def send_async(self, call: Call) -> Answer:
        """Send one request from a coroutine."""
        errors: list[BaseException] = []

        async def watched(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            try:
                await self.app(scope, receive, send)
            except Exception as error:
                errors.append(error)
                raise

        transport = httpx.ASGITransport(watched, raise_app_exceptions=False, client=(PEER, 4711))
        request = httpx.Request(
            call.method,
            f"http://{HOST}{call.path}",
            headers=[
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in call.all_headers()
            ],
        )
        response = await transport.handle_async_request(request)
        body = b"".join([chunk async for chunk in response.stream])  # type: ignore[union-attr]
        return Answer(
            status=response.status_code,
            headers=tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in response.headers.raw
            ),
            body=body,
            error=errors[0] if errors else self.last_error(),
            afterwards=posthog_web.get_distinct_id(),
        )

    def last_error(self) -> BaseException | None:
        """Return an exception the framework turned into an answer by itself."""
        return None


def asgi_scope(kind: str, call: Call) -> dict[str, Any]:
    """Return the scope a server would make for *call*: of an "http" request or a "websocket"."""
    path, _, query = call.path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http" if kind == "http" else "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in call.all_headers()
        ],
        "client": (PEER, 4711),
        "server": (HOST, 80),
    }


async def talk(app: Asgi, call: Call, *texts: str) -> list[dict[str, Any]]:
    """Open a websocket, say *texts*, hang up; return what the application sent."""
    heard: list[dict[str, Any]] = []
    said: Iterator[dict[str, Any]] = iter(
        [
            {"type": "websocket.connect"},
            *({"type": "websocket.receive", "text": text} for text in texts),
            {"type": "websocket.disconnect", "code": 1000},
        ]
    )

    async def receive() -> dict[str, Any]:
        return next(said)

    async def send(message: dict[str, Any]) -> None:
        heard.append(message)

    scope = asgi_scope("websocket", call)
    del scope["method"]
    await app(scope, receive, send)
    return heard


class Lifespan:
    """An ASGI server's part in an application's life: start it, use it, stop it."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Start the application."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.ensure_future(
            self._app(scope, self._to_app.get, self._from_app.put)  # type: ignore[arg-type]
        )
        assert await self._exchange("lifespan.startup") == "lifespan.startup.complete"
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop it."""
        assert await self._exchange("lifespan.shutdown") == "lifespan.shutdown.complete"
        await self._task

    async def _exchange(self, kind: str) -> str:
        await self._to_app.put({"type": kind})
        message = await asyncio.wait_for(self._from_app.get(), PATIENCE)
        return str(message["type"])


def connection_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return *options*, with a key and an address where they have none.

    The key is fresh: applications with equal options share a client. Nobody listens there.
    """
    if "client" in options:
        return dict(options)
    return {"project_api_key": f"phc_{uuid4().hex}", "host": "http://127.0.0.1:9", **options}


def live(app: Any, told: list[str]) -> None:
    """Start and stop an ASGI application; put into *told* what it tells the server."""
    said = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        return {"type": next(said)}

    async def send(message: dict[str, Any]) -> None:
        told.append(message["type"])

    asyncio.run(app({"type": "lifespan", "state": {}}, receive, send))
