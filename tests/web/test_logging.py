"""PosthogHandler beside the adapters: what frameworks log themselves is reported once, or not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NoReturn

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from flask import Flask

from posthog_web.flask import FlaskPosthog
from posthog_web.logging import PosthogHandler
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.django_project import set_up


def fail() -> NoReturn:
    """Do what no view should."""
    raise ValueError


@pytest.fixture(autouse=True)
def _listening() -> Iterator[None]:
    """Report what any logger writes at level ERROR."""
    handler = PosthogHandler()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


def test_what_flask_logs_is_reported_once(posthog_events: RecordedEvents) -> None:
    """The adapter sees the exception, Flask logs it, and so did the view: one event."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key="phc_test")

    @app.get("/")
    def page() -> str:
        try:
            fail()
        except ValueError:
            app.logger.exception("in the view")
            raise

    answer = app.test_client().get("/", headers={"X-PostHog-Distinct-Id": "visitor-7"})

    assert answer.status_code == 500
    event = posthog_events.one("$exception")
    assert event.distinct_id == "visitor-7"
    assert event.properties["$request_path"] == "/"
    assert event.properties["$exception_source"] == "python.logging"


def serve(request: HttpRequest) -> HttpResponse:
    """Answer with the host if that is asked for, else fail."""
    if "host" in request.GET:
        return HttpResponse(request.get_host())
    return fail()


urlpatterns = [path("", serve)]


@pytest.mark.parametrize(
    ("query", "status", "reports"),
    [("", 500, 1), ("?host", 400, 0)],
    ids=["a failure", "a host that is not allowed"],
)
def test_what_django_logs_is_reported_once_or_not_at_all(
    posthog_events: RecordedEvents, query: str, status: int, reports: int
) -> None:
    """A failure is one event; what Django answers with 400, and logs as an error, is none."""
    set_up()
    with override_settings(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["example.org"],
        MIDDLEWARE=["posthog_web.django.PosthogMiddleware"],
        POSTHOG={"PROJECT_API_KEY": "phc_test"},
        DEBUG=False,
    ):
        handler = WSGIHandler()
        request = RequestFactory().get(f"/{query}", headers={"host": "elsewhere.example"})
        response = handler.get_response(request)

    assert response.status_code == status
    assert posthog_events.names == reports * ["$exception"]
