"""Places where the Django project fails when the stage asks it to, and its handlers of failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import SimpleTemplateResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.views import defaults

from tests.adapters.apps.views import STAGE, Trouble

Middleware = Callable[[Callable[[HttpRequest], Any]], Callable[[HttpRequest], Any]]


def failing_middleware(where: str) -> Middleware:
    """Return a middleware that fails before or after what it wraps, if it is to."""

    @sync_and_async_middleware
    def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
        def answer(request: HttpRequest) -> Any:
            STAGE.fail(f"{where}, on the way in")
            response = get_response(request)
            STAGE.fail(f"{where}, on the way out")
            return response

        async def answer_async(request: HttpRequest) -> Any:
            STAGE.fail(f"{where}, on the way in")
            response = await get_response(request)
            STAGE.fail(f"{where}, on the way out")
            return response

        chosen: Any = answer_async if iscoroutinefunction(get_response) else answer
        if where == "further out":
            chosen.process_exception = handle
        return chosen  # type: ignore[no-any-return]  # one of the two

    return middleware


def handle(_request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """Answer what is expected to happen, if it happens further in."""
    if isinstance(exception, Trouble):
        return HttpResponse("trouble", status=exception.status)
    return None


outside = failing_middleware("further out")
inside = failing_middleware("further in")


def trouble(request: HttpRequest, status: int) -> HttpResponse:
    """Raise what has a handler."""
    STAGE.watch(request)
    raise Trouble(status)


async def trouble_async(request: HttpRequest, status: int) -> HttpResponse:
    """Raise it from a coroutine."""
    return trouble(request, status)


class Broken:
    """Fails when it is shown."""

    def __str__(self) -> str:
        STAGE.fail("template")
        return "whole"


def broken_template(_request: HttpRequest) -> SimpleTemplateResponse:
    """Show what fails when it is rendered, which Django does when the view has returned."""
    template = engines["django"].from_string("shown: {{ thing }}")
    return SimpleTemplateResponse(template, {"thing": Broken()})


async def broken_template_async(request: HttpRequest) -> SimpleTemplateResponse:
    """Show it from a coroutine."""
    return broken_template(request)


def answer_500(request: HttpRequest) -> HttpResponse:
    """Say that something went wrong, or fail at it."""
    STAGE.fail("handler")
    return defaults.server_error(request)


def answer_404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that there is nothing, or fail at it."""
    STAGE.fail("handler of 404")
    return defaults.page_not_found(request, exception)


routes = [
    path("trouble/<int:status>", trouble),
    path("async/trouble/<int:status>", trouble_async),
    path("broken-template", broken_template),
    path("async/broken-template", broken_template_async),
]
