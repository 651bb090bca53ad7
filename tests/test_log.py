"""Warnings that do not repeat themselves."""

from __future__ import annotations

import logging

import pytest

from posthog_web._log import REPEAT_AFTER, Notices


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_warning_is_said_at_once_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The first of a kind is logged, those after it are counted into the next that is logged."""
    clock = Clock()
    notices = Notices(clock)

    for _ in range(5):
        notices.warn("full", "the queue is full")
    clock.now = REPEAT_AFTER
    notices.warn("full", "the queue is full")
    notices.warn("other", "something %s", "else")

    assert [record.getMessage() for record in caplog.records] == [
        "the queue is full",
        "the queue is full (and 4 more since the last warning)",
        "something else",
    ]


def test_some_things_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A notice of the other kind is never repeated, at whatever level it is said."""
    clock = Clock()
    notices = Notices(clock)

    with caplog.at_level(logging.INFO, logger="posthog_web"):
        notices.once("key", "no key", level=logging.INFO)
        clock.now = 1e9
        notices.once("key", "no key", level=logging.INFO)

    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.INFO


def test_what_was_only_counted_is_said_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """say_rest tells how much a site held back, once; sites that held nothing back say nothing."""
    notices = Notices(clock=lambda: 0.0)
    for _ in range(5):
        notices.warn("full", "posthog_web: the queue is full")
    notices.warn("other", "posthog_web: something else")
    caplog.clear()

    notices.say_rest("full", "other")
    notices.say_rest("full", "other")

    assert caplog.messages == ["posthog_web: the queue is full (and 3 more since the last warning)"]


def test_a_handler_that_raises_stops_nothing() -> None:
    """A logging handler of the application's that fails costs a line, not what we do."""

    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise LookupError(record)

    logger = logging.getLogger("posthog_web")
    failing = Failing()
    logger.addHandler(failing)
    try:
        Notices().warn("site", "posthog_web: something")
    finally:
        logger.removeHandler(failing)
