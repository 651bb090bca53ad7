"""Requests that end oddly leave nobody's identity behind, and no request alive."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.test import create_environ

import posthog_web
from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware
from posthog_web.flask import FlaskPosthog, request
from posthog_web.testing import RecordedEvents

HEADERS = [(b"x-posthog-distinct-id", b"visitor-7")]


def flask_app(client: Client) -> Flask:
    """Return an application with the extension."""
    app = Flask("leaks")
    FlaskPosthog(app, client=client)
    return app


async def call(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """Serve one connection; return what was sent."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def http(**more: Any) -> dict[str, Any]:
    """Return a scope."""
    return {"type": "http", "method": "GET", "path": "/", "headers": HEADERS, **more}


def test_a_context_left_open_does_not_keep_the_request(posthog_events: RecordedEvents) -> None:
    """A generator that stays inside new_context does not leave its person to the thread."""
    app = flask_app(Client("phc_test"))
    kept: list[Iterator[None]] = []

    def stay() -> Iterator[None]:
        with posthog_web.new_context():
            yield

    @app.get("/")
    def view() -> str:
        request.posthog.identify("ada")
        kept.append(stay())
        next(kept[0])
        return "ok"

    app.test_client().get("/")

    assert posthog_web.get_distinct_id() is None
    assert len(posthog_events) == 0


def test_an_environ_served_twice_is_two_requests(posthog_events: RecordedEvents) -> None:
    """An application that passes a request on does not pass its person or its client on."""
    first = flask_app(Client("phc_first", super_properties={"app": "first"}))
    second = flask_app(Client("phc_second", super_properties={"app": "second"}))

    @first.before_request
    def name() -> None:
        request.posthog.identify("ada")

    @second.get("/")
    def view() -> str:
        request.posthog.capture("seen")
        return "ok"

    environ = first.test_request_context("/").request.environ
    for app in (first, second):
        list(app(environ, lambda *_: lambda _: None))

    seen = posthog_events.one("seen")
    assert seen.properties["app"] == "second"
    assert seen.is_personless


def test_a_context_pushed_inside_does_not_end_the_request(posthog_events: RecordedEvents) -> None:
    """Pushing the same environ again, inside a view, leaves the view's request as it is."""
    app = flask_app(Client("phc_test"))

    @app.get("/")
    def view() -> str:
        request.posthog.identify("ada")
        with app.request_context(request.environ):
            pass
        posthog_web.capture("seen")
        return "ok"

    app.test_client().get("/")

    assert posthog_events.one("seen").distinct_id == "ada"


def test_an_environ_handed_on_inside_a_view_is_two_requests(
    posthog_events: RecordedEvents,
) -> None:
    """An application that lets another one answer keeps its own person, and ends it."""
    first = flask_app(Client("phc_first", super_properties={"app": "first"}))
    second = flask_app(Client("phc_second", super_properties={"app": "second"}))

    @first.get("/")
    def view() -> str:
        request.posthog.identify("ada")
        body = second(request.environ, lambda *_: lambda _: None)
        request.posthog.capture("after")
        posthog_web.capture("after, on the module")
        return b"".join(body).decode()

    @second.get("/")
    def inner() -> str:
        request.posthog.capture("inside")
        return "ok"

    assert first.test_client().get("/").data == b"ok"

    assert posthog_events.one("inside").properties["app"] == "second"
    assert posthog_events.one("inside").is_personless
    for event in posthog_events[1:]:
        assert (event.distinct_id, event.properties["app"]) == ("ada", "first")
    assert posthog_web.get_distinct_id() is None


@pytest.mark.parametrize("copied", [False, True], ids=["itself", "copied"])
def test_an_environ_may_be_served_again_inside(
    posthog_events: RecordedEvents, *, copied: bool
) -> None:
    """An application that asks itself has two requests, each with its route, person and status."""
    app = flask_app(Client("phc_test"))

    @app.get("/outer")
    def outer() -> str:
        request.posthog.identify("ada")
        request.posthog.tag("tagged", "outer")
        environ = dict(request.environ) if copied else request.environ
        path = environ["PATH_INFO"]
        environ["PATH_INFO"] = "/inner"
        b"".join(app(environ, lambda *_: lambda _: None))
        environ["PATH_INFO"] = path
        request.posthog.capture("after")
        posthog_web.capture("after, on the module")
        return "ok"

    @app.get("/inner")
    def inner() -> str:
        request.posthog.capture("inside")
        raise LookupError

    assert app.test_client().get("/outer").status_code == 200

    inside, failed, *after = posthog_events
    assert inside.is_personless
    assert failed.is_personless
    assert failed.properties["$response_status_code"] == 500
    assert {one.properties["$request_route"] for one in (inside, failed)} == {"/inner"}
    assert [one.event for one in after] == ["after", "after, on the module"]
    for one in after:
        assert (one.distinct_id, one.properties["tagged"]) == ("ada", "outer")
        assert one.properties["$request_route"] == "/outer"
        assert "$response_status_code" not in one.properties
    assert "tagged" not in inside.properties


def test_a_streamed_request_does_not_wait_for_the_garbage_collector() -> None:
    """When its body is closed the request is gone, as it is without the extension."""
    gone: list[bool] = []
    for installed in (False, True):
        app = Flask("leaks")
        if installed:
            FlaskPosthog(app, client=Client("phc_test", send=False))
        seen: list[weakref.ref[object]] = []

        def view(seen: list[weakref.ref[object]] = seen) -> Response:
            seen.append(weakref.ref(request._get_current_object()))  # type: ignore[attr-defined]
            return Response(posthog_web.get_distinct_id() or "nobody" for _ in range(3))

        app.add_url_rule("/", "view", view)
        environ = create_environ("/")
        gc.collect()
        gc.disable()
        try:
            body: Any = app(environ, lambda *_: lambda _: None)
            assert list(body) == [b"nobody"] * 3
            body.close()
            del body, environ
            gone.append(seen[0]() is None)
        finally:
            gc.enable()

    assert gone[0] == gone[1]


def test_a_scope_served_twice_is_two_requests(posthog_events: RecordedEvents) -> None:
    """The same, for ASGI."""

    async def names(scope: Any, _receive: Any, _send: Any) -> None:
        scope["state"]["posthog"].identify("ada")

    async def captures(scope: Any, _receive: Any, _send: Any) -> None:
        scope["state"]["posthog"].capture("seen")

    first = PosthogMiddleware(names, client=Client("phc_first"))
    second = PosthogMiddleware(
        captures, client=Client("phc_second", super_properties={"app": "second"})
    )
    scope = http()

    asyncio.run(call(first, scope))
    asyncio.run(call(second, scope))

    seen = posthog_events.one("seen")
    assert (seen.distinct_id, seen.properties["app"]) == ("visitor-7", "second")


def test_the_application_may_be_given_by_name(posthog_events: RecordedEvents) -> None:
    """As Starlette once did; an application there has to be."""

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scope["state"]["posthog"].capture("seen")

    asyncio.run(call(PosthogMiddleware(app=app, client=Client("phc_test")), http()))

    assert posthog_events.names == ["seen"]
    with pytest.raises(TypeError, match="application"):
        PosthogMiddleware(client=Client("phc_test"))


@pytest.mark.parametrize("state", [None, "text", ()])
def test_an_odd_scope_is_served_all_the_same(state: Any) -> None:
    """A server may pass any state; where ours finds no place, the application runs without it."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start"})
        await send({"type": "http.response.body", "body": b"ok"})

    sent = asyncio.run(call(PosthogMiddleware(app, client=Client("phc_test")), http(state=state)))

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_requests_do_not_wait_for_the_garbage_collector() -> None:
    """A request that is over is gone, without a cycle that only the collector finds."""
    seen: list[int] = []

    class Watched(dict[str, Any]):
        def __del__(self) -> None:
            seen.append(1)

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scope["state"]["posthog"].capture("seen")

    middleware = PosthogMiddleware(app, client=Client("phc_test", send=False))
    gc.collect()
    gc.disable()
    try:
        asyncio.run(call(middleware, Watched(http())))
        assert seen == [1]
    finally:
        gc.enable()


def test_a_user_without_a_usable_id_is_not_the_headers(posthog_events: RecordedEvents) -> None:
    """Somebody is logged in; what tells them apart cannot be sent, and a header is not it."""

    class Odd:
        is_authenticated = True
        pk = object()
        username = "ada@example.org"

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scope["state"]["posthog"].capture("seen")

    asyncio.run(call(PosthogMiddleware(app, client=Client("phc_test")), http(user=Odd())))

    assert posthog_events.one("seen").is_personless
    assert "ada@" not in str(posthog_events.one("seen").raw)


@pytest.mark.parametrize(
    ("event", "properties"),
    [("$identify", {}), ("$create_alias", {"alias": "x"}), ("$merge_dangerously", {})],
)
def test_a_claimed_person_cannot_be_changed_by_name(
    posthog_events: RecordedEvents, event: str, properties: dict[str, str]
) -> None:
    """Events that change people are refused while only the browser says who it is."""

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        posthog = scope["state"]["posthog"]
        assert posthog.capture(event, properties) is None
        posthog.capture("seen", {"$set": {"a": 1}, "$unset": ["b"]})

    asyncio.run(call(PosthogMiddleware(app, client=Client("phc_test")), http()))

    seen = posthog_events[0]
    assert posthog_events.names == ["seen"]
    assert not {"$set", "$unset"} & set(seen.properties)
