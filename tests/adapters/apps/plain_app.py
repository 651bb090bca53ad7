"""The application on ASGI itself, without any framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import ExitStack
from functools import cache
from http.cookies import SimpleCookie
from typing import Any

import posthog_web
from posthog_web.asgi import PosthogMiddleware
from tests.adapters.apps.application import BROKEN, PEOPLE, AsgiApplication, connection_options
from tests.adapters.apps.streams import STREAMS, as_async
from tests.adapters.apps.views import SILENT, STAGE, VIEWS, Ask, Trouble, run_async

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class User:
    """A user, as our own middleware puts it into the scope."""

    is_authenticated = True

    def __init__(self, number: str) -> None:
        self._number = number

    @property
    def id(self) -> str:
        """Return what tells this user apart, unless it fails."""
        if self._number == BROKEN:
            msg = "the table of users is gone"
            raise RuntimeError(msg)
        return self._number


class Canary:
    """Stands in the scope, a dict, which cannot be held weakly itself."""


def asker(scope: Scope) -> Ask:
    """Return what asks the scope for its posthog."""
    scope["canary"] = Canary()
    STAGE.watch(scope["canary"])
    return lambda: scope.get("state", {}).get("posthog", SILENT)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection, or the life of the server."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    find_user(scope)
    if b"early" in scope.get("query_string", b""):
        asker(scope)().capture("early")
    if scope["type"] == "websocket":
        await converse(scope, receive, send)
        return
    STAGE.fail("further in, on the way in")
    if "stream/" in scope["path"]:
        await stream(scope, send)
        return
    try:
        await reply(send, *await answer(scope))
    except Trouble as error:
        await reply(send, error.status, [], b"trouble")
    if scope["path"] == "/background":
        await work(scope)
    if scope["path"] == "/failing-background":
        STAGE.failing.add("background")
        STAGE.fail("background")
    STAGE.fail("further in, on the way out")


async def reply(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def stream(scope: Scope, send: Send) -> None:
    """Answer chunk by chunk."""
    name = scope["path"].rpartition("/")[2]
    ask = asker(scope)
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"].startswith("/async/"):
        async for chunk in as_async(name, ask):
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    else:
        for chunk in STREAMS[name](ask):
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def work(scope: Scope) -> None:
    """Go on working when the answer is sent."""

    def capture() -> None:
        asker(scope)().capture("in background")
        posthog_web.capture("in background, on the module")

    await asyncio.to_thread(capture)
    capture()


def find_user(scope: Scope) -> None:
    """Put the user a cookie names into the scope."""
    cookies: SimpleCookie = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode())
    if "user" in cookies:
        name = cookies["user"].value
        scope["user"] = User(PEOPLE.get(name, name))


async def answer(scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body."""
    headers = [(b"content-type", b"text/plain")]
    name = scope["path"].removeprefix("/")
    if name.startswith("login/"):
        cookie = f"user={name.removeprefix('login/')}; Path=/"
        return 200, [*headers, (b"set-cookie", cookie.encode())], b"welcome"
    if name in {"background", "failing-background"}:
        return 200, headers, b"soon"
    if name.removeprefix("async/").startswith("trouble/"):
        asker(scope)
        raise Trouble(int(name.rpartition("/")[2]))
    if name.removeprefix("async/") not in VIEWS:
        return 404, headers, b"nothing here"
    if name.startswith("async/"):
        text = await run_async(name.removeprefix("async/"), asker(scope))
    else:
        text = VIEWS[name](asker(scope))
    return 200, headers, text.encode()


async def converse(scope: Scope, receive: Receive, send: Send) -> None:
    """Capture what is said, and answer with who said it."""
    posthog = asker(scope)()
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            continue
        if message["text"] == "raise":
            msg = "the socket failed"
            raise RuntimeError(msg)
        posthog.capture("said", {"text": message["text"]})
        await send({"type": "websocket.send", "text": str(posthog.distinct_id)})


async def live(receive: Receive, send: Send) -> None:
    """Do what the stage wants done when the application stops."""
    assert (await receive())["type"] == "lifespan.startup"
    STAGE.fail("start")
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    STAGE.fail("stop")
    STAGE.on_stop()
    await send({"type": "lifespan.shutdown.complete"})


def start(_stack: ExitStack, *, installed: bool, options: Mapping[str, Any]) -> AsgiApplication:
    """Return the application."""
    if not installed:
        return AsgiApplication(application)
    return AsgiApplication(PosthogMiddleware(application, **connection_options(options)))


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Serve the application; its options come from the environment."""
    await _served()(scope, receive, send)


@cache
def _served() -> Any:
    return PosthogMiddleware(application)
