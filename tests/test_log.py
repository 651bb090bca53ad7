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
