"""Places where Starlette and FastAPI fail when the stage asks them to, and their handlers."""

from __future__ import annotations

from typing import Any

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.adapters.apps.views import STAGE, Trouble


class Failing:
    """Middleware that fails before or after what it wraps, if it is to."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            STAGE.fail("further in, on the way in")
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            STAGE.fail("further in, on the way out")


def trouble(request: Request) -> Response:
    """Raise what has a handler."""
    STAGE.watch(request)
    raise Trouble(request.path_params["status"])


async def trouble_async(request: Request) -> Response:
    """Raise it from a coroutine."""
    return trouble(request)


def aborted(request: Request) -> Response:
    """Refuse with a status."""
    raise HTTPException(request.path_params["status"])


async def aborted_async(request: Request) -> Response:
    """Refuse with a status, from a coroutine."""
    return aborted(request)


async def failing_background(_request: Request) -> Response:
    """Answer, and fail after that."""
    STAGE.failing.add("background")
    return PlainTextResponse("soon", background=BackgroundTask(STAGE.fail, "background"))


async def handle(_request: Request, error: Exception) -> Response:
    """Answer what is expected to happen."""
    assert isinstance(error, Trouble)
    return PlainTextResponse("trouble", error.status)


def handle_in_thread(request: Request, error: Exception) -> Response:
    """Answer it as a plain function, for which Starlette takes a thread."""
    assert isinstance(error, Trouble)
    return PlainTextResponse(request.url.path, error.status)


routes = [
    Route("/trouble/{status:int}", trouble),
    Route("/async/trouble/{status:int}", trouble_async),
    Route("/aborted/{status:int}", aborted),
    Route("/async/aborted/{status:int}", aborted_async),
    Route("/failing-background", failing_background),
]
