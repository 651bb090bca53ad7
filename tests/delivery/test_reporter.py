"""What a client tells about its delivery: to on_error, whatever its shape, and in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from posthog_web._delivery.reporter import DecodedEvents, Reporter
from posthog_web._log import Notices
from posthog_web.errors import RefusedError, UnansweredError
from posthog_web.inspector import Inspector
from posthog_web.typing import Event
from tests.delivery.conftest import MakeClient, Told

EVENTS = [b'{"event":"one"}', b'{"event":"two"}', b'{"event":"three"}']
REFUSED = RefusedError("HTTP 400: no", status=400)
UNANSWERED = UnansweredError("no answer (ConnectTimeout)")


class Shapes:
    """Callbacks of every shape people write; each notes the arguments it got."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def method(self, error: Exception, batch: Sequence[Event]) -> None:
        """Take both."""
        self.calls.append((error, batch))

    def short_method(self, error: Exception) -> None:
        """Take the error alone."""
        self.calls.append((error,))

    def defaulted(self, error: Exception, batch: Sequence[Event] | None = None) -> None:
        """Take the batch if there is one."""
        self.calls.append((error, batch))

    def collecting(self, *args: Any) -> None:
        """Take whatever comes."""
        self.calls.append(args)

    __call__ = method


def reporter_with(callback: Callable[..., Any] | None) -> Reporter:
    """Return a reporter that tells *callback*."""
    reporter = Reporter(Notices())
    reporter.on_error = callback
    return reporter


@pytest.mark.parametrize("shape", ["method", "defaulted", "collecting", "object", "lambda"])
def test_a_callback_that_takes_two_gets_both(shape: str) -> None:
    """Methods, objects, lambdas and collectors of arguments get the error and the events."""
    shapes = Shapes()
    callbacks = {
        "object": shapes,
        "lambda": lambda error, batch: shapes.calls.append((error, batch)),
    }

    reporter_with(callbacks.get(shape) or getattr(shapes, shape)).lost(
        "refused", REFUSED, EVENTS, "HTTP 400"
    )

    [(error, batch)] = shapes.calls
    assert error is REFUSED
    assert [event["event"] for event in batch] == ["one", "two", "three"]


@pytest.mark.parametrize("shape", ["short_method", "lambda", "builtin"])
def test_a_callback_that_takes_one_gets_the_error(shape: str) -> None:
    """The old generation's form, with the error alone, is called without the events."""
    shapes = Shapes()
    errors: list[Exception] = []
    callbacks: dict[str, Callable[..., Any]] = {
        "short_method": shapes.short_method,
        "lambda": lambda error: errors.append(error),  # noqa: PLW0108 - a lambda is the point
        "builtin": errors.append,
    }

    reporter_with(callbacks[shape]).lost("refused", REFUSED, EVENTS, "HTTP 400")

    assert [*errors, *(error for (error,) in shapes.calls)] == [REFUSED]


def test_a_callback_that_raises_is_said_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    """Its fault is logged with its place, without its message, which may quote data."""

    def on_error(_error: Exception) -> None:
        msg = "secret of user123"
        raise LookupError(msg)

    reporter_with(on_error).lost("refused", REFUSED, EVENTS, "HTTP 400")

    [message] = [message for message in caplog.messages if "on_error" in message]
    assert "LookupError" in message
    assert __file__ in message
    assert "user123" not in message


def test_no_callback_is_no_fault() -> None:
    """Without on_error, failures are only logged."""
    reporter_with(None).lost("refused", REFUSED, EVENTS, "HTTP 400")


@pytest.mark.spec("SRV-104")
def test_a_raising_callback_costs_no_event(make_client: MakeClient, inspector: Inspector) -> None:
    """After on_error has raised on the worker, the next events are delivered."""
    inspector.answer(status=400, times=1)

    def on_error(_error: Exception) -> None:
        raise LookupError

    client = make_client(on_error=on_error)
    client.capture("user123", "bad")
    assert not client.flush()
    client.capture("user123", "good")

    assert client.flush()

    assert [event["event"] for event in inspector.events()] == ["good"]
    assert client.stats().dropped == {"refused": 1}


def test_the_callback_may_be_replaced(make_client: MakeClient, inspector: Inspector) -> None:
    """A callback assigned to a running client is told of the next failure, the old one is not."""
    inspector.answer(status=400)
    old, new = Told(), Told()
    client = make_client(on_error=old)
    client.capture("user123", "first")
    client.flush()

    client.on_error = new
    client.capture("user123", "second")
    client.flush()
    client.on_error = None
    client.capture("user123", "third")
    client.flush()

    assert (old.lost, new.lost) == (["first"], ["second"])


def test_events_are_decoded_on_demand() -> None:
    """Length needs no decoding; items, slices and iteration give events."""
    events = DecodedEvents([*EVENTS, b"not JSON"])

    assert len(events) == 4
    assert events[0] == {"event": "one"}
    assert events[-2]["event"] == "three"
    assert [event["event"] for event in events[:2]] == ["one", "two"]
    assert isinstance(events[1:], DecodedEvents)
    assert {"event": "two"} in events[:3]


def test_an_empty_batch_is_false() -> None:
    """The batch of an outage that begins is empty, and false like an empty list."""
    assert not DecodedEvents([])
    assert list(DecodedEvents([])) == []


def test_losses_in_quick_succession_are_said_once_with_their_sum(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Within half a minute losses are only counted; the next warning names how many events."""
    now = [0.0]
    reporter = Reporter(Notices(clock=lambda: now[0]))
    for _ in range(5):
        reporter.lost("refused", REFUSED, EVENTS, "HTTP 400")
    assert len(caplog.messages) == 1

    now[0] = 31.0
    reporter.lost("refused", REFUSED, EVENTS, "HTTP 400")

    first, second = caplog.messages
    assert "3 event(s)" in first
    assert "12 more" in second


def test_that_events_arrive_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first success is logged at level INFO, later ones are not."""
    reporter = Reporter(Notices())
    with caplog.at_level(logging.INFO, "posthog_web"):
        reporter.delivered(3)
        reporter.delivered(4)

    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert "3" in record.getMessage()


def test_an_outage_is_told_when_it_begins_and_not_again_before_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Silence is told once, with no events; after an answer the next silence is told again."""
    told = Told()
    reporter = reporter_with(told)
    for _ in range(3):
        reporter.silence(UNANSWERED)
    reporter.heard()
    reporter.silence(UNANSWERED)

    assert told.all == [(UNANSWERED, []), (UNANSWERED, [])]
    assert ["ConnectTimeout" in message for message in caplog.messages] == [True]


def test_the_log_quotes_no_server(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the status of a loss, and not the server's own words."""
    reporter_with(None).lost(
        "refused",
        RefusedError("HTTP 401: bad phc_secret", status=401),
        EVENTS,
        "HTTP 401",
    )

    [message] = caplog.messages
    assert "401" in message
    assert "phc_secret" not in message
