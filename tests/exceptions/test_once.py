"""Once: however many see a failure, it is one report."""

from __future__ import annotations

import dataclasses
import json
import logging
import pickle
from collections.abc import Callable

import pytest

import posthog_web
from posthog_web import Client
from posthog_web._exceptions.marks import Mark, mark_captured, was_captured
from posthog_web._exceptions.metadata import ESCAPED
from posthog_web.testing import RecordedEvents


class Failure(Exception):  # noqa: N818 - one of an application's own
    """What can be referred to weakly."""


class Bare(Exception):  # noqa: N818 - as above
    """What has no room for attributes of its own."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen(Exception):  # noqa: N818 - as above
    """What nobody may set an attribute of, nor refer to weakly."""


KINDS = pytest.mark.parametrize("kind", [Failure, Bare, Frozen, ValueError, KeyError])


@KINDS
def test_the_same_exception_is_reported_once(
    client: Client, posthog_events: RecordedEvents, kind: type[Exception]
) -> None:
    """In code, and then by whoever sees it next, in code too."""
    error = kind()

    assert client.capture_exception(error)
    assert client.capture_exception(error) is None
    assert client._report_uncaught(error, ESCAPED) is None

    assert len(posthog_events) == 1


def _raised_from(cause: Exception) -> Exception:
    error = Failure("in other words")
    error.__cause__ = cause
    return error


def _raised_while_handling(first: Exception) -> Exception:
    error = Failure("another one")
    error.__context__ = first
    return error


@pytest.mark.parametrize(
    ("wrap", "reports"),
    [
        (_raised_from, 1),
        (lambda error: _raised_from(_raised_from(error)), 1),
        (lambda error: ExceptionGroup("all", [error]), 1),
        (lambda error: ExceptionGroup("all", [_raised_from(error), error]), 1),
        (lambda error: ExceptionGroup("some", [error, Failure("new")]), 2),
        (_raised_while_handling, 2),
    ],
    ids=["from", "from-from", "group", "group-from", "group-of-others", "while-handling"],
)
def test_a_failure_in_other_words_is_the_same_failure(
    client: Client,
    posthog_events: RecordedEvents,
    wrap: Callable[[Exception], Exception],
    reports: int,
) -> None:
    """Raised from one that was reported it is no news; what fails while handling it is."""
    error = ValueError("the first words")
    client.capture_exception(error)

    client._report_uncaught(wrap(error), ESCAPED)

    assert len(posthog_events) == reports


def test_causes_in_a_circle_end(client: Client, posthog_events: RecordedEvents) -> None:
    """Exceptions may be their own cause."""
    first, second = Failure("1"), Failure("2")
    first.__cause__, second.__cause__ = second, first

    assert client._report_uncaught(first, ESCAPED)

    assert len(posthog_events) == 1


@KINDS
def test_one_object_in_two_places_is_two_failures(
    client: Client, posthog_events: RecordedEvents, kind: type[Exception]
) -> None:
    """A module may raise the same object again and again: each context tells of its own."""
    error = kind()
    for _ in range(2):
        with posthog_web.new_context():
            client.capture_exception(error)

    assert len(posthog_events) == 2


@KINDS
@pytest.mark.parametrize("fresh", [True, False])
def test_what_leaves_a_context_was_reported_there(
    client: Client, posthog_events: RecordedEvents, kind: type[Exception], fresh: bool
) -> None:
    """Further out nobody reports it again: in the context around, or outside of all."""
    error = kind()
    with (
        pytest.raises(kind),
        posthog_web.new_context(capture_exceptions=True, client=client),
        posthog_web.new_context(fresh=fresh, capture_exceptions=True, client=client),
    ):
        raise error
    client._report_uncaught(error, ESCAPED)

    assert len(posthog_events) == 1


def test_whether_it_was_dealt_with_is_not_known_where_it_leaves_a_context(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Somebody further out may catch it, so nothing is said of that (SRV-303)."""
    with pytest.raises(Failure), posthog_web.new_context(capture_exceptions=True, client=client):
        raise Failure

    [entry] = posthog_events.one("$exception").properties["$exception_list"]
    assert "handled" not in entry["mechanism"]


@KINDS
def test_outside_of_requests_an_object_is_one_failure_for_a_minute(kind: type[Exception]) -> None:
    """A module may raise the same object again and again: it is reported again, in time."""
    error = kind()
    mark_captured(error, Mark(place=None, reporter=1, moment=1000))

    assert was_captured(error, Mark(place=None, reporter=1, moment=1059))
    assert not was_captured(error, Mark(place=None, reporter=1, moment=1060))
    assert not was_captured(error, Mark(place=7, reporter=1, moment=1001))


@KINDS
def test_each_client_reports_for_itself(
    posthog_events: RecordedEvents, kind: type[Exception]
) -> None:
    """What one project was told, another was not; each is told once."""
    error = kind()
    one, two = Client("phc_one"), Client("phc_two")

    for client in (one, two, one, two):
        client.capture_exception(error)

    assert len(posthog_events) == 2


def test_after_one_that_was_refused_the_next_may_go(posthog_events: RecordedEvents) -> None:
    """Only what was accepted was reported."""
    client = Client("phc_test", before_send=lambda _: None)
    error = Failure()
    assert client.capture_exception(error) is None

    client.before_send = None

    assert client._report_uncaught(error, ESCAPED)
    assert len(posthog_events) == 1


class Raising(logging.Handler):
    """A handler of the application that fails."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise RuntimeError(record.name)


def test_a_handler_that_fails_loses_no_report(posthog_events: RecordedEvents) -> None:
    """log_captured_exceptions logs with whatever handlers the application has."""
    client = Client("phc_test", log_captured_exceptions=True)
    logger, handler = logging.getLogger("posthog_web"), Raising()
    logger.addHandler(handler)
    try:
        number = client.capture_exception(Failure())
    finally:
        logger.removeHandler(handler)

    assert number == posthog_events.one("$exception").uuid


def test_what_an_exception_carries_can_be_shown(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """An application may answer with what is in an exception's ``__dict__``."""
    error = ValueError()
    with posthog_web.new_context():
        client.capture_exception(error)

    assert len(posthog_events) == 1
    assert json.loads(json.dumps(vars(error))).keys() == {"__posthog_captured__"}
    assert b"posthog_web" not in pickle.dumps(error)
