"""Whatever fails around a view, and what is answered as a failure: events as in the table."""

from __future__ import annotations

import asyncio
import gc
import json
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

import posthog_web
from posthog_web.testing import RecordedEvent, RecordedEvents
from tests.adapters.apps.application import PEOPLE, AsgiApplication, Call, live, talk
from tests.adapters.apps.server import Visit
from tests.adapters.apps.views import STAGE, Boom
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter
from tests.adapters.table import DJANGO, OURS

ANN = PEOPLE["ann"]
FLASK_HANDLED = "flask.handle_user_exception"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an event says, key by key.

    Attributes:
        kind: The exception's type.
        text: Its message.
        status: What is answered.
        source: Where it was seen.
        handled: Whether somebody made a response of it.
        person: Whom it happened to.
    """

    kind: str = "Boom"
    text: str
    status: int | None = 500
    source: str
    handled: bool = False
    person: str | None = ANN


def read(event: RecordedEvent) -> Report:
    """Return what an event says."""
    properties = event.properties
    outermost = properties["$exception_list"][0]
    assert outermost["mechanism"]["type"] == "middleware"
    assert outermost["stacktrace"]["frames"]
    assert properties["$exception_level"] == "error"
    assert (properties["$exception_type"], properties["$exception_message"]) == (
        outermost["type"],
        outermost["value"],
    )
    return Report(
        kind=outermost["type"],
        text=outermost["value"],
        status=properties.get("$response_status_code"),
        source=properties["$exception_source"],
        handled=outermost["mechanism"]["handled"],
        person=None if event.is_personless else event.distinct_id,
    )


def reports(events: RecordedEvents) -> list[Report]:
    """Return what was reported."""
    return [read(event) for event in events.named("$exception")]


def serve(start: Starter, path: str, *places: str, **options: Any) -> Visit:
    """Serve ann's request of *path*, failing at *places*; the answer is what it is without us."""
    with_us = _serve(start(**options), path, places)
    without = _serve(start.without(), path, places)
    assert with_us.answer == without.answer
    assert repr(with_us.error) == repr(without.error)
    if without.error is not None:
        without.error = None
        gc.collect()
    return with_us


def _serve(application: Any, path: str, places: Sequence[str]) -> Visit:
    visit = Visit(call=Call(path=path, headers=VISITOR, cookies=application.log_in("ann")))
    STAGE.failing.update(places)
    application.serve(visit)
    STAGE.failing.clear()
    return visit


def handled_source(start: Starter) -> str:
    """Return the source of what somebody made a response of."""
    return FLASK_HANDLED if start.adapter.name == "Flask" else start.adapter.source


def late_status(start: Starter) -> int:
    """Return the status when a middleware fails after the application: ASGI's has been sent."""
    return 200 if start.adapter.name in OURS else 500


pytestmark = [
    # Django leaves it open when a body fails.
    pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.Spooled:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]

# Around the view


@pytest.mark.spec("SRV-295", "SRV-308", "SRV-311", "SRV-318")
@BOTH_STYLES
@pytest.mark.parametrize("way", ["in", "out"])
def test_an_error_in_a_middleware_further_in(
    start: Starter, style: str, way: str, events: RecordedEvents
) -> None:
    """What fails between us and the view, before it or after it, is one exception."""
    place = f"further in, on the way {way}"
    serve(start, f"{style}/nothing", place)

    status = 500 if way == "in" else late_status(start)
    assert reports(events) == [Report(text=place, status=status, source=start.adapter.source)]


@BOTH_STYLES
@pytest.mark.parametrize("way", ["in", "out"])
def test_an_error_in_a_middleware_further_out(
    start: Starter, style: str, way: str, events: RecordedEvents
) -> None:
    """What fails outside of us is one too, where the framework tells of it."""
    place = f"further out, on the way {way}"
    serve(start, f"{style}/nothing", place)

    # Further out than whatever could tell who it is, nobody knows.
    unknown = start.adapter.name in DJANGO and way == "in"
    expected = Report(text=place, source=start.adapter.source, person=None if unknown else ANN)
    assert reports(events) == [expected]
    assert events.one("$exception").properties["$request_path"] == f"{style}/nothing"


@BOTH_STYLES
def test_an_error_in_a_template(start: Starter, style: str, events: RecordedEvents) -> None:
    """What fails as a template is rendered is the request's."""
    serve(start, f"{style}/broken-template", "template")

    assert reports(events) == [Report(text="template", source=start.adapter.source)]
    assert events.one("$exception").properties["$request_route"] == f"{style}/broken-template"


@BOTH_STYLES
@pytest.mark.parametrize("where", ["further in", "further out"])
def test_a_failed_view_and_a_failing_middleware(
    start: Starter, style: str, where: str, events: RecordedEvents
) -> None:
    """A middleware that fails with the answer of a failed view in its hands is another failure."""
    place = f"{where}, on the way out"
    serve(start, f"{style}/raises", place)

    assert reports(events) == [
        Report(text="the view failed", source=start.adapter.source),
        Report(text=place, source=start.adapter.source),
    ]


@BOTH_STYLES
def test_a_failing_handler_of_errors(start: Starter, style: str, events: RecordedEvents) -> None:
    """Where the handler of errors fails itself, there are two: its own, and what it was asked for.

    However many layers ask it again.
    """
    visit = serve(start, f"{style}/raises", "handler")

    assert visit.error is not None
    source = "flask.wsgi_app" if start.adapter.name == "Flask" else start.adapter.source
    assert reports(events) == [
        Report(text="the view failed", source=start.adapter.source),
        Report(text="handler", source=source),
    ]
    visit.error = None


@BOTH_STYLES
def test_a_failing_handler_of_missing_pages(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A page that is missing is no failure; that its handler fails is one."""
    serve(start, f"{style}/refuse/missing", "handler of 404")

    assert reports(events) == [Report(text="handler of 404", source=start.adapter.source)]


@BOTH_STYLES
@pytest.mark.parametrize(
    ("place", "source", "person"),
    [
        ("teardown of the request", "flask.teardown_request", ANN),
        # Flask has let go of the request by then.
        ("teardown of the context", "flask.wsgi_app", None),
    ],
)
def test_an_error_in_a_teardown(
    start: Starter, style: str, place: str, source: str, person: str | None, events: RecordedEvents
) -> None:
    """A function that tidies up and fails is reported, and the request is over all the same."""
    visit = serve(start, f"{style}/nothing", place, request_events=True)

    assert visit.error is not None
    assert reports(events) == [Report(text=place, source=source, person=person)]
    assert [event.properties["$request_path"] for event in events.named("http_request")][-1:] == [
        f"{style}/nothing"
    ]
    assert visit.seen == {None}
    visit.error = None


def test_an_error_in_background_work(start: Starter, events: RecordedEvents) -> None:
    """Work that follows the answer fails as the request, and takes none of its time."""
    visit = serve(start, "/failing-background", request_events=True)

    assert (visit.status, visit.body) == (200, b"soon")
    expected = Report(text="background", status=200, source=start.adapter.source)
    assert reports(events) == [expected]
    assert events.names[-2:] == ["http_request", "$exception"]


@pytest.mark.parametrize("place", ["start", "stop"])
def test_a_lifespan_that_fails(start: Starter, place: str, events: RecordedEvents) -> None:
    """What fails as an application starts or stops is one exception, and goes on its way."""
    application, bare = start(), start.without()
    assert isinstance(application, AsgiApplication)
    assert isinstance(bare, AsgiApplication)

    told = [live_and_fail(one.app, place) for one in (application, bare)]

    assert told[0] == told[1]
    expected = Report(text=place, status=None, source="asgi.lifespan", person=None)
    assert reports(events) == [expected]
    assert not any(name.startswith("$request") for name in events[0].properties)


def live_and_fail(app: Any, place: str) -> list[str]:
    """Start and stop *app*, which fails; return what it told the server before it raised."""
    told: list[str] = []
    STAGE.failing.add(place)
    with pytest.raises(Boom, match=place):
        live(app, told)
    STAGE.failing.clear()
    return told


def test_a_failing_conversation(start: Starter, events: RecordedEvents) -> None:
    """An error in a websocket is reported as the connection's, which has no status."""
    application = start()
    assert isinstance(application, AsgiApplication)
    call = Call(path="/socket", headers=VISITOR, cookies=application.log_in("ann"))

    with pytest.raises(RuntimeError, match="the socket failed"):
        asyncio.run(talk(application.app, call, "raise"))

    expected = Report(
        kind="RuntimeError", text="the socket failed", status=None, source="asgi.middleware"
    )
    assert reports(events) == [expected]


@BOTH_STYLES
def test_an_error_in_a_body_tells_the_status_that_was_sent(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A body that fails half way is a failure of an answer that had begun well."""
    visit = Visit(
        call=Call(path=f"{style}/stream/fails", headers=VISITOR, cookies=start().log_in("ann"))
    )
    start().serve(visit)

    [report] = reports(events)
    assert (report.status, report.source, report.handled, report.person) == (
        200,
        start.adapter.source,
        False,
        ANN,
    )
    visit.error = None
    gc.collect()


# What ends a process, or a task


class Timeout(BaseException):
    """As gevent's: no handler of ``Exception`` stops it, and the server answers it with a 500."""


@BOTH_STYLES
@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (SystemExit(1), ["SystemExit"]),
        (SystemExit("no configuration"), ["SystemExit"]),
        (SystemExit(0), []),
        (SystemExit(), []),
        (KeyboardInterrupt(), []),
        (GeneratorExit(), []),
        (BrokenPipeError(), []),
        (Timeout(), ["Timeout"]),
        (BaseExceptionGroup("both", [SystemExit(1), Boom("a task")]), ["BaseExceptionGroup"]),
        (ExceptionGroup("both", [Boom("one"), Boom("two")]), ["ExceptionGroup"]),
    ],
    ids=repr,
)
def test_what_ends_a_process_or_a_task(
    start: Starter, style: str, error: BaseException, kinds: list[str], events: RecordedEvents
) -> None:
    """An end that is none of a failure's is not reported; one that is, once, and goes on."""
    visit = Visit(call=Call(path=f"{style}/raises", headers=VISITOR))
    STAGE.error = error
    with suppress(BaseException):
        start().serve(visit)

    assert [report.kind for report in reports(events)] == kinds
    assert posthog_web.get_distinct_id() is None
    error.__traceback__ = visit.error = None
    gc.collect()


# What is made a response of


@pytest.mark.spec("SRV-310")
@BOTH_STYLES
def test_a_failure_that_is_answered(start: Starter, style: str, events: RecordedEvents) -> None:
    """What a handler answers with a status of a failure is reported as handled."""
    serve(start, f"{style}/trouble/503")

    assert reports(events) == [answered(start, 503)]
    [entry] = events.one("$exception").properties["$exception_list"]
    assert "trouble" in entry["stacktrace"]["frames"][-1]["context_line"].lower()


def answered(start: Starter, status: int) -> Report:
    """Return what is reported of trouble."""
    return Report(
        kind="Trouble",
        text=f"trouble that is answered with {status}",
        status=status,
        source=handled_source(start),
        handled=True,
    )


@BOTH_STYLES
@pytest.mark.parametrize("status", [200, 409])
def test_an_error_that_is_answered_well(
    start: Starter, style: str, status: int, events: RecordedEvents
) -> None:
    """What a handler turns into an answer without failure was expected."""
    serve(start, f"{style}/trouble/{status}")

    assert reports(events) == []


@BOTH_STYLES
def test_which_statuses_are_failures_may_be_said(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """failed_request_status_codes decides, and the status is the answer's."""
    for status in (409, 503):
        serve(start, f"{style}/trouble/{status}", failed_request_status_codes=[409])

    assert reports(events) == [answered(start, 409)]


@BOTH_STYLES
@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_refusal_with_a_status(
    start: Starter, style: str, status: int, events: RecordedEvents
) -> None:
    """The framework's own exception with a status is a failure if the status is one."""
    serve(start, f"{style}/aborted/{status}")

    found = [(one.status, one.handled, one.source, one.person) for one in reports(events)]
    expected = [(status, True, handled_source(start), ANN)] if status >= 500 else []
    assert found == expected


@BOTH_STYLES
@pytest.mark.parametrize("kind", ["missing", "forbidden", "suspicious"])
def test_a_refusal_that_is_to_be_reported(
    start: Starter, style: str, kind: str, events: RecordedEvents
) -> None:
    """Refusals below 500 are reported when their statuses are asked for."""
    if style and start.adapter.name not in DJANGO:
        style = ""  # The others raise the same way in both styles.
    visit = serve(start, f"{style}/refuse/{kind}", failed_request_status_codes=[400, 403, 404])

    [report] = reports(events)
    assert (report.status, report.handled, report.source, report.person) == (
        visit.status,
        True,
        handled_source(start),
        ANN,
    )


def test_a_request_that_is_not_valid(start: Starter, events: RecordedEvents) -> None:
    """What the framework finds wrong with a request is the client's failure."""
    assert start().get("/items/no-number/").status == 422
    assert reports(events) == []


# What is never reported


FAILING: Mapping[str, str] = {
    "/raises": "",
    "/trouble/503": "",
    "/nothing": "further in, on the way in",
    "/nothing?": "further out, on the way in",
}


@pytest.mark.parametrize(
    "options",
    [{"capture_exceptions": False}, {"excluded_paths": ("/raises", "/trouble", "/nothing")}],
    ids=["switched off", "excluded"],
)
@pytest.mark.parametrize("path", FAILING)
def test_nothing_is_reported_that_is_not_wanted(
    start: Starter, path: str, options: Mapping[str, Any], events: RecordedEvents
) -> None:
    """Switched off, or excluded, no failure of any kind is an event of its own."""
    serve(start, path, FAILING[path], **options)

    assert reports(events) == []


@pytest.mark.spec("SRV-322")
@BOTH_STYLES
@pytest.mark.parametrize("path", ["/raises", "/trouble/503"])
def test_a_report_holds_nothing_private(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """Of the request there are no cookies, no credentials, no query; of the user no address."""
    application = start()
    cookies = {**application.log_in("ann"), "flavour": "cookie-of-ann"}
    headers = [("Authorization", "Bearer key-of-ann"), ("X-Note", "note-of-ann")]
    visit = Visit(
        call=Call(path=f"{style}{path}?token=query-of-ann", headers=headers, cookies=cookies)
    )
    application.serve(visit)

    said = json.dumps(events.one("$exception").raw)
    assert ANN in said
    for secret in ("of-ann", "example.org", *cookies.values()):
        assert secret not in said
    visit.error = None


@BOTH_STYLES
def test_a_handled_exception_is_left_as_it_is(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Object, traceback and context are what they are without us, also where it is raised again."""
    visits = []
    for application in (start(), start.without()):
        visit = Visit(call=Call(path=f"{style}/raises", headers=VISITOR))
        STAGE.failing.add("handler")
        application.serve(visit)
        visits.append(visit)
    ours, theirs = (contexts(visit.error) for visit in visits)

    # Django asks the handler of errors once for each middleware, of which we are one. From Django
    # 6.1 on, what a group of tasks raises again has forgotten all but the last.
    forgets = any("TaskGroup" in text for text, _ in theirs)
    more = start.adapter.name in DJANGO and not forgets
    assert ours[-1] == theirs[-1]
    assert [text for text, _ in ours] == [text for text, _ in [*theirs[:more], *theirs]]
    assert more or ours == theirs
    assert "$exception" in events.names
    for visit in visits:
        visit.error = None


def contexts(error: BaseException | None) -> list[tuple[str, list[str]]]:
    """Return each exception behind *error*, with the functions it came by, ours left out."""
    found = []
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        names = [one.name for one in frames if "/posthog_web/" not in one.filename]
        found.append((repr(error), names))
        error = error.__context__
    return found
