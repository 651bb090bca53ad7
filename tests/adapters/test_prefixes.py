"""Applications that are not at the root of their server, and servers that say odd things.

Each framework has ways of its own here, so these are no rows of the contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import fastapi
import flask
import pytest
import starlette.applications
from django.conf.urls.i18n import i18n_patterns
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.test.utils import override_settings
from django.urls import path
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import Asgi, Call, talk
from tests.adapters.apps.small import (
    KEY,
    OURS,
    call_asgi,
    call_wsgi,
    django_settings,
    make_flask,
    place,
    view,
)


@pytest.fixture(autouse=True)
def _django() -> Iterator[None]:
    with django_settings():
        yield


# Flask


def test_flask_may_be_dispatched_to(posthog_events: RecordedEvents) -> None:
    """Under a prefix the path has it, the route is the application's own, and masks hit."""
    app = DispatcherMiddleware(flask.Flask(__name__), {"/a/x": make_flask()})

    assert call_wsgi(app, PATH_INFO="/a/x/a/x") == 200
    assert place(posthog_events.one("seen")) == ("/a/x/a/<token>", "/a/<token>")


@pytest.mark.parametrize(
    ("script", "inner", "shown"),
    [("/app", "/a/x", "/app/a/<token>"), ("/app/", "/a/x", "/app/a/<token>")],
)
def test_flask_may_have_a_script_name(
    script: str, inner: str, shown: str, posthog_events: RecordedEvents
) -> None:
    """SCRIPT_NAME, with a slash at its end or not, is a part of the path."""
    assert call_wsgi(make_flask(), SCRIPT_NAME=script, PATH_INFO=inner) == 200
    assert place(posthog_events.one("seen")) == (shown, "/a/<token>")


# Django


class Swapped:
    """Other URLs, as a middleware chooses them."""

    urlpatterns = (path("a/<slug:swapped>", view),)


def swap_urls(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Capture, and have other URLs for the rest of the request."""

    def answer(request: Any) -> Any:
        request.posthog.capture("before")
        request.urlconf = Swapped
        request.posthog.capture("after")
        return get_response(request)

    return answer


@pytest.mark.parametrize("prefix", ["", "/app", "/a/x"])
def test_django_may_have_a_prefix(prefix: str, posthog_events: RecordedEvents) -> None:
    """SCRIPT_NAME and root_path are a part of the path, and none of the route."""
    call_wsgi(WSGIHandler(), SCRIPT_NAME=prefix, PATH_INFO="/a/x")
    call_asgi(ASGIHandler(), root_path=prefix, path=f"{prefix}/a/x")

    expected = (f"{prefix}/a/<token>", "/a/<token>")
    assert [place(event) for event in posthog_events] == [expected, expected]


def test_djangos_urls_may_be_swapped(posthog_events: RecordedEvents) -> None:
    """The route is found in the URLs that are the request's at that moment."""
    with override_settings(MIDDLEWARE=[OURS, f"{__name__}.swap_urls"]):
        call_wsgi(WSGIHandler(), PATH_INFO="/a/x")

    assert [place(event) for event in posthog_events] == [
        ("/a/<token>", "/a/<token>"),
        ("/a/x", "/a/<slug:swapped>"),
        ("/a/x", "/a/<slug:swapped>"),
    ]


def test_djangos_urls_may_have_a_language(posthog_events: RecordedEvents) -> None:
    """What i18n_patterns puts before a route is in it: languages are few, and no secrets."""

    class Translated:
        urlpatterns = i18n_patterns(path("a/<token>", view))

    with override_settings(
        ROOT_URLCONF=Translated,
        MIDDLEWARE=["django.middleware.locale.LocaleMiddleware", OURS],
        USE_I18N=True,
    ):
        call_wsgi(WSGIHandler(), PATH_INFO="/de/a/x")

    assert place(posthog_events.one("seen")) == ("/de/a/<token>", "/de/a/<token>")


# Starlette and FastAPI


async def endpoint(request: Request) -> PlainTextResponse:
    """Capture."""
    request.state.posthog.capture("seen")
    return PlainTextResponse("seen")


def routes() -> list[Any]:
    """Return routes of each kind, one in another."""
    inner = starlette.applications.Starlette(
        routes=[Route("/a/{token}", endpoint), Route("/{rest:path}", endpoint)]
    )
    return [
        Route("/a/{token}", endpoint),
        Mount("/in/{key}", routes=[Mount("/deep", app=inner)]),
        Host("{name}.test", Router(routes=[Route("/host/{token}", endpoint)])),
    ]


def make_starlette() -> Any:
    """Return a Starlette application."""
    return starlette.applications.Starlette(routes=routes())


def make_fastapi() -> Any:
    """Return a FastAPI application that has the same, and routers and applications inside."""
    app = fastapi.FastAPI()
    router = fastapi.APIRouter(prefix="/own")
    router.get("/a/{token}")(endpoint)
    middle = fastapi.APIRouter()
    middle.include_router(router, prefix="/mid")
    app.include_router(middle, prefix="/top/{code}")
    files = fastapi.APIRouter()
    files.get("/{rest:path}")(endpoint)
    app.include_router(files, prefix="/files")
    inner = fastapi.FastAPI()
    inner.include_router(middle)
    app.mount("/sub", inner)
    app.router.routes.extend(routes())
    return app


APPLICATIONS = [make_starlette, make_fastapi]
OUTER = pytest.mark.parametrize("outside", [True, False], ids=["around", "inside"])


def install(app: Any, *, outside: bool) -> Asgi:
    """Return the application with the middleware around it, or among its own."""
    if outside:
        return PosthogMiddleware(app, project_api_key=KEY)
    app.add_middleware(PosthogMiddleware, project_api_key=KEY)
    return app  # type: ignore[no-any-return]  # any application


@OUTER
@pytest.mark.parametrize("make", APPLICATIONS)
@pytest.mark.parametrize("stripped", [True, False], ids=["stripped", "whole"])
def test_an_asgi_application_may_have_a_root(
    make: Callable[[], Any], *, outside: bool, stripped: bool, posthog_events: RecordedEvents
) -> None:
    """root_path is a part of the path, whether the server leaves it there or not."""
    inner = "/a/x"
    app = install(make(), outside=outside)

    assert call_asgi(app, root_path="/in", path=inner if stripped else f"/in{inner}") == 200
    assert place(posthog_events.one("seen")) == ("/in/a/<token>", "/a/{token}")


@OUTER
@pytest.mark.parametrize("make", APPLICATIONS)
@pytest.mark.parametrize(
    ("inner", "shown", "template"),
    [
        ("/in/x/deep/a/x", "/in/<key>/deep/a/<token>", "/in/{key}/deep/a/{token}"),
        ("/in/x/deep/b/c", "/in/<key>/deep/b/c", "/in/{key}/deep/{rest:path}"),
        ("/host/x", "/host/<token>", "/host/{token}"),
    ],
)
def test_routes_may_lie_in_mounts_and_hosts(
    make: Callable[[], Any],
    inner: str,
    shown: str,
    template: str,
    *,
    outside: bool,
    posthog_events: RecordedEvents,
) -> None:
    """All that leads to the endpoint is in the template, wherever the middleware is."""
    app = install(make(), outside=outside)

    assert call_asgi(app, root_path="/root", path=f"/root{inner}") == 200
    assert place(posthog_events.one("seen")) == (f"/root{shown}", template)


@OUTER
@pytest.mark.parametrize(
    ("inner", "shown", "template"),
    [
        ("/top/x/mid/own/a/x", "/top/<code>/mid/own/a/<token>", "/top/{code}/mid/own/a/{token}"),
        ("/files/a/b", "/files/a/b", "/files/{rest:path}"),
        ("/sub/mid/own/a/x", "/sub/mid/own/a/<token>", "/sub/mid/own/a/{token}"),
    ],
)
def test_fastapi_may_include_and_mount(
    inner: str, shown: str, template: str, *, outside: bool, posthog_events: RecordedEvents
) -> None:
    """Prefixes of routers, and of applications in applications, are in the template."""
    app = install(make_fastapi(), outside=outside)

    assert call_asgi(app, path=inner) == 200
    assert place(posthog_events.one("seen")) == (shown, template)


def test_fastapi_may_know_its_root_itself(posthog_events: RecordedEvents) -> None:
    """The root_path of a FastAPI application says what a proxy took away."""
    for outside in (True, False):
        app = fastapi.FastAPI()
        app.root_path = "/api"
        app.get("/a/{token}")(endpoint)
        assert call_asgi(install(app, outside=outside), path="/a/x") == 200

    for event in posthog_events:
        assert place(event) == ("/api/a/<token>", "/a/{token}")
    assert len(posthog_events) == 2


def test_an_application_may_be_mounted_with_the_middleware(posthog_events: RecordedEvents) -> None:
    """Inside a mount, what it is mounted under is a part of the path, and none of the route."""
    inner = install(make_starlette(), outside=False)
    app = starlette.applications.Starlette(routes=[Mount("/of/{owner}", app=inner)])

    assert call_asgi(app, path="/of/ann/in/x/deep/a/x") == 200
    assert place(posthog_events.one("seen")) == (
        "/of/ann/in/<key>/deep/a/<token>",
        "/in/{key}/deep/a/{token}",
    )


def test_one_endpoint_may_have_several_routes(posthog_events: RecordedEvents) -> None:
    """The path decides which of them it was."""
    app = starlette.applications.Starlette(
        routes=[Route("/one/{token}", endpoint), Route("/two/{number:int}", endpoint)]
    )
    call_asgi(install(app, outside=True), path="/two/7")
    call_asgi(install(app, outside=True), path="/one/7")

    assert [place(event) for event in posthog_events] == [
        ("/two/7", "/two/{number:int}"),
        ("/one/<token>", "/one/{token}"),
    ]


def test_a_websocket_has_a_route_too(posthog_events: RecordedEvents) -> None:
    """A socket in an included router is told like any other place."""
    router = fastapi.APIRouter(prefix="/socket")

    @router.websocket("/{token}")
    async def serve(websocket: fastapi.WebSocket) -> None:
        await websocket.accept()
        websocket.state.posthog.capture("seen")

    app = fastapi.FastAPI()
    app.include_router(router, prefix="/pre")
    asyncio.run(talk(install(app, outside=True), Call(path="/pre/socket/x")))

    assert place(posthog_events.one("seen")) == ("/pre/socket/<token>", "/pre/socket/{token}")
