"""Whatever fails on our side, the application's answer is what it is without us, to the byte."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._web.request_scope import RequestScope
from posthog_web._web.setup import WebSetup
from posthog_web.asgi.source import AsgiSource
from posthog_web.django.source import DjangoSource
from posthog_web.flask.source import FlaskSource
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import Answer, Application, Call
from tests.adapters.apps.server import Visit
from tests.adapters.apps.views import STAGE
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter
from tests.delivery.servers import free_port

SOURCES: Mapping[str, type] = {"Django": DjangoSource, "Flask": FlaskSource}
READERS = ("describe", "header", "native", "route", "find_user", "awaits_user", "resolve_user")

# Views that capture in every way, and that fail; none shows what we told it.
PATHS = (
    "/capture",
    "/identified",
    "/person-set",
    "/module-level",
    "/raises",
    "/trouble/503",
    "/refuse/missing",
    "/nothing",
)
# Where else a failing application is met, beside its views.
PLACES = (
    "further in, on the way in",
    "further out, on the way out",
    "handler",
    "teardown of the request",
)


def fail(*_values: object, **_names: object) -> Any:
    """Fail, as anything may."""
    msg = "broken on purpose"
    raise RuntimeError(msg)


def answers(application: Application, style: str) -> list[tuple[object, ...]]:
    """Return what the application answers on every path, to somebody who is logged in."""
    cookies = application.log_in("ann")
    got: list[Answer] = [application.get(style + path, VISITOR, cookies) for path in PATHS]
    return [(one.status, one.headers, one.body, type(one.error), one.afterwards) for one in got]


def broken_for_json() -> object:
    """Return a value that can neither be written nor described."""

    class Broken:
        __repr__ = __str__ = fail

    return Broken()


@BOTH_STYLES
@pytest.mark.parametrize("reader", READERS)
def test_a_fault_in_reading_the_request_changes_no_answer(
    start: Starter,
    style: str,
    reader: str,
    events: RecordedEvents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A source of which one method raises: events may lose what it would have told, no more."""
    source = SOURCES.get(start.adapter.name.split()[0], AsgiSource)
    monkeypatch.setattr(source, reader, fail)

    assert answers(start(), style) == answers(start.without(), style)
    assert "seen" in events.names


# Django leaves it open when its handler of errors fails.
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.Spooled:ResourceWarning")
@BOTH_STYLES
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "broken",
    [
        (Client, "_report_uncaught"),
        (RequestScope, "is_excluded"),
        (RequestScope, "hold"),
        (WebSetup, "is_failure"),
    ],
    ids=lambda broken: broken[1],
)
def test_a_fault_in_reporting_changes_no_failure(
    start: Starter,
    style: str,
    place: str,
    broken: tuple[type, str],
    events: RecordedEvents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What fails in reporting leaves the failure, and the answer it gets, as they are."""
    monkeypatch.setattr(*broken, fail)
    for path in ("/raises", "/trouble/503", "/nothing"):
        seen = []
        for application in (start(), start.without()):
            visit = Visit(call=Call(path=style + path, headers=VISITOR))
            STAGE.failing.add(place)
            application.serve(visit)
            STAGE.failing.clear()
            seen.append((visit.answer, repr(visit.error), visit.seen))
            visit.error = None
        if place == "handler":
            gc.collect()
        assert seen[0] == seen[1]
    assert "$exception" not in events.names or broken[0] is not Client


@pytest.mark.usefixtures("events")
@BOTH_STYLES
@pytest.mark.parametrize(
    "options",
    [
        {"before_send": fail},
        {"super_properties": {"broken": broken_for_json()}},
        {"extra_properties": lambda _request, _response: {"broken": broken_for_json()}},
        {"extra_properties": lambda _request, _response: {7: "no name"}},
        {"distinct_id": lambda _user: broken_for_json()},
        {"client_for": lambda _request: broken_for_json()},
        {"request_filter": lambda _request: broken_for_json()},
    ],
    ids=[
        "before_send",
        "super_properties",
        "extra_properties",
        "extra_properties without names",
        "distinct_id",
        "client_for",
        "request_filter",
    ],
)
def test_a_fault_in_what_the_application_gives_changes_no_answer(
    start: Starter, style: str, options: Mapping[str, Any]
) -> None:
    """Hooks that raise, and values that can neither be written nor described."""
    assert answers(start(**options), style) == answers(start.without(), style)


@BOTH_STYLES
@pytest.mark.parametrize("sync_mode", [True, False])
@pytest.mark.parametrize("server", ["dead", "refusing", "closing"])
def test_a_fault_in_delivery_changes_no_answer(
    start: Starter, style: str, server: str, inspector: Inspector, *, sync_mode: bool
) -> None:
    """Nobody there, or somebody who refuses, and callbacks that raise: on any thread."""
    script: Mapping[str, Callable[[], None]] = {
        "dead": lambda: None,
        "refusing": lambda: inspector.answer(status=400),
        "closing": lambda: inspector.answer(close=True),
    }
    script[server]()
    host = f"http://127.0.0.1:{free_port()}" if server == "dead" else inspector.url
    application = start(
        host=host,
        sync_mode=sync_mode,
        max_retries=0,
        flush_at=1,
        shutdown_timeout=0.1,
        on_error=fail,
        on_drop=fail,
    )

    application.get("/hold-client")
    client = STAGE.client
    try:
        assert answers(application, style) == answers(start.without(), style)
    finally:
        client.shutdown(timeout=0.1)
