"""Bodies that are produced after the view has returned belong to the request, and end with it."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from posthog_web import Client
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import (
    PATIENCE,
    PEOPLE,
    Application,
    AsgiApplication,
    Call,
    WsgiApplication,
)
from tests.adapters.apps.server import Elsewhere, Visit
from tests.adapters.apps.streams import STREAMS
from tests.adapters.apps.views import STAGE
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter, is_about_nobody

# What a WSGI server asks for chunk by chunk; Django collects an asynchronous body on the spot.
WAYS = {
    "Django WSGI": ("/stream", "/iterable"),
    "Flask": ("/stream", "/async/stream", "/iterable"),
}
THREE = b"chunk 0\nchunk 1\nchunk 2\n"

# Django says that it has to collect a body of the other kind before it sends it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
    # Django leaves it open when a body fails.
    pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.Spooled:ResourceWarning"),
]


@pytest.fixture
def elsewhere(start: Starter) -> Iterator[Elsewhere]:
    """Return threads of a pool, which are clean when all is over."""
    threads = Elsewhere()
    try:
        yield threads
        assert threads.ambient() == [None, None]
    finally:
        application = start.without()
        assert isinstance(application, WsgiApplication)
        threads.end(application.close_thread)


def serve(start: Starter, path: str, **how: object) -> Visit:
    """Serve a visitor's GET of *path*; see ``Visit`` for *how*."""
    visit = Visit(call=Call(path=path, headers=VISITOR), **how)  # type: ignore[arg-type]
    start().serve(visit)
    return visit


@pytest.mark.spec("SRV-274", "SRV-275")
@BOTH_STYLES
def test_a_body_captures_as_its_request(start: Starter, style: str, events: RecordedEvents) -> None:
    """All that is captured in a body has the request's person and properties."""
    visit = serve(start, f"{style}/stream/numbers")

    assert (visit.status, visit.body, visit.error) == (200, THREE, None)
    assert [(event.event, event.properties["n"]) for event in events] == [
        (name, number) for number in range(3) for name in ("in body", "in body, on the module")
    ]
    assert {event.distinct_id for event in events} == {"visitor-7"}
    for name, value in {
        "$session_id": "session-7",
        "$window_id": "window-7",
        "$request_path": f"{style}/stream/numbers",
        "$request_method": "GET",
        "$response_status_code": 200,
    }.items():
        assert {event.properties[name] for event in events} == {value}
    assert visit.seen == {None}


@BOTH_STYLES
def test_a_body_is_about_the_user(start: Starter, style: str, events: RecordedEvents) -> None:
    """Whoever is logged in is the person of what the body captures, and no event is late."""
    cookies = start.without().log_in("ann")
    visit = Visit(call=Call(path=f"{style}/stream/numbers", headers=VISITOR, cookies=cookies))
    start().serve(visit)

    assert visit.body == THREE
    assert [event.distinct_id for event in events] == [PEOPLE["ann"]] * 6
    assert not any(event.is_personless for event in events)


@BOTH_STYLES
@pytest.mark.parametrize("name", sorted(STREAMS.keys() - {"endless"}))
def test_a_streamed_answer_is_the_same(
    start: Starter,
    style: str,
    name: str,
    events: RecordedEvents,  # noqa: ARG001 - nothing is to leave
) -> None:
    """Status, headers, every chunk and the moment it is made are those without posthog_web."""
    with_us = serve(start, f"{style}/stream/{name}", on_chunk=_trace)
    trace = list(STAGE.trace)
    STAGE.trace.clear()
    without = Visit(call=with_us.call, on_chunk=_trace)
    start.without().serve(without)

    assert with_us.answer == without.answer
    assert with_us.chunks == without.chunks
    assert trace == STAGE.trace
    with_us.error = without.error = None
    gc.collect()


def _trace(chunk: bytes) -> None:
    STAGE.trace.append(f"sent {chunk!r}")


def test_the_first_chunk_is_sent_before_the_second_is_made(
    start: Starter, events: RecordedEvents
) -> None:
    """A body of the server's own kind stays as lazy as it was."""
    application = start()
    call = Call(path=f"{application.together}/stream/traced", headers=VISITOR)
    application.serve(Visit(call=call, on_chunk=_trace))

    assert STAGE.trace == [
        "made 0", "sent b'chunk 0\\n'", "made 1", "sent b'chunk 1\\n'", "made 2",
        "sent b'chunk 2\\n'", "made all",
    ]  # fmt: skip
    assert not events


def test_each_chunk_may_be_made_on_another_thread(
    start: Starter, elsewhere: Elsewhere, events: RecordedEvents
) -> None:
    """Whichever thread of a pool asks for a chunk, it is the request's, and then nobody's."""
    cookies = start.without().log_in("ann")
    application = start()
    for way in WAYS[start.adapter.name]:
        call = Call(path=f"{way}/numbers", headers=VISITOR, cookies=cookies)
        visit = Visit(call=call, step=elsewhere)
        application.serve(visit)

        assert visit.body == THREE
        assert len(events.of(PEOPLE["ann"])) == len(events) >= 6, way
        assert {event.properties["$request_path"] for event in events} == {f"{way}/numbers"}
        assert {event.properties["$request_route"] for event in events} == {f"{way}/<name>"}
        assert visit.seen == {None}
        events.clear()


@pytest.mark.parametrize("close", [True, False], ids=["closed", "forgotten"])
def test_an_abandoned_body_leaks_into_nothing(
    start: Starter, elsewhere: Elsewhere, close: bool, events: RecordedEvents
) -> None:
    """What is left half sent, on a thread of a pool, leaves nobody's identity there.

    Closed, it tidies up as the request it was.
    """
    application = start()
    kept = []
    for way in WAYS[start.adapter.name]:
        call = Call(path=f"{way}/endless", headers=VISITOR)
        visit = Visit(call=call, step=elsewhere, stop_after=2, close=close)
        kept.append(application.serve(visit))

        elsewhere(lambda: Client("phc_elsewhere").capture("later"))
        assert visit.seen == {None}
        assert elsewhere.ambient() == [None, None]
        assert is_about_nobody(events.one("later"))
        assert "$request_path" not in events.one("later").properties
        assert ("cleaned up" in events.names) is close or way == "/iterable"
        assert len(events.of("visitor-7")) == len(events) - 1
        events.clear()


def test_a_client_may_go_away(start: Starter, events: RecordedEvents) -> None:
    """A body that waits when the client disconnects tidies up as its request, and ends."""
    cookies = start.without().log_in("ann")
    call = Call(path="/async/stream/endless", headers=VISITOR, cookies=cookies)
    visit = Visit(call=call, stop_after=1)
    start().serve(visit)

    assert (visit.chunks, visit.error) == ([b"more\n"], None)
    assert events.names == ["in body", "cleaned up"]
    assert [event.distinct_id for event in events] == [PEOPLE["ann"]] * 2
    assert visit.seen == {None}


@BOTH_STYLES
def test_an_error_in_a_body_is_one_exception(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """It is reported once, as the request's, and ends the answer as it would without us."""
    without = Visit(call=Call(path=f"{style}/stream/fails", headers=VISITOR))
    start.without().serve(without)
    events.clear()
    visit = serve(start, f"{style}/stream/fails")

    assert visit.error is not None
    assert visit.answer == without.answer
    # Starlette once wrapped it in a group.
    assert repr(visit.error) == repr(without.error)
    assert events.names == ["before", "$exception"]
    exception = events.one("$exception")
    assert exception.distinct_id == "visitor-7"
    assert exception.properties["$exception_source"] == start.adapter.source
    assert exception.properties["$response_status_code"] == 200
    assert "the body failed" in [
        entry["value"] for entry in exception.properties["$exception_list"]
    ]
    assert visit.seen == {None}
    visit.error = without.error = None
    gc.collect()


def test_a_context_stays_from_chunk_to_chunk(start: Starter, events: RecordedEvents) -> None:
    """What a body opens around several chunks is there for each, and gone after it."""
    application = start()
    call = Call(path=f"{application.together}/stream/context", headers=VISITOR)
    visit = Visit(call=call)
    application.serve(visit)

    assert events.one("in context").distinct_id == "inner"
    assert events.one("in context").properties["$session_id"] == "session-7"
    assert events.one("in fresh context").distinct_id == "fresh"
    assert events.one("afterwards").distinct_id == "visitor-7"
    assert events.one("at last").distinct_id == "visitor-7"
    assert visit.seen == {None}


@BOTH_STYLES
def test_a_body_of_the_other_kind_captures_too(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A body that Django has to turn round first, to or from asynchronous, is no exception."""
    cookies = start.without().log_in("ann")
    application = start()
    visit = Visit(call=Call(path=f"{style}/crossed/numbers", headers=VISITOR, cookies=cookies))
    application.serve(visit)

    assert (visit.body, visit.error) == (THREE, None)
    assert [event.distinct_id for event in events] == [PEOPLE["ann"]] * 6
    assert visit.seen == {None}


def test_a_body_inside_flasks_context_captures_too(start: Starter, events: RecordedEvents) -> None:
    """With stream_with_context, request.posthog can be asked for in the body itself."""
    cookies = start.without().log_in("ann")
    visit = Visit(call=Call(path="/in-context/numbers", headers=VISITOR, cookies=cookies))
    start().serve(visit)

    assert (visit.body, visit.error) == (THREE, None)
    assert [event.distinct_id for event in events] == [PEOPLE["ann"]] * 6
    assert {event.properties["$request_path"] for event in events} == {"/in-context/numbers"}
    assert visit.seen == {None}


def test_flasks_context_may_stay_ours_does_not(start: Starter, events: RecordedEvents) -> None:
    """A body inside Flask's context, left half sent, keeps that on its thread, and no person."""
    application = start()
    assert isinstance(application, WsgiApplication)
    with ThreadPoolExecutor(1) as thread:

        def here(step: Callable[[], Any]) -> Any:
            return thread.submit(step).result(PATIENCE)

        call = Call(path="/in-context/endless", headers=VISITOR)
        visit = Visit(call=call, step=here, stop_after=2, close=False)
        body = application.serve(visit)
        here(lambda: Client("phc_elsewhere").capture("later"))

        assert visit.seen == {None}
        assert is_about_nobody(events.one("later"))
        here(body.close)  # type: ignore[attr-defined] # a server's body may have one
    assert events.one("cleaned up").distinct_id == "visitor-7"
    assert events.named("in body")[1].distinct_id == "visitor-7"


@BOTH_STYLES
@pytest.mark.parametrize("path", ["stream/numbers", "crossed/numbers", "file", "nothing"])
def test_a_middleware_further_up_sees_the_same_response(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """Its type, its kind and all it holds are alike; what compresses it finds the same bytes."""
    from django.conf import settings
    from django.test.utils import override_settings

    from tests.adapters.apps.django_project import VIEWS

    call = Call(path=f"{style}/{path}", headers=[*VISITOR, ("Accept-Encoding", "gzip")])
    bodies = []
    for prepare in (start.without, start):
        events.clear()
        prepare()
        above = (f"{VIEWS}.look", "django.middleware.gzip.GZipMiddleware", f"{VIEWS}.look")
        with override_settings(MIDDLEWARE=[*above, *settings.MIDDLEWARE]):
            visit = Visit(call=call)
            again(start).serve(visit)
        assert visit.error is None
        is_gzip = ("content-encoding", "gzip") in visit.headers
        bodies.append(gzip.decompress(visit.body) if is_gzip else visit.body)

    assert bodies[0] == bodies[1]
    assert len(STAGE.trace) == 4
    assert STAGE.trace[:2] == STAGE.trace[2:]
    assert {event.distinct_id for event in events} <= {"visitor-7"}
    assert bool(events) is (path != "nothing")


def again(start: Starter) -> Application:
    """Return the project as the settings have it now."""
    from django.core.handlers.asgi import ASGIHandler

    from tests.adapters.apps.django_app import DjangoAsgi, DjangoWsgi

    return DjangoWsgi() if start.adapter.name == "Django WSGI" else DjangoAsgi(ASGIHandler())


def test_a_body_behind_starlettes_own_middleware(start: Starter, events: RecordedEvents) -> None:
    """BaseHTTPMiddleware, which runs the application in a task, is no hindrance."""
    from starlette.middleware.base import BaseHTTPMiddleware

    from posthog_web.asgi import PosthogMiddleware

    bare = start.without()
    assert isinstance(bare, AsgiApplication)

    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    wrapped = BaseHTTPMiddleware(bare.app, dispatch=dispatch)  # type: ignore[arg-type] # any ASGI
    client = Client("phc_outer")
    application = AsgiApplication(PosthogMiddleware(wrapped, client=client))
    for style in ("", "/async"):
        visit = Visit(call=Call(path=f"{style}/stream/numbers", headers=VISITOR))
        application.serve(visit)
        assert (visit.body, visit.seen) == (THREE, {None})

    assert events.names == ["in body, on the module"] * 6
    assert {event.distinct_id for event in events} == {"visitor-7"}


def test_a_body_is_closed_once(start: Starter, events: RecordedEvents) -> None:
    """An iterable with a close of its own has it called once, inside the request."""
    visit = serve(start, "/iterable/silent")

    assert visit.body == b"one\ntwo\n"
    assert STAGE.trace == ["closed"]
    assert events.one("closed").distinct_id == "visitor-7"
    assert {event.distinct_id for event in events} == {"visitor-7"}
    assert visit.seen == {None}


@BOTH_STYLES
def test_a_file_is_the_servers(start: Starter, style: str, events: RecordedEvents) -> None:
    """A file reaches the server as what it is, for it to send in its own way."""
    more = {
        "wsgi.file_wrapper": FileWrapper,
        "extensions": {"http.response.pathsend": {}},
    }
    visit = serve(start, f"{style}/file", more=more)
    without = Visit(call=visit.call, more=more)
    start.without().serve(without)

    assert (visit.answer, visit.other) == (without.answer, without.other)
    assert visit.other or visit.body
    assert events.one("seen").distinct_id == "visitor-7"


def test_a_file_wrapper_is_given_as_it_is(start: Starter, events: RecordedEvents) -> None:
    """What a WSGI server made of the file is what it gets back, and closing it closes the file."""
    application = start()
    assert isinstance(application, WsgiApplication)
    visit = Visit(call=Call(path="/file"), more={"wsgi.file_wrapper": FileWrapper}, close=False)
    body = application.serve(visit)

    assert type(body) is FileWrapper
    assert not body.filelike.closed
    body.close()
    assert body.filelike.closed
    assert events.names == ["seen"]


@BOTH_STYLES
def test_a_request_dies_with_its_last_byte(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Nothing of ours keeps the framework's request once its body is sent."""
    application = start()
    application.serve(Visit(call=Call(path=f"{style}/stream/numbers", headers=VISITOR)))

    assert STAGE.is_gone()
    assert len(events) == 6


@BOTH_STYLES
def test_a_streamed_request_is_an_event_at_its_last_byte(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Where requests are events, it comes after what the body captured, about the same person."""
    visit = Visit(call=Call(path=f"{style}/stream/numbers", headers=VISITOR))
    start(request_events=True).serve(visit)

    assert visit.body == THREE
    assert events.names[-1] == "http_request"
    assert len(events) == 7
    assert {event.distinct_id for event in events} == {"visitor-7"}


@BOTH_STYLES
def test_an_opted_out_request_sends_nothing_from_its_body(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """What a visitor does not want counts to the last byte, though nobody asked before."""
    cookies = {"__ph_opt_in_out_phc_shop": "0"}
    visit = Visit(call=Call(path=f"{style}/stream/numbers", headers=VISITOR, cookies=cookies))
    start(project_api_key="phc_shop", request_events=True).serve(visit)

    assert visit.body == THREE
    assert events.names == []


@BOTH_STYLES
def test_a_body_captures_with_the_client_of_its_request(
    start: Starter, style: str, inspector: Inspector
) -> None:
    """The client chosen for a request is its body's too, though nobody captured before."""
    with Client("phc_tenant", inspector.url) as tenant:
        visit = Visit(call=Call(path=f"{style}/stream/numbers", headers=VISITOR))
        start(host=inspector.url, client_for=lambda _request: tenant).serve(visit)

    assert visit.body == THREE
    assert len(inspector.events()) == 6
    assert {one["envelope"]["api_key"] for one in inspector.requests()} == {"phc_tenant"}
