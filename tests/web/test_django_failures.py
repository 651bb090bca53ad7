"""Django's settings about exceptions, and requests that never get to our middleware."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.django_project import FAILURES, OURS, set_up
from tests.adapters.apps.views import STAGE, Boom, explode

SETTING = {"PROJECT_API_KEY": "phc_failures"}


def fails(_request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise STAGE.error or Boom


urlpatterns = [path("fails", fails)]


@pytest.fixture(autouse=True)
def _project() -> Iterator[None]:
    set_up()
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=[f"{FAILURES}.outside", OURS], POSTHOG=SETTING
    ):
        yield
    STAGE.reset()


def found(events: RecordedEvents) -> list[tuple[str, bool, int | None]]:
    """Return of each report the type, whether it was handled, and the status."""
    return [
        (
            event.properties["$exception_type"],
            event.properties["$exception_list"][0]["mechanism"]["handled"],
            event.properties.get("$response_status_code"),
        )
        for event in events.named("$exception")
    ]


@pytest.mark.parametrize(
    ("settings", "raises"),
    [
        ({"DEBUG_PROPAGATE_EXCEPTIONS": True}, False),
        ({"DEBUG_PROPAGATE_EXCEPTIONS": True}, True),
        ({}, True),
    ],
    ids=["propagated", "propagated to a test", "raised by the test client"],
)
def test_an_exception_that_is_passed_on_is_one_event(
    settings: dict[str, bool], raises: bool, posthog_events: RecordedEvents
) -> None:
    """However many layers see it, and whoever raises it in the end."""
    STAGE.error = error = Boom("once")
    with override_settings(**settings), pytest.raises(Boom) as raised:
        Client(raise_request_exception=raises).get("/fails")

    assert raised.value is error
    assert found(posthog_events) == [("Boom", False, 500)]
    error.__traceback__ = None


@pytest.mark.parametrize("debug", [True, False])
def test_an_answered_exception_is_one_event(debug: bool, posthog_events: RecordedEvents) -> None:
    """With Django's page for developers, and with the one for users."""
    with override_settings(DEBUG=debug):
        assert Client(raise_request_exception=False).get("/fails").status_code == 500

    assert found(posthog_events) == [("Boom", False, 500)]


@pytest.mark.parametrize("statuses", [[500], [400]])
def test_a_bad_request_may_be_reported(statuses: list[int], posthog_events: RecordedEvents) -> None:
    """BadRequest is a failure only where its status is one."""
    STAGE.error = BadRequest("no")
    with override_settings(POSTHOG={**SETTING, "FAILED_REQUEST_STATUS_CODES": statuses}):
        assert Client().get("/fails").status_code == 400

    assert found(posthog_events) == ([("BadRequest", True, 400)] if 400 in statuses else [])


def test_a_client_that_leaves_as_it_sends_is_no_failure(posthog_events: RecordedEvents) -> None:
    """Django answers nobody with a 500 when a body cannot be read to its end."""
    STAGE.error = UnreadablePostError("connection reset")
    Client(raise_request_exception=False).get("/fails")

    assert found(posthog_events) == []


@pytest.mark.parametrize("installed", [True, False])
def test_without_the_middleware_nothing_is_reported(
    installed: bool, posthog_events: RecordedEvents
) -> None:
    """A request that fails further out is reported only in a project that has the middleware."""
    STAGE.failing.add("further out, on the way in")
    Client(raise_request_exception=False).get("/fails")
    posthog_events.clear()
    middleware = [f"{FAILURES}.outside", "nowhere.to.be.found", *([OURS] if installed else [])]
    with override_settings(MIDDLEWARE=middleware):
        from django.core.signals import got_request_exception

        try:
            explode()
        except Boom:
            got_request_exception.send(sender=None, request=HttpRequest())
            got_request_exception.send(sender=None, request=None)

    assert found(posthog_events) == ([("Boom", False, 500)] if installed else [])


def test_a_handler_may_fail_in_its_own_words(posthog_events: RecordedEvents) -> None:
    """What a failing handler failed at first is not taken for the failure it was asked about."""

    def answer(_request: Any) -> HttpResponse:
        try:
            {}["missing"]
        except KeyError:
            raise LookupError from None
        return HttpResponse()

    module = type("urls", (), {"urlpatterns": urlpatterns, "handler500": staticmethod(answer)})
    with override_settings(ROOT_URLCONF=module), pytest.raises(LookupError):
        Client(raise_request_exception=False).get("/fails")

    assert found(posthog_events) == [("Boom", False, 500), ("LookupError", False, 500)]


def test_who_waits_for_the_user_of_a_failed_request_makes_nobody_else_wait() -> None:
    """On a thread of no account, looking the user up waits; on the application's, it does not."""
    # Importing it reads Django's settings.
    from django.contrib.sessions.backends.cache import SessionStore

    from posthog_web.django.source import DjangoSource, patiently

    request = HttpRequest()
    request.session = SessionStore("some-key")
    source = DjangoSource(request, asynchronous=True)
    with ThreadPoolExecutor(1) as django, ThreadPoolExecutor(1) as application:

        def fail() -> tuple[bool, bool]:
            with patiently():
                elsewhere = application.submit(source.awaits_user)
                return source.awaits_user(), elsewhere.result(timeout=20)

        assert django.submit(fail).result(timeout=20) == (True, False)
        assert not django.submit(source.awaits_user).result(timeout=20)


class Answering:
    """A middleware that answers exceptions of views."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Pass it on."""
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, _error: Exception) -> HttpResponse:
        """Answer, so that no middleware further out is asked."""
        return HttpResponse(status=ANSWERED[-1])


ANSWERED = [503]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("inside", [False, True], ids=["once", "once more, inside"])
@pytest.mark.parametrize("status", [503, 404])
def test_a_second_middleware_sees_what_another_one_answers(
    asynchronous: bool, inside: bool, status: int, posthog_events: RecordedEvents
) -> None:
    """Django asks the innermost first, and stops at an answer: ours has to stand inside of it."""
    ANSWERED[:] = [status]
    middleware = [OURS, f"{__name__}.Answering", *([OURS] if inside else [])]
    with override_settings(MIDDLEWARE=middleware):
        if asynchronous:
            answer: Any = asyncio.run(AsyncClient().get("/fails"))
        else:
            answer = Client().get("/fails")

    assert answer.status_code == status
    seen = inside and status == 503
    assert found(posthog_events) == ([("Boom", True, 503)] if seen else [])
