"""Applications in FastAPI, Starlette and plain ASGI as users write them. Never run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any, assert_type

from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware, Request, RequestPosthog, WebSocket, get_posthog

api = FastAPI()
api.add_middleware(PosthogMiddleware, project_api_key="phc_key", trust_client_ids=False)
api.add_middleware(PosthogMiddleware, client=Client("phc_key"))

Posthog = Annotated[RequestPosthog, Depends(get_posthog)]


@api.get("/rooms/{name}")
def show(name: str, posthog: Posthog) -> dict[str, str]:
    """Take posthog as a dependency."""
    assert_type(posthog.capture("room seen", {"name": name}), str | None)
    posthog.identify("user-1", {"plan": "pro"})
    return {"name": name}


@api.post("/rooms/{name}")
async def enter(name: str, request: Request) -> dict[str, str | None]:
    """Take it from the request."""
    request.posthog.group("room", name, {"public": True})
    request.posthog.tag("room", name)
    assert_type(request.posthog, RequestPosthog)
    assert_type(get_posthog(request), RequestPosthog)
    return {"event": request.posthog.capture("room entered"), "who": request.posthog.distinct_id}


@api.websocket("/rooms/{name}/talk")
async def talk(websocket: WebSocket, name: str) -> None:
    """Capture what is said."""
    await websocket.accept()
    async for text in websocket.iter_text():
        websocket.posthog.capture("said", {"room": name, "length": len(text)})


async def home(request: Request) -> PlainTextResponse:
    """Answer in Starlette."""
    request.posthog.capture("home seen")
    return PlainTextResponse(str(request.posthog.session_id))


async def mistaken(request: Request) -> None:
    """Call what is refused: the person is the request's own, and options have names and types."""
    request.posthog.capture("user-1", "home seen")  # type: ignore[arg-type]
    api.add_middleware(PosthogMiddleware, failed_request_status_codes=range(500, 600))
    api.add_middleware(PosthogMiddleware, hots="https://eu.i.posthog.com")  # type: ignore[call-arg]
    api.add_middleware(PosthogMiddleware, excluded_paths=7)  # type: ignore[arg-type]


async def listen(websocket: WebSocket) -> None:
    """Listen in Starlette."""
    websocket.posthog.capture("listened")
    await websocket.close()


site = Starlette(
    routes=[Route("/", home), WebSocketRoute("/listen", listen)],
    middleware=[Middleware(PosthogMiddleware, project_api_key="phc_key")],
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without any framework."""
    await receive()
    scope["state"]["posthog"].capture("seen")
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


wrapped = PosthogMiddleware(plain, project_api_key="phc_key", host="https://eu.i.posthog.com")
