"""``capture_exception``: what it takes, and what becomes of it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.testing import RecordedEvents
from tests.exceptions.reserved import RESERVED_NAMES


def _fail(depth: int = 2) -> None:
    if depth:
        _fail(depth - 1)
    msg = "innermost"
    raise KeyError(msg)


def _caught() -> BaseException:
    try:
        try:
            _fail()
        except KeyError as cause:
            msg = "outermost"
            raise ValueError(msg) from cause
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.spec("SRV-282", "SRV-283", "SRV-287", "SRV-286")
def test_an_exception_is_told_with_its_cause(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """The caught exception comes first, then its cause, with frames that end where it failed."""
    client.capture_exception(_caught(), "user-1", {"plan": "pro"})

    properties = posthog_events.one("$exception").properties
    outer, cause = properties["$exception_list"]
    assert (outer["type"], outer["value"]) == ("ValueError", "outermost")
    assert (cause["type"], cause["value"]) == ("KeyError", "'innermost'")
    assert properties["$exception_type"] == "ValueError"
    assert properties["$exception_message"] == "outermost"
    assert properties["plan"] == "pro"
    functions = [frame["function"] for frame in cause["stacktrace"]["frames"]]
    assert functions == ["_caught", "_fail", "_fail", "_fail"]
    last = cause["stacktrace"]["frames"][-1]
    assert last["context_line"] == "    raise KeyError(msg)"
    assert last["pre_context"][-1] == '    msg = "innermost"'
    assert last["filename"].endswith("test_capture_exception.py")


@pytest.mark.parametrize(
    ("positional", "named"),
    [
        (({"order": 1},), {"distinct_id": "user-1"}),
        (("user-1", {"order": 1}), {}),
        (("user-1",), {"properties": {"order": 1}}),
        ((), {"distinct_id": "user-1", "properties": {"order": 1}}),
        ((None, {"order": 1}), {"distinct_id": "user-1"}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("of_module", [False, True], ids=["client", "module"])
def test_properties_come_second_or_third(
    client: Client,
    posthog_events: RecordedEvents,
    positional: tuple[Any, ...],
    named: dict[str, Any],
    of_module: bool,
) -> None:
    """A mapping after the exception is the properties, as everywhere; anything else the person."""
    error = ValueError("no")

    if of_module:
        with posthog_web.new_context(client=client):
            assert posthog_web.capture_exception(error, *positional, **named)
    else:
        assert client.capture_exception(error, *positional, **named)

    event = posthog_events.one("$exception")
    assert (event.distinct_id, event.properties["order"]) == ("user-1", 1)


@pytest.mark.parametrize(
    ("positional", "named", "said"),
    [
        ((1, 2, 3, 4), {}, "takes (exception, properties) or (exception, distinct_id, properties)"),
        (("a",), {"exception": ValueError()}, "the exception is given twice"),
        ((ValueError(), {"order": 1}, {"order": 2}), {}, "distinct_id must be text"),
    ],
    ids=["four", "twice", "two mappings"],
)
def test_arguments_that_fit_no_call_are_said(
    client: Client,
    posthog_events: RecordedEvents,
    caplog: pytest.LogCaptureFixture,
    positional: tuple[Any, ...],
    named: dict[str, Any],
    said: str,
) -> None:
    """Such a call raises nothing, reports nothing and says why."""
    assert client.capture_exception(*positional, **named) is None

    assert said in caplog.text
    assert len(posthog_events) == 0


@pytest.mark.spec("SRV-297", "SRV-298", "SRV-299", "SRV-310")
def test_entries_say_how_they_hang_together(client: Client, posthog_events: RecordedEvents) -> None:
    """Each entry has an id; later ones name their parent and how they came about."""
    client.capture_exception(_caught())

    outer, cause = posthog_events.one("$exception").properties["$exception_list"]
    assert outer["mechanism"] == {
        "type": "generic",
        "handled": True,
        "synthetic": False,
        "exception_id": 0,
    }
    assert cause["mechanism"] == {
        "type": "chained",
        "source": "cause",
        "synthetic": False,
        "exception_id": 1,
        "parent_id": 0,
    }


@pytest.mark.spec("SRV-300", "SRV-301", "SRV-302")
def test_groups_cycles_and_crowds_are_bounded(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Members of a group follow their parent; nothing is told twice; fifty entries are enough."""
    first, second = ValueError("first"), TypeError("second")
    first.__cause__, second.__context__ = second, first
    crowd = ExceptionGroup("crowd", [OSError(str(number)) for number in range(80)])

    client.capture_exception(ExceptionGroup("two", [first, second]))
    client.capture_exception(crowd)

    two, many = (event.properties["$exception_list"] for event in posthog_events)
    assert [entry["value"] for entry in two] == ["two (2 sub-exceptions)", "first", "second"]
    assert [entry["mechanism"].get("source") for entry in two] == [None, "member", "cause"]
    assert len(many) == 50
    assert many[1]["value"] == "0"


def test_without_an_argument_the_current_exception_is_meant(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Inside ``except`` nothing need be passed, and an exc_info triple is understood."""
    for capture in (client.capture_exception, lambda: client.capture_exception(sys.exc_info())):
        try:
            _fail()
        except KeyError:
            capture()

    assert [event.properties["$exception_type"] for event in posthog_events] == ["KeyError"] * 2


def test_without_any_exception_nothing_is_sent(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Outside ``except`` there is nothing to capture, and a warning says so."""
    assert client.capture_exception() is None

    assert len(posthog_events) == 0
    assert "no exception to capture" in caplog.text


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("went wrong", "went wrong"),
        ({"code": 7}, "{'code': 7}"),
        (7, "7"),
        (_Unprintable(), "<unprintable _Unprintable>"),
    ],
    ids=["text", "mapping", "number", "unprintable"],
)
@pytest.mark.spec("SRV-285", "SRV-315")
def test_anything_can_be_reported(
    client: Client, posthog_events: RecordedEvents, given: Any, message: str
) -> None:
    """What is no exception becomes one report with a stack of our making."""
    assert client.capture_exception(given)

    (entry,) = posthog_events.one("$exception").properties["$exception_list"]
    assert entry["value"] == message
    assert entry["mechanism"]["synthetic"] is True
    assert entry["stacktrace"]["frames"][-1]["function"] == "test_anything_can_be_reported"


def test_a_mock_of_an_exception_is_an_object_like_any_other(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """What only says it is an exception is reported as what it is: its traceback never ends."""

    class Endless:
        __class__ = ValueError  # type: ignore[assignment]  # as a mock with a spec does

        def __getattr__(self, name: str) -> object:
            return self

        def __repr__(self) -> str:
            return "a mock"

    assert client.capture_exception(Endless())

    assert posthog_events.one("$exception").properties["$exception_message"] == "a mock"


def test_the_working_directory_may_be_gone(
    client: Client, posthog_events: RecordedEvents, tmp_path: Any
) -> None:
    """A release folder that was removed under a running process costs no report."""
    import os

    before = Path.cwd()
    gone = tmp_path / "release"
    gone.mkdir()
    os.chdir(gone)
    try:
        gone.rmdir()
        assert client.capture_exception(_caught())
    finally:
        os.chdir(before)

    assert len(posthog_events) == 1


def test_an_exception_that_was_never_raised_gets_the_callers_stack(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Without a traceback of its own, the place of the capture is told, and marked as such."""
    client.capture_exception(ValueError("fresh"))

    (entry,) = posthog_events.one("$exception").properties["$exception_list"]
    assert entry["mechanism"]["synthetic"] is True
    assert entry["stacktrace"]["frames"][-1]["filename"].endswith("test_capture_exception.py")


def test_exceptions_that_misbehave_are_reported_all_the_same(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """A raising ``__str__``, a huge message and a deep recursion cost nothing but themselves."""

    class Hostile(Exception):  # noqa: N818 - it is named for what it does
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

    def endless() -> None:
        endless()

    with pytest.raises(RecursionError) as deep:
        endless()

    client.capture_exception(Hostile())
    client.capture_exception(ValueError("x" * 10_000_000))
    client.capture_exception(deep.value)

    hostile, huge, recursion = posthog_events
    assert hostile.properties["$exception_message"].startswith("<unprintable")
    assert len(huge.properties["$exception_message"]) == 10_000
    frames = recursion.properties["$exception_list"][0]["stacktrace"]["frames"]
    assert len(frames) == 100
    assert frames[-1]["function"].endswith("endless")


@pytest.mark.spec("SRV-284", "SRV-322", "SRV-325")
def test_properties_cannot_replace_the_report(posthog_events: RecordedEvents) -> None:
    """Properties, tags and super_properties go along, except for those that describe it."""
    mine = dict.fromkeys(sorted(RESERVED_NAMES), "mine")
    client = Client("phc_test", super_properties={**mine, "$release_id": "v7"})

    with posthog_web.new_context(client=client):
        for name, value in mine.items():
            posthog_web.tag(name, value)
        client.capture_exception(ValueError("no"), properties={**mine, "handled": "custom"})

    properties = posthog_events.one("$exception").properties
    assert properties["handled"] == "custom"
    assert properties["$release_id"] == "v7"
    assert properties["$exception_list"][0]["type"] == "ValueError"
    assert properties["$exception_message"] == "no"
    assert properties["$exception_level"] == "error"
    assert [name for name in mine if name in properties] == [
        "$exception_level",
        "$exception_list",
        "$exception_message",
        "$exception_type",
    ]


@pytest.mark.spec("SRV-321", "SRV-318", "SRV-324")
def test_level_and_fingerprint_may_be_chosen(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """An exception is an error, and PostHog finds its issue, unless the caller decides."""
    client.capture_exception(ValueError("one"))
    client.capture_exception(ValueError("two"), level="critical", fingerprint="card declined")
    client.capture_exception("three", level="Notice")
    client.capture_exception(ValueError("four"), properties={"$exception_fingerprint": "in a bag"})

    chosen = [
        (event.properties["$exception_level"], event.properties.get("$exception_fingerprint"))
        for event in posthog_events
    ]
    assert chosen == [
        ("error", None),
        ("fatal", "card declined"),
        ("info", None),
        ("error", "in a bag"),
    ]


@pytest.mark.spec("SRV-321", "SRV-293")
def test_a_level_that_is_none_is_ignored(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """The report goes as if nothing had been chosen, and a warning says so."""
    bad: Any = 7.5
    client.capture_exception(
        ValueError("no"),
        properties={"$exception_fingerprint": "good"},
        level="loud",
        fingerprint=bad,
    )

    properties = posthog_events.one("$exception").properties
    assert properties["$exception_level"] == "error"
    assert properties["$exception_fingerprint"] == "good"
    assert "the level cannot be read" in caplog.text
    assert "the fingerprint cannot be read" in caplog.text
    assert "loud" not in caplog.text


@pytest.mark.spec("SRV-292")
@pytest.mark.parametrize("reason", ["disabled", "opted out", "shut down"])
def test_nothing_is_reported_by_a_client_that_is_off(
    reason: str, posthog_events: RecordedEvents
) -> None:
    """The exception is not even looked at."""

    class Watched(Exception):  # noqa: N818 - it is named for what it does
        def __str__(self) -> str:
            raise AssertionError

    client = Client("phc_test", disabled=reason == "disabled")
    if reason == "opted out":
        client.opt_out()
    elif reason == "shut down":
        client.shutdown()

    assert client.capture_exception(Watched()) is None
    assert len(posthog_events) == 0


@pytest.mark.spec("SRV-282")
def test_a_report_takes_the_road_of_every_event(posthog_events: RecordedEvents) -> None:
    """before_send sees it last, and its changes count."""

    def redact(event: dict[str, Any]) -> dict[str, Any]:
        event["properties"]["$exception_list"][0]["value"] = "redacted"
        return event

    Client("phc_test", before_send=redact).capture_exception(ValueError("secret"), "user-1")

    event = posthog_events.one("$exception")
    assert event.properties["$exception_list"][0]["value"] == "redacted"
    assert event.distinct_id == "user-1"


def test_log_captured_exceptions_also_logs(
    posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """With the option on, each captured exception is logged once, with its traceback."""
    client = Client("phc_test", log_captured_exceptions=True)

    client.capture_exception(_caught())

    assert len(posthog_events) == 1
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


def test_code_under_the_project_root_is_the_applications(
    posthog_events: RecordedEvents, tmp_path: Any
) -> None:
    """project_root decides what is in_app; in_app_modules adds to it."""
    here = __file__.rpartition("/tests/")[0]
    elsewhere = str(tmp_path)
    Client("phc_test", project_root=here).capture_exception(_caught())
    Client("phc_test", project_root=elsewhere).capture_exception(_caught())
    Client("phc_test", project_root=elsewhere, in_app_modules=["tests"]).capture_exception(
        _caught()
    )

    inside, outside, listed = (
        event.properties["$exception_list"][0]["stacktrace"]["frames"][-1]
        for event in posthog_events
    )
    assert inside["in_app"] is listed["in_app"] is True
    assert "in_app" not in outside


def test_an_exception_is_left_as_it_is(client: Client, posthog_events: RecordedEvents) -> None:
    """Reported once, an application's own exception shows nothing of it."""

    class OutOfStock(Exception):  # noqa: N818 - a name as applications have them
        def __init__(self) -> None:
            super().__init__()
            self.code = 7

    error = OutOfStock()
    client.capture_exception(error, "user-1")

    assert vars(error) == {"code": 7}
    assert posthog_events.names == ["$exception"]
