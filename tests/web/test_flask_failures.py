"""Flask's settings about exceptions, and contexts inside a request."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask import Flask, Response, abort
from werkzeug.test import EnvironBuilder

import posthog_web
from posthog_web import Client
from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.views import Boom


def make_app(*, installed: bool = True, **config: Any) -> Flask:
    """Return an application that fails in several ways."""
    app = Flask("failures")
    app.config.update(config)
    if installed:
        FlaskPosthog(app, client=Client("phc_failures"))

    @app.get("/fails")
    def fails() -> str:
        raise Boom

    @app.get("/aborts/<int:status>")
    def aborts(status: int) -> str:
        abort(status)

    return app


def found(events: RecordedEvents) -> list[tuple[str, bool, int | None, str]]:
    """Return of each report the type, whether it was handled, the status and the source."""
    return [
        (
            event.properties["$exception_type"],
            event.properties["$exception_list"][0]["mechanism"]["handled"],
            event.properties.get("$response_status_code"),
            event.properties["$exception_source"].removeprefix("flask."),
        )
        for event in events.named("$exception")
    ]


@pytest.mark.parametrize(
    "config",
    [{"TESTING": True}, {"PROPAGATE_EXCEPTIONS": True}, {"DEBUG": True}],
    ids=lambda config: next(iter(config)),
)
def test_an_exception_that_is_passed_on_is_one_event(
    config: dict[str, bool], posthog_events: RecordedEvents
) -> None:
    """Where Flask raises it again, for a debugger or a test, it came by the same places."""
    places = []
    for installed in (True, False):
        with pytest.raises(Boom) as raised:
            make_app(installed=installed, **config).test_client().get("/fails")
        frames = traceback.extract_tb(raised.value.__traceback__)
        places.append([one.name for one in frames if "posthog_web" not in one.filename])

    assert found(posthog_events) == [("Boom", False, 500, "got_request_exception")]
    assert places[0] == places[1]


@pytest.mark.parametrize("status", [404, 500])
def test_a_trapped_refusal_is_a_failure(status: int, posthog_events: RecordedEvents) -> None:
    """With TRAP_HTTP_EXCEPTIONS what abort raises is an error like any other."""
    app = make_app(TRAP_HTTP_EXCEPTIONS=True)

    assert app.test_client().get(f"/aborts/{status}").status_code == 500
    kind = {404: "NotFound", 500: "InternalServerError"}[status]
    assert found(posthog_events) == [(kind, False, 500, "got_request_exception")]


@pytest.mark.parametrize(("status", "handled"), [(200, []), (503, [("Boom", True, 503)])])
def test_a_handler_of_everything_decides_by_its_status(
    status: int, handled: list[Any], posthog_events: RecordedEvents
) -> None:
    """errorhandler(Exception) swallows an error, or makes a failure of it."""
    app = make_app()
    app.register_error_handler(Exception, lambda _error: ("sorry", status))

    assert app.test_client().get("/fails").status_code == status
    assert found(posthog_events) == [(*one, "handle_user_exception") for one in handled]


def test_an_answer_that_cannot_be_finished_is_another_failure(
    posthog_events: RecordedEvents,
) -> None:
    """What after_request fails with takes the place of what it was to finish."""
    app = make_app()

    @app.after_request
    def finish(_response: Any) -> Any:
        raise LookupError

    assert app.test_client().get("/aborts/500").status_code == 500
    assert found(posthog_events) == [("LookupError", False, 500, "got_request_exception")]


def test_the_teardown_of_a_context_inside_is_not_the_requests(
    posthog_events: RecordedEvents,
) -> None:
    """A context pushed in a view may fail as it is left: the view decides what that means."""
    app = make_app()

    @app.get("/nested")
    def nested() -> str:
        try:
            with app.test_request_context("/mail"):
                pass
        except Boom:
            flask.request.posthog.capture("caught")  # type: ignore[attr-defined]  # ours
        return "sent"

    @app.teardown_request
    def tear_down(_error: BaseException | None) -> None:
        if flask.request.path == "/mail":
            raise Boom

    assert app.test_client().get("/nested").status_code == 200
    assert posthog_events.names == ["caught"]


def tidied() -> Iterator[str]:
    """Yield, and fail at tidying up."""
    try:
        yield "one"
        yield "two"
    finally:
        raise Boom


class Closing:
    """A body that fails as it is closed."""

    def __iter__(self) -> Iterator[str]:
        return iter(["one"])

    def close(self) -> None:
        """Fail."""
        raise Boom


def boom() -> None:
    """Fail."""
    raise Boom


@pytest.mark.parametrize(
    "body",
    [tidied, Closing, lambda: iter(["one"]), lambda: "one"],
    ids=["generator", "iterable", "callback of a stream", "callback of a plain answer"],
)
def test_a_failure_at_closing_a_body_is_one_event(
    body: Callable[[], Any], posthog_events: RecordedEvents
) -> None:
    """What fails when the answer is sent, or given up, is reported, and reaches the server."""
    app = make_app()

    @app.get("/closing/<kind>")
    def closing(kind: str) -> Response:
        assert kind == "once"
        response = Response(body())
        response.call_on_close(boom)
        return response

    environ = EnvironBuilder(path="/closing/once").get_environ()
    chunks: Any = app.wsgi_app(environ, lambda *_: lambda _: None)
    assert next(iter(chunks)) == b"one"
    with pytest.raises(Boom):
        chunks.close()

    assert found(posthog_events) == [("Boom", False, 200, "got_request_exception")]
    report = posthog_events.one("$exception").properties
    assert report["$request_route"] == "/closing/<kind>"
    assert posthog_web.get_distinct_id() is None


def test_a_function_that_closes_a_plain_answer_captures_as_its_request(
    posthog_events: RecordedEvents,
) -> None:
    """What call_on_close was given runs inside the request; that one is an event all the same."""
    app = Flask("closing")
    FlaskPosthog(app, client=Client("phc_closing"), request_events=True)

    @app.get("/")
    def page() -> Response:
        response = Response("plain")
        response.call_on_close(lambda: posthog_web.capture("closed"))
        return response

    headers = {"X-PostHog-Distinct-Id": "visitor-7"}
    environ = EnvironBuilder(path="/", headers=headers).get_environ()
    chunks: Any = app.wsgi_app(environ, lambda *_: lambda _: None)
    assert posthog_events.names == ["http_request"]
    chunks.close()

    assert posthog_events.names == ["http_request", "closed"]
    assert {event.distinct_id for event in posthog_events} == {"visitor-7"}


@pytest.mark.parametrize("place", ["teardown", "outside"])
def test_what_leaves_the_application_came_by_nothing_of_ours(
    place: str, posthog_events: RecordedEvents
) -> None:
    """The traceback of what tears down, or ends a process, is the one without the extension."""
    places = []
    for installed in (True, False):
        app = make_app(installed=installed)

        @app.teardown_request
        def tear_down(_error: BaseException | None) -> None:
            raise Boom if place == "teardown" else SystemExit(3)

        environ = EnvironBuilder(path="/aborts/404").get_environ()
        with pytest.raises((Boom, SystemExit)) as raised:
            app(environ, lambda *_: lambda _: None)
        places.append([one.name for one in traceback.extract_tb(raised.value.__traceback__)])

    assert places[0] == places[1]
    expected = {"teardown": "Boom", "outside": "SystemExit"}[place]
    assert posthog_events.one("$exception").properties["$exception_type"] == expected


def test_a_connection_that_was_taken_over_is_no_failure(posthog_events: RecordedEvents) -> None:
    """Flask-Sock's answer to gunicorn, once a websocket is over, is a StopIteration."""

    class TakenOver(Response):
        def __call__(self, *_: Any) -> Any:
            raise StopIteration

    app = make_app()
    app.add_url_rule("/socket", "socket", TakenOver)

    with pytest.raises(StopIteration):
        app(EnvironBuilder("/socket").get_environ(), lambda *_: lambda _written: None)

    assert len(posthog_events) == 0
