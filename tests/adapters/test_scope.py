"""A request's scope: its own, shared by all it starts, and gone when it is over."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import (
    PATIENCE,
    PEOPLE,
    AsgiApplication,
    Call,
    asgi_scope,
    talk,
)
from tests.adapters.apps.views import STAGE
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter, is_about_nobody

TOGETHER = 50


@pytest.mark.spec("SRV-274", "SRV-275")
@BOTH_STYLES
def test_fifty_requests_at_once_keep_their_ids(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Requests that are in the middle of their view at once never mix people or sessions.

    In tasks of a loop, or threads of their own, all are there before the first goes on.
    """
    application = start()
    calls = [
        Call(
            path=f"{style}/meets",
            headers=[
                ("X-POSTHOG-DISTINCT-ID", f"visitor-{number}"),
                ("X-POSTHOG-SESSION-ID", f"session-{number}"),
            ],
        )
        for number in range(TOGETHER)
    ]
    answers = application.send_together(calls, meet=style == application.together)

    expected = [(f"visitor-{number}", f"session-{number}") for number in range(TOGETHER)]
    assert [tuple(json.loads(answer.body)) for answer in answers] == expected
    for name in ("first", "second"):
        found = [(one.distinct_id, one.properties["$session_id"]) for one in events.named(name)]
        assert sorted(found) == sorted(expected)
    assert {answer.afterwards for answer in answers} == {None}


@pytest.mark.spec("SRV-274", "SRV-280")
@BOTH_STYLES
@pytest.mark.parametrize(
    "view", ["capture", "nothing", "raises", "identified", "opens-context", "leaves-context"]
)
def test_no_scope_is_left(start: Starter, style: str, view: str, events: RecordedEvents) -> None:
    """After the answer the server's code has no person, and captures about nobody in particular."""
    answer = start().get(f"{style}/{view}", VISITOR)

    assert answer.afterwards is None
    assert posthog_web.get_distinct_id() is None
    assert posthog_web.get_tags() == {}
    Client("phc_elsewhere").capture("later")
    later = events.one("later")
    assert is_about_nobody(later)
    assert not {"$session_id", "$request_path"} & later.properties.keys()


@BOTH_STYLES
def test_nothing_is_inherited(start: Starter, style: str, events: RecordedEvents) -> None:
    """A context around the server's call is none of the request's business, and is left alone."""
    application = start()
    with posthog_web.new_context():
        posthog_web.identify_context("outside")
        posthog_web.tag("outer", "tag")
        application.get(f"{style}/module-level")
        assert posthog_web.get_distinct_id() == "outside"

    event = events.one("seen")
    assert is_about_nobody(event)
    assert "outer" not in event.properties


@BOTH_STYLES
def test_a_context_inside_a_request_nests(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """new_context() in a view names somebody else for its block, and for that alone."""
    start().get(f"{style}/opens-context", VISITOR)

    assert events.one("in context").distinct_id == "inner"
    assert events.one("in context").properties["$session_id"] == "session-7"
    assert events.one("afterwards").distinct_id == "visitor-7"


@pytest.mark.spec("SRV-275")
@pytest.mark.parametrize("name", [None, "ann"], ids=["visitor", "user"])
def test_what_a_request_starts_is_about_its_person(
    start: Starter, name: str | None, events: RecordedEvents
) -> None:
    """Tasks, and threads that are given the context, capture with the request's identity."""
    cookies = start.without().log_in(name) if name else None
    answer = start().get("/async/spreads", VISITOR, cookies)

    assert answer.status == 200
    assert sorted(events.names) == ["in a task", "in a thread", "later in a task"]
    assert {event.distinct_id for event in events} == {PEOPLE[name] if name else "visitor-7"}
    assert {event.properties["$session_id"] for event in events} == {"session-7"}
    assert {event.properties["$request_path"] for event in events} == {"/async/spreads"}


@pytest.mark.spec("SRV-275")
@BOTH_STYLES
@pytest.mark.parametrize("name", [None, "ann"], ids=["visitor", "user"])
def test_work_in_other_threads_is_about_the_person(
    start: Starter, style: str, name: str | None, events: RecordedEvents
) -> None:
    """What is bound by propagate() captures as the request, during it and when it is long over."""
    cookies = start.without().log_in(name) if name else None
    answer = start().get(f"{style}/propagates", VISITOR, cookies)

    assert answer.body == b"left in the thread: None"
    assert STAGE.is_gone()
    assert STAGE.work is not None
    thread = threading.Thread(target=STAGE.work)
    thread.start()
    thread.join(PATIENCE)

    names = ["in a thread", "in a thread, on the module", "later", "later, on the module"]
    assert sorted(events.names) == names
    assert {event.distinct_id for event in events} == {PEOPLE[name] if name else "visitor-7"}
    assert {event.properties["$session_id"] for event in events} == {"session-7"}
    assert {event.properties["$request_path"] for event in events} == {f"{style}/propagates"}
    assert events.one("later").properties["$response_status_code"] == 200
    routes = {event.properties.get("$request_route") for event in events}
    assert len(routes) == 1
    assert posthog_web.get_distinct_id() is None


@BOTH_STYLES
def test_a_request_has_one_posthog(start: Starter, style: str) -> None:
    """request.posthog is the same object throughout a request."""
    assert start().get(f"{style}/same").body == b"True"


def test_it_works_in_a_template(start: Starter) -> None:
    """request.posthog can be read where the framework shows templates the request."""
    assert start().get("/template", VISITOR).body == b"person: visitor-7"


def test_the_dependency_says_what_is_missing(start: Starter) -> None:
    """Without the middleware, get_posthog and request.posthog name what to add."""
    from starlette.requests import Request

    from posthog_web.asgi import get_posthog

    start.without()
    request = Request(asgi_scope("http", Call(path="/")))

    with pytest.raises(RuntimeError, match="add_middleware"):
        get_posthog(request)
    with pytest.raises(RuntimeError, match="add_middleware"):
        request.posthog  # type: ignore[attr-defined] # noqa: B018 - reading it is the test


@BOTH_STYLES
def test_a_request_dies_though_its_events_wait(
    start: Starter, style: str, inspector: Inspector
) -> None:
    """Queued events do not keep the framework's request alive."""
    application = start(host=inspector.url, flush_interval=60)
    application.get(f"{style}/hold-client", VISITOR)
    client = STAGE.client
    try:
        assert client.queue.qsize() == 1
        assert STAGE.is_gone()
    finally:
        client.shutdown()
    assert [event["distinct_id"] for event in inspector.events("seen")] == ["visitor-7"]


@pytest.mark.parametrize("path", ["/raises", "/trouble/503"])
def test_a_failed_request_dies_too(start: Starter, path: str, inspector: Inspector) -> None:
    """Neither does the exception that was reported."""
    # Django and Flask log the exception, and pytest keeps what is logged.
    logging.disable(logging.ERROR)
    application = start(host=inspector.url, flush_interval=60)
    application.get("/hold-client", VISITOR)
    client = STAGE.client
    try:
        application.get(path, VISITOR)
        assert client.queue.qsize() == 2
        assert STAGE.is_gone()
    finally:
        logging.disable(logging.NOTSET)
        client.shutdown()


def test_a_websocket_is_a_request_too(start: Starter, events: RecordedEvents) -> None:
    """Each message is captured with the person of the handshake, and no scope is left."""
    application = start()
    assert isinstance(application, AsgiApplication)

    async def converse() -> tuple[list[str], str | None]:
        heard = await talk(application.app, Call(path="/socket", headers=VISITOR), "one", "two")
        texts = [message["text"] for message in heard if message["type"] == "websocket.send"]
        return texts, posthog_web.get_distinct_id()

    assert asyncio.run(converse()) == (["visitor-7", "visitor-7"], None)
    assert [event.properties["text"] for event in events.of("visitor-7")] == ["one", "two"]
    assert {event.properties["$request_path"] for event in events} == {"/socket"}
    assert {event.properties["$current_url"] for event in events} == {"ws://shop.test/socket"}
    assert not any("$request_method" in event.properties for event in events)


def test_a_failing_websocket_is_one_exception(start: Starter, events: RecordedEvents) -> None:
    """An error in a conversation is reported, and goes on its way."""
    application = start()
    assert isinstance(application, AsgiApplication)

    with pytest.raises(RuntimeError, match="the socket failed"):
        asyncio.run(talk(application.app, Call(path="/socket", headers=VISITOR), "raise"))

    assert events.names == ["$exception"]
    assert events[0].distinct_id == "visitor-7"


def test_a_server_may_share_the_state_of_requests(start: Starter, events: RecordedEvents) -> None:
    """Where a server gives all requests one state, they still have a scope each."""
    application = start()
    assert isinstance(application, AsgiApplication)
    state: dict[str, object] = {}

    async def send_nothing(_message: object) -> None: ...

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send_two() -> None:
        for person in ("one", "two"):
            call = Call(path="/async/capture", headers=[("X-POSTHOG-DISTINCT-ID", person)])
            scope = {**asgi_scope("http", call), "state": state}
            await application.app(scope, receive, send_nothing)

    asyncio.run(send_two())

    assert [event.distinct_id for event in events] == ["one", "two"]
