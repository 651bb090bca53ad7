"""Exceptions that end a task or a process pass through every call, and break nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from posthog_web.inspector import Inspector
from posthog_web.typing import Event
from tests.delivery.conftest import MakeClient


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt, GeneratorExit, SystemExit, asyncio.CancelledError]
)
def test_what_ends_a_task_or_a_process_is_never_swallowed(
    make_client: MakeClient, inspector: Inspector, stop: type[BaseException]
) -> None:
    """Raised inside before_send it leaves capture; the client goes on afterwards."""

    def before_send(event: Event) -> Event:
        if event["event"] == "stop":
            raise stop
        return event

    client = make_client(before_send=before_send)
    with pytest.raises(stop):
        client.capture("user123", "stop")
    client.capture("user123", "after")
    assert client.flush()

    assert [event["event"] for event in inspector.events()] == ["after"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, GeneratorExit])
def test_it_is_not_swallowed_on_the_callers_thread_either(
    make_client: MakeClient, inspector: Inspector, stop: type[BaseException]
) -> None:
    """Raised inside on_error in sync_mode it leaves capture, and the event is counted once."""
    inspector.answer(status=400, times=1)

    def on_error(_error: Exception, _batch: Sequence[Event]) -> None:
        raise stop

    client = make_client(sync_mode=True, on_error=on_error)
    with pytest.raises(stop):
        client.capture("user123", "paid")

    stats = client.stats()
    assert stats.captured == stats.queued + stats.in_flight + stats.sent + stats.dropped_total == 1
