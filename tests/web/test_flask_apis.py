"""Extensions that answer errors themselves, and send Flask's signal of an uncaught one before."""

from __future__ import annotations

from typing import Any

import flask_restful
import flask_restx
import pytest
from flask import Flask, abort, got_request_exception

from posthog_web import Client
from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.views import Boom
from tests.web.test_flask_failures import found

LIBRARIES = pytest.mark.parametrize("library", [flask_restful, flask_restx])
ORDERS = pytest.mark.parametrize("first", [True, False], ids=["posthog first", "api first"])


def make_app(library: Any, *, first: bool, **config: Any) -> Flask:
    """Return an application with an API, and posthog set up before or after that."""
    app = Flask("api")
    app.config.update(config)
    if first:
        FlaskPosthog(app, client=Client("phc_api"))
    api = library.Api(app)

    class Thing(library.Resource):  # type: ignore[misc]  # one of two
        def get(self, status: int) -> str:
            if status == 500:
                raise Boom
            if status != 200:
                abort(status)
            return "thing"

    api.add_resource(Thing, "/things/<int:status>")
    if not first:
        FlaskPosthog(app, client=Client("phc_api"))
    return app


@LIBRARIES
@ORDERS
@pytest.mark.parametrize("propagates", [True, False])
def test_a_refusal_of_an_api_is_no_failure(
    library: Any, posthog_events: RecordedEvents, *, first: bool, propagates: bool
) -> None:
    """Its status decides, as everywhere: 404 is an answer, 503 is a failure that was handled."""
    client = make_app(library, first=first, PROPAGATE_EXCEPTIONS=propagates).test_client()

    for status in (200, 403, 404, 405, 503):
        assert client.get(f"/things/{status}").status_code == status

    assert found(posthog_events) == [("ServiceUnavailable", True, 503, "handle_user_exception")]


@LIBRARIES
@ORDERS
def test_an_error_of_an_api_is_one_event(
    library: Any, posthog_events: RecordedEvents, *, first: bool
) -> None:
    """What nobody in the application deals with is a failure, though the API answers it."""
    client = make_app(library, first=first).test_client()

    assert client.get("/things/500").status_code == 500
    assert found(posthog_events) == [("Boom", False, 500, "got_request_exception")]


def test_a_refusal_that_only_the_signal_tells_of(posthog_events: RecordedEvents) -> None:
    """Where a view sends the signal and answers, the answer counts."""
    app = Flask("signals")
    FlaskPosthog(app, client=Client("phc_signals"))

    @app.get("/<int:status>")
    def answer(status: int) -> tuple[str, int]:
        try:
            abort(status)
        except Exception as error:  # noqa: BLE001 - as such extensions do
            got_request_exception.send(app, exception=error)
        return "answered", status

    for status in (404, 503):
        app.test_client().get(f"/{status}")

    assert found(posthog_events) == [("ServiceUnavailable", True, 503, "handle_user_exception")]


@pytest.mark.parametrize("how", ["handler", "after_request"])
def test_a_refusal_that_nobody_answers_is_a_failure(
    how: str, posthog_events: RecordedEvents
) -> None:
    """Raised where Flask takes no refusals any more, it is an error that makes a 500."""
    app = Flask("refusals")
    FlaskPosthog(app, client=Client("phc_refusals"))

    @app.get("/")
    def view() -> str:
        if how == "handler":
            raise LookupError
        return "done"

    app.register_error_handler(LookupError, lambda _error: abort(404))
    if how == "after_request":
        app.after_request(lambda _response: abort(404))

    assert app.test_client().get("/").status_code == 500
    assert found(posthog_events) == [("NotFound", False, 500, "got_request_exception")]
