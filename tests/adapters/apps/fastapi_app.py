"""The application in FastAPI; plain functions get posthog as a dependency."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRouter
from starlette.middleware.authentication import AuthenticationMiddleware

from posthog_web.asgi import PosthogMiddleware, get_posthog
from tests.adapters.apps.application import AsgiApplication, connection_options
from tests.adapters.apps.starlette_app import Cookies, Early, asker, lifespan, more, socket
from tests.adapters.apps.starlette_failures import Failing, handle_in_thread, routes
from tests.adapters.apps.views import SILENT, STAGE, VIEWS, Trouble, run_async


def add_views(app: FastAPI, name: str, *, installed: bool) -> None:
    """Add the view *name*, as a function and as a coroutine."""
    find_posthog = get_posthog if installed else lambda: SILENT

    def view(
        request: Request,
        posthog: Any = Depends(find_posthog),  # noqa: B008 - that is how FastAPI takes them
    ) -> PlainTextResponse:
        STAGE.watch(request)
        return PlainTextResponse(VIEWS[name](lambda: posthog))

    async def view_async(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await run_async(name, asker(request, installed=installed)))

    app.get(f"/{name}")(view)
    app.get(f"/async/{name}")(view_async)


def item(number: int, posthog: Annotated[Any, Depends(get_posthog)]) -> PlainTextResponse:
    """Show an item."""
    posthog.capture("item seen")
    return PlainTextResponse(f"item {number}")


def place(request: Request) -> PlainTextResponse:
    """Be somewhere, whatever the route's parameters are."""
    getattr(request.state, "posthog", SILENT).capture("was here")
    return PlainTextResponse("here")


async def place_async(request: Request) -> PlainTextResponse:
    """Be somewhere as a coroutine."""
    return place(request)


class Page:
    """A dependency that is a class."""

    def __init__(self, number: int) -> None:
        self.number = number


def place_with_page(request: Request, page: Annotated[Page, Depends()]) -> PlainTextResponse:
    """Be somewhere with a class as a dependency."""
    assert page.number
    return place(request)


def add_places(app: FastAPI) -> None:
    """Add routes of every kind."""
    app.get("/class/{number}")(place_with_page)
    named = APIRouter(prefix="/named")
    named.get("/{name}/")(place)
    app.include_router(named)
    inner = APIRouter(prefix="/{owner}")
    inner.get("/{number}")(place)
    middle = APIRouter()
    middle.include_router(inner, prefix="/mid")
    app.include_router(middle, prefix="/in")
    app.get("/reset/{uidb64}/{token}/")(place)
    app.get("/async/reset/{uidb64}/{token}/")(place_async)
    app.add_route("/hidden/{owner}/{plan}", place)
    mounted = FastAPI()
    mounted.get("/{token}")(place)
    app.mount("/mounted/{owner}", mounted)


def refuse(kind: str) -> None:
    """Refuse in the framework's way."""
    raise HTTPException({"missing": 404, "forbidden": 403}.get(kind, 400))


def log_in(name: str) -> PlainTextResponse:
    """Log somebody in."""
    response = PlainTextResponse("welcome")
    response.set_cookie("user", name)
    return response


def make_app(options: Mapping[str, Any], *, installed: bool) -> FastAPI:
    """Return the application."""
    app = FastAPI(lifespan=lifespan)
    for name in VIEWS:
        add_views(app, name, installed=installed)
    app.get("/items/{number}/")(item)
    shop = APIRouter(prefix="/shop")
    shop.get("/items/{number}/")(item)
    app.include_router(shop)
    owned = FastAPI()
    owned.get("/items/{number}/")(item)
    app.mount("/of/{owner}", owned)
    add_places(app)
    app.get("/refuse/{kind}")(refuse)
    app.get("/login/{name}")(log_in)
    app.websocket("/socket")(socket)
    app.routes.extend([*more(installed=installed), *routes])
    app.add_exception_handler(Trouble, handle_in_thread)
    app.add_middleware(Failing)
    app.add_middleware(Early)
    app.add_middleware(AuthenticationMiddleware, backend=Cookies())
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
