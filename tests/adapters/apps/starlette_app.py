"""The application in Starlette, with its AuthenticationMiddleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from functools import cache, partial
from typing import Any

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

import posthog_web
from posthog_web.asgi import PosthogMiddleware
from tests.adapters.apps.application import BROKEN, PEOPLE, AsgiApplication, connection_options
from tests.adapters.apps.starlette_failures import Failing, handle, routes
from tests.adapters.apps.streams import STREAMS, as_async
from tests.adapters.apps.views import SILENT, STAGE, VIEWS, Ask, Trouble, run_async


class User(BaseUser):
    """A user as Starlette wants one."""

    def __init__(self, number: str) -> None:
        self._number = number

    @property
    def is_authenticated(self) -> bool:
        """Say yes."""
        return True

    @property
    def display_name(self) -> str:
        """Return what people call this user."""
        return f"number {self._number}"

    @property
    def identity(self) -> str:
        """Return what tells this user apart, unless it fails."""
        if self._number == BROKEN:
            msg = "the table of users is gone"
            raise RuntimeError(msg)
        return self._number


class Cookies(AuthenticationBackend):
    """Believes a cookie; the people here trust each other."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return the user a cookie names."""
        name = conn.cookies.get("user")
        if name is None:
            return None
        return AuthCredentials(["authenticated"]), User(PEOPLE.get(name, name))


def asker(request: HTTPConnection, *, installed: bool) -> Ask:
    """Return what asks *request* for its posthog, and remember the request weakly."""
    STAGE.watch(request)
    return lambda: request.posthog if installed else SILENT  # type: ignore[attr-defined]


def sync_view(name: str, *, installed: bool) -> Callable[[Request], Response]:
    """Return the view *name*."""

    def view(request: Request) -> Response:
        return PlainTextResponse(VIEWS[name](asker(request, installed=installed)))

    return view


def async_view(name: str, *, installed: bool) -> Any:
    """Return the view *name* as a coroutine."""

    async def view(request: Request) -> Response:
        return PlainTextResponse(await run_async(name, asker(request, installed=installed)))

    return view


def item(request: Request) -> Response:
    """Show an item."""
    request.state.posthog.capture("item seen")
    return PlainTextResponse(f"item {request.path_params['number']}")


def place(request: Request) -> Response:
    """Be somewhere, whatever the route's parameters are."""
    getattr(request.state, "posthog", SILENT).capture("was here")
    return PlainTextResponse("here")


async def place_async(request: Request) -> Response:
    """Be somewhere as a coroutine."""
    return place(request)


class Place(HTTPEndpoint):
    """Be somewhere as a class."""

    async def get(self, request: Request) -> Response:
        """Be here."""
        return place(request)


class Early:
    """Middleware that captures before anything is routed, if the URL asks for it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if b"early" in scope.get("query_string", b"") and "posthog" in scope.get("state", {}):
            scope["state"]["posthog"].capture("early")
        await self._app(scope, receive, send)


def refuse(request: Request) -> Response:
    """Refuse in the framework's way."""
    raise HTTPException({"missing": 404, "forbidden": 403}.get(request.path_params["kind"], 400))


def log_in(request: Request) -> Response:
    """Log somebody in."""
    response = PlainTextResponse("welcome")
    response.set_cookie("user", request.path_params["name"])
    return response


def stream(request: Request, *, installed: bool) -> Response:
    """Stream what a generator yields."""
    name = request.path_params["name"]
    return StreamingResponse(STREAMS[name](asker(request, installed=installed)))


async def stream_async(request: Request, *, installed: bool) -> Response:
    """Stream what an asynchronous generator yields."""
    name = request.path_params["name"]
    return StreamingResponse(as_async(name, asker(request, installed=installed)))


def file(request: Request, *, installed: bool) -> Response:
    """Send a file."""
    asker(request, installed=installed)().capture("seen")
    return FileResponse(__file__)


async def file_async(request: Request, *, installed: bool) -> Response:
    """Send a file from a coroutine."""
    return file(request, installed=installed)


async def background(request: Request, *, installed: bool) -> Response:
    """Answer, and go on working."""
    posthog = asker(request, installed=installed)()

    def in_a_thread() -> None:
        posthog.capture("in background")
        posthog_web.capture("in background, on the module")

    async def in_the_loop() -> None:
        await asyncio.sleep(0)
        in_a_thread()

    tasks = BackgroundTasks([BackgroundTask(in_a_thread), BackgroundTask(in_the_loop)])
    return PlainTextResponse("soon", background=tasks)


def more(*, installed: bool) -> list[Route]:
    """Return the routes of answers that are sent piece by piece, or by the server."""
    return [
        Route("/stream/{name}", partial(stream, installed=installed)),
        Route("/async/stream/{name}", partial(stream_async, installed=installed)),
        Route("/background", partial(background, installed=installed)),
        Route("/file", partial(file, installed=installed)),
        Route("/async/file", partial(file_async, installed=installed)),
    ]


async def socket(websocket: WebSocket) -> None:
    """Capture what is said, and answer with who said it."""
    await websocket.accept()
    async for text in websocket.iter_text():
        if text == "raise":
            msg = "the socket failed"
            raise RuntimeError(msg)
        posthog = websocket.posthog  # type: ignore[attr-defined]
        posthog.capture("said", {"text": text})
        await websocket.send_text(str(posthog.distinct_id))


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Do what the stage wants done when the application stops."""
    STAGE.fail("start")
    yield
    STAGE.fail("stop")
    STAGE.on_stop()


INNER = Starlette(routes=[Route("/{number:int}", place)])


def make_app(options: Mapping[str, Any], *, installed: bool) -> Starlette:
    """Return the application."""
    app = Starlette(
        routes=[
            *(Route(f"/{name}", sync_view(name, installed=installed)) for name in VIEWS),
            *(Route(f"/async/{name}", async_view(name, installed=installed)) for name in VIEWS),
            Route("/items/{number:int}/", item),
            Mount("/shop", routes=[Route("/items/{number:int}/", item)]),
            Mount("/of/{owner}", routes=[Route("/items/{number:int}/", item)]),
            Route("/class/{number:int}", Place),
            Mount("/named", routes=[Route("/{name}/", place, name="place")], name="named"),
            Mount("/in", routes=[Mount("/mid/{owner}", app=Early(INNER))]),
            Route("/reset/{uidb64}/{token}/", place),
            Route("/async/reset/{uidb64}/{token}/", place_async),
            Route("/hidden/{owner}/{plan}", place),
            Mount("/mounted/{owner}", routes=[Route("/{token}", place)]),
            Route("/refuse/{kind}", refuse),
            Route("/login/{name}", log_in),
            WebSocketRoute("/socket", socket),
            *more(installed=installed),
            *routes,
        ],
        middleware=[
            Middleware(AuthenticationMiddleware, backend=Cookies()),
            Middleware(Early),
            Middleware(Failing),
        ],
        exception_handlers={Trouble: handle},
        lifespan=lifespan,
    )
    if installed:
        app.add_middleware(PosthogMiddleware, **options)
    return app


def start(_stack: ExitStack, *, installed: bool, options: Mapping[str, Any]) -> AsgiApplication:
    """Return the application."""
    return AsgiApplication(make_app(connection_options(options), installed=installed))


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Serve the application; its options come from the environment."""
    await _served()(scope, receive, send)


@cache
def _served() -> Any:
    return make_app({}, installed=True)
