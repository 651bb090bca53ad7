"""Storms: equal exceptions are reported so often, and then counted."""

from __future__ import annotations

import gc
import json
import logging
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._exceptions.files import Files
from posthog_web._exceptions.metadata import ESCAPED
from posthog_web._exceptions.storms import MAX_FINGERPRINTS, Limit, Storms, fingerprint_of
from posthog_web.testing import RecordedEvents

FILES = Files(str(Path(__file__).parent), ())
HERE = ("ValueError", "shop.py", 7)


class Clock:
    """Time that passes when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def storms(clock: Clock) -> Storms:
    """Return a limit of three, and two more in ten seconds."""
    return Storms(Limit(size=3, refill=2, interval=10), clock)


def test_a_burst_goes_and_the_rest_is_counted(storms: Storms, clock: Clock) -> None:
    """As many as the bucket holds are admitted; the next one that is has the number of the rest."""
    assert [storms.admit(HERE) for _ in range(6)] == [0, 0, 0, None, None, None]
    clock.now = 5
    assert [storms.admit(HERE) for _ in range(2)] == [3, None]
    clock.now = 1000
    assert [storms.admit(HERE) for _ in range(4)] == [1, 0, 0, None]


def test_other_exceptions_have_a_bucket_of_their_own(storms: Storms) -> None:
    """What one exception uses up is not missed by another."""
    for _ in range(9):
        storms.admit(HERE)

    assert storms.admit(("ValueError", "shop.py", 8)) == 0
    assert storms.admit(("KeyError", "shop.py", 7)) == 0


def test_a_report_refused_elsewhere_used_nothing_up(storms: Storms, clock: Clock) -> None:
    """Taken back, an admission and its count are there for the next one."""
    for _ in range(5):
        storms.admit(HERE)
    clock.now = 5
    assert storms.admit(HERE) == 2

    storms.take_back(HERE, 2)

    assert storms.admit(HERE) == 2


def test_buckets_are_bounded_in_number(storms: Storms) -> None:
    """With more kinds of exceptions than are remembered, those of long ago start afresh."""
    for _ in range(4):
        storms.admit(HERE)
    for line in range(MAX_FINGERPRINTS - 1):
        storms.admit(("KeyError", "shop.py", line))
    assert storms.admit(HERE) is None
    storms.admit(("OSError", "shop.py", 1))

    assert storms.admit(HERE) == 0


def test_threads_share_a_bucket(clock: Clock) -> None:
    """However many report at once, no more than the bucket holds are admitted, and all counted."""
    storms = Storms(Limit(size=50, refill=10, interval=10), clock)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: storms.admit(HERE), range(20_000)))
    finally:
        sys.setswitchinterval(0.005)
    clock.now = 1

    assert sum(answer is not None for answer in answers) == 50
    reported = sum(answer or 0 for answer in answers) + (storms.admit(HERE) or 0)
    assert reported == pytest.approx(20_000 - 50, abs=50)


def test_without_a_limit_all_go() -> None:
    """A client may be told to report every one."""
    storms = Storms(None)

    assert {storms.admit(HERE) for _ in range(1000)} == {0}


def _fail(line: int) -> None:
    if line == 1:
        msg = f"one of many: {id(object())}"
        raise ValueError(msg)
    msg = "two"
    raise ValueError(msg)


def _caught(line: int) -> ValueError:
    try:
        _fail(line)
    except ValueError as error:
        return error
    raise AssertionError


def test_equal_is_what_has_one_type_and_comes_from_one_line() -> None:
    """Messages differ from one time to the next; where it was raised does not."""
    assert fingerprint_of(_caught(1), FILES) == fingerprint_of(_caught(1), FILES)
    assert fingerprint_of(_caught(1), FILES) != fingerprint_of(_caught(2), FILES)


def _parsed(line: int) -> json.JSONDecodeError:
    try:
        if line == 1:
            json.loads("{")
        json.loads("[")
    except json.JSONDecodeError as error:
        return error
    raise AssertionError


def test_a_library_raises_for_all_who_call_it() -> None:
    """Where the application called it makes the difference, not where the library raised."""
    assert fingerprint_of(_parsed(1), FILES) == fingerprint_of(_parsed(1), FILES)
    assert fingerprint_of(_parsed(1), FILES) != fingerprint_of(_parsed(2), FILES)
    nobodys = Files("/nowhere", ())
    assert fingerprint_of(_parsed(1), nobodys)[1] == __file__


def test_where_all_is_a_librarys_it_is_where_it_raised() -> None:
    """Without a line of the application's the last one has to do."""
    error = _parsed(1)
    trace = error.__traceback__
    assert trace is not None
    error.__traceback__ = trace.tb_next

    assert fingerprint_of(error, FILES)[1] == json.decoder.__file__


def test_what_was_never_raised_comes_from_the_caller() -> None:
    """Texts and fresh exceptions are told apart by the line that reports them."""
    first, second = fingerprint_of(None, FILES), fingerprint_of(None, FILES)

    assert first == second
    assert first[1] == __file__
    assert first != fingerprint_of(KeyError(), FILES)


def report(client: Client, times: int, **more: Any) -> list[str | None]:
    """Report as many equal exceptions."""
    return [client.capture_exception(_caught(1), **more) for _ in range(times)]


def test_ten_thousand_equal_exceptions_are_some_fifty_reports(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """By default a storm is bounded, counted in the client's figures, and said once."""
    report(client, 10_000)

    assert 50 <= len(posthog_events) <= 70
    assert client.stats().declined["rate_limited"] == 10_000 - len(posthog_events)
    [record] = [record for record in caplog.records if "so often" in record.getMessage()]
    assert record.levelno == logging.WARNING


def test_the_next_report_tells_how_many_were_left_out(posthog_events: RecordedEvents) -> None:
    """``$suppressed_count`` is on the first report after a storm, and on no other."""
    client = Client(
        "phc_test",
        exception_autocapture_bucket_size=2,
        exception_autocapture_refill_rate=1000,
        exception_autocapture_refill_interval_seconds=0.5,
    )
    sent: list[str | None] = []
    # A bucket that is full again in a millisecond, in a bounded loop of reports.
    for _ in range(100_000):
        sent += report(client, 1)
        if any("$suppressed_count" in event.properties for event in posthog_events):
            break

    *before, last = posthog_events
    assert all("$suppressed_count" not in event.properties for event in before)
    assert last.properties["$suppressed_count"] == sent.count(None) > 0


def test_one_that_was_left_out_is_counted_once(posthog_events: RecordedEvents) -> None:
    """Whoever sees it again, further out, leaves it out without a word."""
    client = Client("phc_test", exception_autocapture_bucket_size=1)
    report(client, 1)
    error = _caught(1)

    for _ in range(3):
        assert client._report_uncaught(error, ESCAPED) is None

    assert len(posthog_events) == 1
    assert client.stats().declined == {"rate_limited": 1}


def test_every_exception_is_reported_where_that_is_wanted(posthog_events: RecordedEvents) -> None:
    """The limit can be switched off."""
    client = Client("phc_test", enable_exception_autocapture_rate_limiting=False)

    assert None not in report(client, 200)
    assert len(posthog_events) == 200


def test_a_report_that_is_dropped_leaves_room_for_the_next(posthog_events: RecordedEvents) -> None:
    """What before_send drops does not use the bucket up."""
    client = Client("phc_test", before_send=lambda _: None)
    assert set(report(client, 100)) == {None}

    client.before_send = None

    assert None not in report(client, 50)
    assert len(posthog_events) == 50


class Order:
    """Something an application works on."""


class Failure(Exception):  # noqa: N818 - one of the application's own
    """What can be referred to weakly."""


@pytest.mark.parametrize("kind", [Failure, ValueError])
def test_nothing_of_an_exception_is_kept(
    client: Client, posthog_events: RecordedEvents, kind: type[Exception]
) -> None:
    """Once it was reported, what lay in the frame that raised is gone with the exception."""

    def fail() -> weakref.ref[Order]:
        order = Order()
        try:
            _raise(kind)
        except kind as error:
            client.capture_exception(error)
        return weakref.ref(order)

    kept = fail()
    gc.collect()

    assert len(posthog_events) == 1
    assert kept() is None


def _raise(kind: type[Exception]) -> None:
    raise kind
