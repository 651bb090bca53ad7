"""The POSTHOG setting is honoured live, as tests that override settings expect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from posthog_web.django import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.django_project import set_up

USUAL = {"PROJECT_API_KEY": "phc_usual"}
OTHER = {"PROJECT_API_KEY": "phc_other", "EXTRA_PROPERTIES": lambda _request, _response: {"n": 1}}


@pytest.fixture
def serve() -> Iterator[Any]:
    """Return what serves a request with a middleware that was made with the usual setting."""
    set_up()

    def view(request: HttpRequest) -> HttpResponse:
        request.posthog.capture("seen")
        return HttpResponse(request.posthog.client.options.project_api_key)

    with override_settings(POSTHOG=USUAL):
        middleware = PosthogMiddleware(view)

        def serve_one() -> str:
            response = middleware(RequestFactory().get("/"))
            assert isinstance(response, HttpResponse)
            return response.content.decode()

        yield serve_one


def test_an_override_counts_at_once_and_only_so_long(
    serve: Any, posthog_events: RecordedEvents
) -> None:
    """Requests served inside the override use its options, those after it the project's."""
    before = serve()
    with override_settings(POSTHOG=OTHER):
        inside = serve()

    assert (before, inside, serve()) == ("phc_usual", "phc_other", "phc_usual")
    assert [event.properties.get("n") for event in posthog_events] == [None, 1, None]


def test_a_bad_override_changes_nothing(
    serve: Any, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """At run time a setting that cannot be used is said once, and the one before holds."""
    with override_settings(POSTHOG={"PROJECT_API_KYE": "phc_other"}):
        assert (serve(), serve()) == ("phc_usual", "phc_usual")

    assert posthog_events.names == ["seen", "seen"]
    assert sum("did you mean" in message for message in caplog.messages) == 1
