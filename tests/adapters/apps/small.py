"""Small applications that capture, and servers that say exactly what a test wants them to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import flask
from django.http import HttpResponse
from django.test.utils import override_settings
from django.urls import path

from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvent
from tests.adapters.apps.application import Call, asgi_scope
from tests.adapters.apps.django_project import OURS, set_up

KEY = "phc_small"


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


def view(request: Any, **_values: object) -> HttpResponse:
    """Capture."""
    request.posthog.capture("seen")
    return HttpResponse("seen")


urlpatterns = [path("", view), path("a/<token>", view)]


@contextmanager
def django_settings() -> Iterator[None]:
    """Serve the URLs of this page for the length of the block."""
    set_up()
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=[OURS], POSTHOG={"PROJECT_API_KEY": KEY}
    ):
        yield


async def bare(scope: Any, _receive: Any, send: Any) -> None:
    """Capture, whatever is asked."""
    scope["state"]["posthog"].capture("seen")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
