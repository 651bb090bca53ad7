"""What a request starts belongs to it; what is installed twice, or nested, does not double it."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import PEOPLE, AsgiApplication, Call
from tests.adapters.apps.server import Visit
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter


def test_background_work_is_about_the_person(start: Starter, events: RecordedEvents) -> None:
    """What runs when the answer is sent, on the loop or in a thread, is still the request's."""
    cookies = start.without().log_in("ann")
    visit = Visit(call=Call(path="/background", headers=VISITOR, cookies=cookies))
    start().serve(visit)

    assert visit.body == b"soon"
    assert sorted(events.names) == sorted(["in background", "in background, on the module"] * 2)
    assert {event.distinct_id for event in events} == {PEOPLE["ann"]}
    assert {event.properties["$request_path"] for event in events} == {"/background"}
    assert {event.properties["$response_status_code"] for event in events} == {200}
    assert visit.seen == {None}


@BOTH_STYLES
def test_the_inner_of_two_middlewares_does_nothing(
    start: Starter, style: str, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Installed twice, one request is one scope and one exception; another client is named once."""
    client = Client("phc_outer", super_properties={"app": "outer"})
    inner = start()
    assert isinstance(inner, AsgiApplication)
    application = AsgiApplication(PosthogMiddleware(inner.app, client=client))

    with caplog.at_level(logging.WARNING, "posthog_web"):
        for view in ("capture", "raises"):
            answer = application.get(f"{style}/{view}", VISITOR)
            assert answer == start.without().get(f"{style}/{view}", VISITOR)

    assert events.names == ["seen", "$exception"]
    assert {event.properties["app"] for event in events} == {"outer"}
    assert {event.distinct_id for event in events} == {"visitor-7"}
    warnings = [one.getMessage() for one in caplog.records if "inside another" in one.getMessage()]
    assert len(warnings) == 1


def test_two_middlewares_of_one_client_need_no_word(
    start: Starter, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Installed twice alike, nothing is lost, and nothing is said."""
    client = Client("phc_both")
    inner = start(client=client)
    assert isinstance(inner, AsgiApplication)
    application = AsgiApplication(PosthogMiddleware(inner.app, client=client))

    application.get("/capture", VISITOR)

    assert events.names == ["seen"]
    assert not caplog.records


def test_a_mounted_application_keeps_the_request(start: Starter, events: RecordedEvents) -> None:
    """What is mounted, a middleware of its own around it or not, is served in the same scope."""
    inner = start()
    assert isinstance(inner, AsgiApplication)
    client = Client("phc_outer", super_properties={"app": "outer"})

    async def mount(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["posthog"].tag("early", 1)
        below = {**scope, "root_path": "/below", "state": dict(scope["state"])}
        await inner.app(below, receive, send)

    application = AsgiApplication(PosthogMiddleware(mount, client=client))
    answer = application.get("/below/async/capture", VISITOR)

    if answer.status == 404:
        # Without a framework nobody takes the prefix off.
        answer = application.get("/async/capture", VISITOR)
    assert answer.status == 200
    event = events.one("seen")
    assert (event.distinct_id, event.properties["early"]) == ("visitor-7", 1)
    assert event.properties["app"] == "outer"


@BOTH_STYLES
def test_a_project_may_name_the_middleware_twice(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Named twice in the settings, a request has one scope, and an exception is one event."""
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.test.utils import override_settings

    from tests.adapters.apps.django_app import DjangoAsgi, DjangoWsgi
    from tests.adapters.apps.django_project import OURS, VIEWS

    start()
    names = [*settings.MIDDLEWARE, f"{VIEWS}.tag_early", OURS]
    with override_settings(MIDDLEWARE=names):
        kinds = {"Django WSGI": DjangoWsgi, "Django ASGI": lambda: DjangoAsgi(ASGIHandler())}
        application = kinds[start.adapter.name]()
        for view in ("capture", "raises", "known"):
            answer = application.get(f"{style}/{view}", VISITOR)
            if view == "known":
                assert json.loads(answer.body) == ["visitor-7", "session-7"]

        application.serve(
            Visit(call=Call(path=f"{application.together}/stream/numbers", headers=VISITOR))
        )

    in_body = ["in body", "in body, on the module"] * 3
    assert events.names == ["seen", "$exception", *in_body]
    assert {event.distinct_id for event in events} == {"visitor-7"}
    assert {event.properties["early"] for event in events} == {True}


def test_a_request_nested_in_a_view_does_not_end_it(start: Starter, events: RecordedEvents) -> None:
    """After test_request_context() in a view, the request has its person and its tags as before."""
    answer = start().get("/nested", VISITOR)

    assert (answer.status, answer.afterwards) == (200, None)
    assert events.names == ["inside", "after", "after, on the module"]
    for event in (events.one("after"), events.one("after, on the module")):
        assert (event.distinct_id, event.properties["before"]) == ("visitor-7", 1)
        assert event.properties["$request_path"] == "/nested"


def test_a_thread_with_flasks_context_has_the_person(
    start: Starter, events: RecordedEvents
) -> None:
    """copy_current_request_context takes posthog along, and its end is not the request's."""
    cookies = start.without().log_in("ann")
    answer = start().get("/copied", VISITOR, cookies)

    assert (answer.body, answer.afterwards) == (b"done", None)
    assert events.names == ["in a thread", "after"]
    assert {event.distinct_id for event in events} == {PEOPLE["ann"]}
    assert {event.properties["$session_id"] for event in events} == {"session-7"}


def test_two_servers_on_one_loop_do_not_mix(start: Starter, events: RecordedEvents) -> None:
    """While one request's body is being sent, another one's view is nobody else's."""
    application = start()
    assert isinstance(application, AsgiApplication)

    async def send_both() -> None:
        calls = [
            Call(path="/async/stream/numbers", headers=[("X-POSTHOG-DISTINCT-ID", name)])
            for name in ("one", "two")
        ]
        await asyncio.gather(*(application.send_async(call) for call in calls))

    asyncio.run(send_both())

    assert len(events.of("one")) == len(events.of("two")) == 6
