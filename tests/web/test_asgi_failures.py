"""Failures in applications that are put together from several, and in their lives."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import AsgiApplication, Call, live, talk
from tests.adapters.apps.views import Boom, Trouble, explode

# Starlette once left its streams open when what it had passed on failed.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")

Found = list[tuple[str, bool, int | None]]


def found(events: RecordedEvents) -> Found:
    """Return of each report the type, whether it was handled, and the status."""
    described = []
    for event in events.named("$exception"):
        [entry, *_] = event.properties["$exception_list"]
        assert entry["stacktrace"]["frames"][-1]["function"] in {"fails", "refuses", "troubles"}
        status = event.properties.get("$response_status_code")
        described.append((entry["type"], entry["mechanism"]["handled"], status))
    return described


def fails(_request: Request) -> Response:
    """Fail."""
    raise Boom


def refuses(_request: Request) -> Response:
    """Refuse as a failure."""
    raise HTTPException(503)


def troubles(_request: Request) -> Response:
    """Fail with what has a handler."""
    raise Trouble(502)


async def handle(_request: Request, error: Exception) -> Response:
    """Answer trouble."""
    assert isinstance(error, Trouble)
    return PlainTextResponse("trouble", error.status)


ROUTES = [Route("/fails", fails), Route("/refuses", refuses), Route("/troubles", troubles)]
EXPECTED: dict[str, Found] = {
    "/fails": [("Boom", False, 500)],
    "/refuses": [("HTTPException", True, 503)],
    "/troubles": [("Trouble", True, 502)],
}


def posthog() -> Middleware:
    """Return our middleware for a list of them."""
    return Middleware(PosthogMiddleware, client=Client("phc_failures"))


def wrapped_whole() -> Any:
    """Return Starlette with us around all of it, its own last resort too."""
    return PosthogMiddleware(
        Starlette(routes=ROUTES, exception_handlers={Trouble: handle}),
        client=Client("phc_failures"),
    )


def mounted() -> Any:
    """Return an application inside another one, each with a last resort of its own."""
    inner = Starlette(routes=ROUTES, exception_handlers={Trouble: handle})
    return Starlette(routes=[Mount("/", inner)], middleware=[posthog()])


def mounted_twice_watched() -> Any:
    """Return the same, with our middleware in both."""
    inner = Starlette(routes=ROUTES, exception_handlers={Trouble: handle}, middleware=[posthog()])
    return Starlette(routes=[Mount("/", inner)], middleware=[posthog()])


async def dispatch(request: Request, call_next: Callable[[Request], Any]) -> Response:
    """Pass a request on, in another task."""
    response: Response = await call_next(request)
    return response


def behind_a_task(*, helped: bool) -> Any:
    """Return an application behind Starlette's middleware that starts a task for it."""
    middleware = [posthog(), Middleware(BaseHTTPMiddleware, dispatch=dispatch)]
    return Starlette(
        routes=ROUTES,
        exception_handlers={Trouble: handle},
        middleware=[*middleware, *([posthog()] if helped else [])],
    )


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Let what is left open be found inside the test that left it."""
    yield
    gc.collect()


@pytest.mark.parametrize("path", EXPECTED)
@pytest.mark.parametrize(
    "make",
    [wrapped_whole, mounted, mounted_twice_watched, lambda: behind_a_task(helped=True)],
    ids=["wrapped", "mounted", "watched twice", "behind a task, helped"],
)
def test_a_failure_is_one_event_however_it_is_put_together(
    make: Callable[[], Any], path: str, posthog_events: RecordedEvents
) -> None:
    """Whatever stands around or inside: one report, handled if the application went on."""
    answer = AsgiApplication(make()).get(path)

    assert (answer.error is None) is (path != "/fails")
    assert found(posthog_events) == EXPECTED[path]


@pytest.mark.parametrize("path", EXPECTED)
def test_behind_a_task_only_what_escapes_is_seen(path: str, posthog_events: RecordedEvents) -> None:
    """Behind BaseHTTPMiddleware an answer no longer says what it was made of; an error does."""
    AsgiApplication(behind_a_task(helped=False)).get(path)

    assert found(posthog_events) == (EXPECTED[path] if path == "/fails" else [])


def test_what_the_server_was_handling_is_not_the_requests(posthog_events: RecordedEvents) -> None:
    """An application that is called inside an except block may answer 500 for its own reasons."""

    async def overloaded(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    application = PosthogMiddleware(overloaded, client=Client("phc_failures"))

    async def retry(scope: Any, receive: Any, send: Any) -> None:
        try:
            explode()
        except Boom:
            await application(scope, receive, send)

    assert AsgiApplication(retry).get("/").status == 503
    assert len(posthog_events) == 0


def answering(after: BaseException | None, error: Exception, kind: str = "") -> Any:
    """Return an application that makes a 503 of *error*, and then raises *after*."""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        try:
            raise error
        except type(error):
            await send({"type": f"{kind}http.response.start", "status": 503, "headers": []})
            await send({"type": f"{kind}http.response.body", "body": b""})
        if after is not None:
            raise after

    return PosthogMiddleware(application, client=Client("phc_failures"))


def kinds(events: RecordedEvents) -> Found:
    """Return of each report the type, whether it was handled, and the status."""
    return [
        (
            event.properties["$exception_type"],
            event.properties["$exception_list"][0]["mechanism"]["handled"],
            event.properties.get("$response_status_code"),
        )
        for event in events.named("$exception")
    ]


def chained() -> Exception:
    """Return an exception that was raised from another one, that of the answer."""
    error = LookupError()
    error.__cause__ = REFUSED
    return error


REFUSED = Boom("refused")
HANDLED = ("Boom", True, 503)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (None, [HANDLED]),
        (asyncio.CancelledError(), [HANDLED]),
        (OSError("in the background"), [HANDLED, ("OSError", False, 503)]),
        (REFUSED, [("Boom", False, 503)]),
        (chained(), [("LookupError", False, 503)]),
        (ExceptionGroup("tasks", [REFUSED]), [("ExceptionGroup", False, 503)]),
        (
            ExceptionGroup("tasks", [REFUSED, OSError()]),
            [HANDLED, ("ExceptionGroup", False, 503)],
        ),
    ],
    ids=["nothing", "cancelled", "another error", "itself", "its effect", "its group", "a mixture"],
)
def test_what_was_answered_as_a_failure_is_reported_whatever_follows(
    after: BaseException | None, expected: Found, posthog_events: RecordedEvents
) -> None:
    """The task may be cancelled then, or fail otherwise; the same failure is one event."""
    with contextlib.suppress(BaseException):
        AsgiApplication(answering(after, REFUSED)).get("/")

    assert kinds(posthog_events) == expected


def test_a_websocket_that_is_refused_as_a_failure_is_reported(
    posthog_events: RecordedEvents,
) -> None:
    """A handshake may be answered as a request is."""
    app = answering(None, REFUSED, "websocket.")
    asyncio.run(talk(app, Call(path="/")))

    assert kinds(posthog_events) == [HANDLED]


@pytest.mark.parametrize("key", [Exception, 500, None])
def test_a_status_nobody_saw_is_not_told(
    key: type[Exception] | int | None, posthog_events: RecordedEvents
) -> None:
    """Starlette's last resort answers outside of all middlewares, with any status it likes."""

    async def last_resort(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("", status_code=418)

    handlers: Any = {} if key is None else {key: last_resort}
    for app in (
        Starlette(routes=ROUTES, middleware=[posthog()], exception_handlers=handlers),
        PosthogMiddleware(
            Starlette(routes=ROUTES, exception_handlers=handlers), client=Client("phc_failures")
        ),
    ):
        AsgiApplication(app).get("/fails")

    behind, around = found(posthog_events)
    assert behind == ("Boom", False, 500 if key is None else None)
    assert around == ("Boom", False, 500 if key is None else 418)


def test_an_application_without_a_lifespan_says_so_by_an_error(
    posthog_events: RecordedEvents,
) -> None:
    """What an application raises before it listens only means that it has no lifespan."""

    async def only_http(scope: Any, _receive: Any, _send: Any) -> None:
        assert scope["type"] == "http"

    with pytest.raises(AssertionError):
        live(PosthogMiddleware(only_http, client=Client("phc_failures")), [])

    assert len(posthog_events) == 0


def test_a_failed_start_that_is_only_said_is_reported(posthog_events: RecordedEvents) -> None:
    """Some frameworks tell the server, and do not raise."""

    async def tells(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            explode()
        except Boom:
            await send({"type": "lifespan.startup.failed", "message": "no"})

    application = PosthogMiddleware(tells, client=Client("phc_failures"))

    told: list[str] = []
    live(application, told)
    assert told == ["lifespan.startup.failed"]
    assert posthog_events.one("$exception").properties["$exception_source"] == "asgi.lifespan"


def test_a_failed_start_is_one_event_for_two_middlewares(posthog_events: RecordedEvents) -> None:
    """As with requests, the outer one reports, with its client."""

    async def breaks(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        raise Boom

    inner = PosthogMiddleware(breaks, client=Client("phc_failures"))
    outer = PosthogMiddleware(inner, client=Client("phc_outer", super_properties={"app": "outer"}))

    with pytest.raises(Boom):
        live(outer, [])

    assert posthog_events.one("$exception").properties["app"] == "outer"


def test_a_failed_start_is_not_reported_where_that_is_not_wanted(
    posthog_events: RecordedEvents,
) -> None:
    """capture_exceptions=False counts for lifespans too."""

    async def breaks(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        raise Boom

    with pytest.raises(Boom):
        live(PosthogMiddleware(breaks, client=Client("phc_failures"), capture_exceptions=False), [])

    assert len(posthog_events) == 0
