"""Applications that are not at the root of their server, and servers that say odd things.

Each framework has ways of its own here, so these are no rows of the contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import fastapi
import flask
import pytest
import starlette.applications
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from posthog_web.asgi import PosthogMiddleware
from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvent, RecordedEvents
from tests.adapters.apps.application import Asgi, Call, asgi_scope
from tests.adapters.apps.django_project import OURS, set_up

KEY = "phc_prefixes"


def call_asgi(app: Any, **scope: Any) -> int:
    """Serve a scope, as a server would make it but for *scope*; return the status."""
    sent: list[Any] = []

    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        # The client stays; whoever listens is cancelled when the answer is complete.
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({**asgi_scope("http", Call(path="/")), **scope}, receive, send))
    return int(sent[0]["status"])


def call_wsgi(app: Any, **environ: Any) -> int:
    """Serve an environ, as a server would make it but for *environ*; return the status."""
    statuses: list[str] = []
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "shop.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.9",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        **environ,
    }
    body = app(made, lambda status, *_: statuses.append(status))
    list(body)
    getattr(body, "close", lambda: None)()
    return int(statuses[0].split(maxsplit=1)[0])


def place(event: RecordedEvent) -> tuple[object, object]:
    """Return path and route of an event."""
    return event.properties["$pathname"], event.properties.get("$request_route")


# Flask


def make_flask() -> flask.Flask:
    """Return an application with one view, which captures."""
    app = flask.Flask(__name__)
    app.config["POSTHOG_PROJECT_API_KEY"] = KEY

    @app.get("/a/<token>")
    def view(token: str) -> str:
        flask.request.posthog.capture("seen")  # type: ignore[attr-defined]  # ours
        return token

    FlaskPosthog().init_app(app)
    return app


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


def view(request: Any, **_values: object) -> HttpResponse:
    """Capture."""
    request.posthog.capture("seen")
    return HttpResponse("seen")


urlpatterns = [path("", view), path("a/<token>", view)]


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


@pytest.fixture
def django_settings() -> Iterator[None]:
    """Serve the URLs of this page."""
    set_up()
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=[OURS], POSTHOG={"PROJECT_API_KEY": KEY}
    ):
        yield


@pytest.mark.usefixtures("django_settings")
@pytest.mark.parametrize("prefix", ["", "/app", "/a/x"])
def test_django_may_have_a_prefix(prefix: str, posthog_events: RecordedEvents) -> None:
    """SCRIPT_NAME and root_path are a part of the path, and none of the route."""
    call_wsgi(WSGIHandler(), SCRIPT_NAME=prefix, PATH_INFO="/a/x")
    call_asgi(ASGIHandler(), root_path=prefix, path=f"{prefix}/a/x")

    expected = (f"{prefix}/a/<token>", "/a/<token>")
    assert [place(event) for event in posthog_events] == [expected, expected]


@pytest.mark.usefixtures("django_settings")
def test_djangos_urls_may_be_swapped(posthog_events: RecordedEvents) -> None:
    """The route is found in the URLs that are the request's at that moment."""
    with override_settings(MIDDLEWARE=[OURS, f"{__name__}.swap_urls"]):
        call_wsgi(WSGIHandler(), PATH_INFO="/a/x")

    assert [place(event) for event in posthog_events] == [
        ("/a/<token>", "/a/<token>"),
        ("/a/x", "/a/<slug:swapped>"),
        ("/a/x", "/a/<slug:swapped>"),
    ]


@pytest.mark.usefixtures("django_settings")
def test_a_host_that_django_does_not_allow(posthog_events: RecordedEvents) -> None:
    """Nobody but the application may find fault with the Host header."""
    with override_settings(ALLOWED_HOSTS=["shop.test"]):
        assert call_wsgi(WSGIHandler(), HTTP_HOST="10.0.0.7:8000") == 200
        assert call_asgi(ASGIHandler(), headers=[(b"host", b"10.0.0.7:8000")]) == 200

    assert [event.properties["$host"] for event in posthog_events] == ["10.0.0.7:8000"] * 2


# Starlette and FastAPI


async def endpoint(request: Request) -> PlainTextResponse:
    """Capture."""
    request.state.posthog.capture("seen")
    return PlainTextResponse("seen")


def routes() -> list[Any]:
    """Return routes of each kind, one in another."""
    inner = starlette.applications.Starlette(routes=[Route("/a/{token}", endpoint)])
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


# What servers say


async def bare(scope: Any, _receive: Any, send: Any) -> None:
    """Capture, whatever is asked."""
    scope["state"]["posthog"].capture("seen")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


BARE = PosthogMiddleware(bare, project_api_key=KEY)


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"path": ""}, {"$pathname": "/", "$current_url": "http://shop.test/"}),
        ({"client": None}, {"$ip": None}),
        ({"client": ("testclient", 50000)}, {"$ip": None}),
        ({"client": ("fe80::1%eth0", 1)}, {"$ip": "fe80::1"}),
        ({"client": ("::ffff:203.0.113.5", 1)}, {"$ip": "203.0.113.5"}),
        ({"headers": []}, {"$host": "shop.test:80", "$user_agent": None}),
        ({"headers": [], "server": None}, {"$host": None, "$current_url": None, "$pathname": "/"}),
        ({"headers": [], "server": ("/run/x.sock", None)}, {"$host": None, "$pathname": "/"}),
        ({"headers": [], "server": ("::1", 80)}, {"$host": "[::1]:80"}),
        ({"method": "get"}, {"$request_method": "get"}),
        ({"method": "x" * 99}, {"$request_method": "x" * 32}),
        ({"path": "/\udcff"}, {"$current_url": "http://shop.test/%EF%BF%BD"}),
        ({"root_path": "/in/"}, {"$pathname": "/in/"}),
    ],
)
def test_an_asgi_server_may_say_anything(
    odd: dict[str, Any], expected: dict[str, Any], posthog_events: RecordedEvents
) -> None:
    """What is missing is left out, and what is odd is told as far as it makes sense."""
    assert call_asgi(BARE, **{"headers": [(b"host", b"shop.test")], **odd}) == 200

    properties = posthog_events.one("seen").properties
    assert {name: properties.get(name) for name in expected} == expected


class Broken:
    """An application whose routes cannot be read."""

    @property
    def routes(self) -> Any:
        """Fail."""
        raise RuntimeError

    async def __call__(self, *connection: Any) -> None:
        """Serve one connection."""
        await bare(*connection)


def test_a_path_is_not_told_if_its_secrets_cannot_be_found(posthog_events: RecordedEvents) -> None:
    """Where the routes cannot be read, the path stays here; answer and the rest are as ever."""
    assert call_asgi(PosthogMiddleware(Broken(), project_api_key=KEY), path="/reset/SECRET") == 200

    properties = posthog_events.one("seen").properties
    assert not {"$pathname", "$request_path", "$request_route"} & properties.keys()
    assert properties["$current_url"] == "http://shop.test"
    assert properties["$request_method"] == "GET"


def test_the_middleware_takes_the_application_by_name_too(posthog_events: RecordedEvents) -> None:
    """Starlette passes it by position or by name, as its version has it; it cannot be left out."""
    wrap: Any = PosthogMiddleware
    assert call_asgi(wrap(app=bare, project_api_key=KEY)) == 200
    assert posthog_events.names == ["seen"]
    with pytest.raises(TypeError, match="wraps an application"):
        wrap(project_api_key=KEY)


# The status


async def answer_first(scope: Any, _receive: Any, send: Any) -> None:
    """Capture before and after the response begins."""
    scope["state"]["posthog"].capture("before")
    await send({"type": "http.response.start", "status": 418, "headers": []})
    scope["state"]["posthog"].capture("after")
    await send({"type": "http.response.body", "body": b""})


def capture_afterwards(get_response: Callable[[HttpRequest], Any]) -> Callable[[Any], Any]:
    """Capture when the view is done."""

    def answer(request: Any) -> Any:
        response = get_response(request)
        request.posthog.capture("after")
        return response

    return answer


def statuses(events: RecordedEvents) -> dict[str, object]:
    """Return the status that each event tells."""
    return {event.event: event.properties.get("$response_status_code") for event in events}


def test_asgi_events_tell_a_status_once_there_is_one(posthog_events: RecordedEvents) -> None:
    """What is captured after the response began has its status."""
    assert call_asgi(PosthogMiddleware(answer_first, project_api_key=KEY)) == 418
    assert statuses(posthog_events) == {"before": None, "after": 418}


@pytest.mark.usefixtures("django_settings")
def test_django_events_tell_a_status_once_there_is_one(posthog_events: RecordedEvents) -> None:
    """What a middleware further out captures after the view has the status."""
    with override_settings(MIDDLEWARE=[f"{__name__}.capture_afterwards", OURS]):
        call_wsgi(WSGIHandler(), PATH_INFO="/")

    assert statuses(posthog_events) == {"seen": None, "after": 200}


def test_flask_events_tell_a_status_once_there_is_one(posthog_events: RecordedEvents) -> None:
    """What is captured when the request is torn down has the status."""
    app = make_flask()
    app.teardown_request(lambda _: flask.request.posthog.capture("after"))  # type: ignore[attr-defined,arg-type] # ours
    call_wsgi(app, PATH_INFO="/a/x")

    assert statuses(posthog_events) == {"seen": None, "after": 200}


@pytest.mark.parametrize("framework", ["Django", "Flask"])
@pytest.mark.usefixtures("django_settings")
@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"REMOTE_ADDR": ""}, {"$ip": None}),
        ({"REMOTE_ADDR": "localhost"}, {"$ip": None}),
        ({"SERVER_NAME": "::1"}, {"$host": "[::1]:80"}),
        ({"REQUEST_METHOD": "get"}, {"$request_method": "get"}),
        ({"HTTP_X_FORWARDED_FOR": "\xff, ::::,"}, {"$ip": "203.0.113.9"}),
    ],
)
def test_a_wsgi_server_may_say_anything(
    framework: str, odd: dict[str, Any], expected: dict[str, Any], posthog_events: RecordedEvents
) -> None:
    """The same for a WSGI server, whichever framework it serves."""
    app: Any = WSGIHandler()
    if framework == "Flask":
        app = make_flask()
        app.add_url_rule("/", view_func=lambda: view(flask.request).content)
    assert call_wsgi(app, **odd) == 200

    properties = posthog_events.one("seen").properties
    assert {name: properties.get(name) for name in expected} == expected


def test_a_broken_header_costs_itself_only(posthog_events: RecordedEvents) -> None:
    """What a server or a middleware spoils leaves the answer and all other properties."""
    headers = [(b"host", b"shop.test"), ("user-agent", "no bytes"), None]
    assert call_asgi(BARE, headers=headers, query_string=None, client=7) == 200

    properties = posthog_events.one("seen").properties
    assert properties["$current_url"] == "http://shop.test/"
    assert properties["$request_method"] == "GET"
    assert not {"$user_agent", "$ip"} & properties.keys()


@pytest.mark.usefixtures("django_settings")
def test_no_path_at_all_is_the_root(posthog_events: RecordedEvents) -> None:
    """An empty PATH_INFO is what Django takes it for."""
    assert call_wsgi(WSGIHandler(), PATH_INFO="") == 200
    assert place(posthog_events.one("seen")) == ("/", "/")


@pytest.mark.usefixtures("django_settings")
def test_a_broken_environ_costs_itself_only(posthog_events: RecordedEvents) -> None:
    """The same under WSGI, where a middleware can put anything into the environ."""
    assert call_wsgi(WSGIHandler(), HTTP_USER_AGENT=7, HTTP_HOST=b"shop.test") == 200

    properties = posthog_events.one("seen").properties
    assert properties["$pathname"] == "/"
    assert properties["$ip"] == "203.0.113.9"
    assert not {"$user_agent", "$raw_user_agent", "$host", "$current_url"} & properties.keys()
