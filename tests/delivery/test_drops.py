"""``on_drop``: whatever will never arrive is handed over, with the reason."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from posthog_web.inspector import Inspector
from posthog_web.typing import DropReason, Event
from tests.delivery.conftest import MakeClient


class Dropped:
    """An ``on_drop`` that remembers."""

    def __init__(self) -> None:
        self.all: list[tuple[str, list[str]]] = []

    def __call__(self, reason: DropReason, events: Sequence[Event]) -> None:
        self.all.append((reason, [event["event"] for event in events]))


@pytest.fixture
def dropped() -> Dropped:
    """An ``on_drop`` to hand to a client."""
    return Dropped()


@pytest.mark.spec("SRV-099", "SRV-100")
def test_a_full_queue_hands_over_the_newest(
    make_client: MakeClient, dead_host: str, dropped: Dropped
) -> None:
    """Each event that found no room is handed over, on the thread that captured it."""
    client = make_client(dead_host, max_queue_size=2, flush_interval=60, on_drop=dropped)
    for number in range(4):
        client.capture("user123", f"event {number}")

    drops = client.stats().dropped["queue_full"]
    assert dropped.all == [("queue_full", [f"event {4 - drops + n}"]) for n in range(drops)]
    assert drops > 0


@pytest.mark.spec("SRV-100")
def test_a_refused_batch_is_handed_over(
    make_client: MakeClient, inspector: Inspector, dropped: Dropped
) -> None:
    """What the server refused comes with its reason, all of the batch at once."""
    inspector.answer(status=400)
    client = make_client(on_drop=dropped)
    client.capture("user123", "one")
    client.capture("user123", "two")

    assert not client.flush()

    assert dropped.all == [("refused", ["one", "two"])]


def test_what_was_tried_too_often_is_handed_over(
    make_client: MakeClient, inspector: Inspector, dropped: Dropped
) -> None:
    """A batch that is given up comes as such."""
    inspector.answer(status=503)
    client = make_client(on_drop=dropped, max_retries=0)
    client.capture("user123", "one")

    assert not client.flush()

    assert dropped.all == [("given_up", ["one"])]


def test_what_is_left_at_the_end_is_handed_over(
    make_client: MakeClient, dead_host: str, dropped: Dropped
) -> None:
    """What could not be sent until shutdown comes in one call."""
    client = make_client(dead_host, on_drop=dropped)
    for number in range(3):
        client.capture("user123", f"event {number}")

    assert not client.shutdown(timeout=0.2)

    [(reason, events)] = dropped.all
    assert reason == "unsent_at_exit"
    assert sorted(events) == ["event 0", "event 1", "event 2"]


def test_what_is_too_large_or_not_to_be_sent_is_handed_over(
    make_client: MakeClient, dropped: Dropped
) -> None:
    """An event that is too large comes, and with send=False every other."""
    client = make_client(on_drop=dropped, send=False)
    client.capture("user123", "large", {"text": "x" * 2**20})
    client.capture("user123", "small")

    assert dropped.all == [("too_large", ["large"]), ("send_is_off", ["small"])]


def test_what_arrives_is_not_handed_over(make_client: MakeClient, dropped: Dropped) -> None:
    """Events that are sent, and calls that made none, are no drops."""
    client = make_client(on_drop=dropped, before_send=lambda _event: None)
    client.capture("user123", "hooked")
    client.before_send = None
    client.capture("", "nobody")
    client.capture("user123", "paid")

    assert client.flush()

    assert dropped.all == []


def test_a_callback_that_captures_is_not_called_for_its_own(
    make_client: MakeClient, dead_host: str
) -> None:
    """An on_drop whose own capture is dropped too is called once, and the drop counted."""
    reasons: list[str] = []

    def on_drop(reason: str, _events: Sequence[Event]) -> None:
        reasons.append(reason)
        client.capture("user123", "dropped once more", {"text": "x" * 2**20})

    client = make_client(dead_host, on_drop=on_drop)
    client.capture("user123", "large", {"text": "x" * 2**20})

    assert reasons == ["too_large"]
    assert client.stats().dropped == {"too_large": 2}


def test_a_callback_that_raises_costs_nothing(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Its fault is logged once, with the place; capture answers as ever."""

    def on_drop(_reason: str, _events: Sequence[Event]) -> None:
        raise LookupError

    client = make_client(on_drop=on_drop, send=False)

    assert client.capture("user123", "one")
    assert client.capture("user123", "two")
    [message] = [message for message in caplog.messages if "on_drop" in message]
    assert "LookupError" in message


def test_it_can_be_changed_while_others_drop(make_client: MakeClient, dropped: Dropped) -> None:
    """The callback in force is the one called; several threads may be in it at once."""
    client = make_client(send=False)
    client.capture("user123", "unseen")
    client.on_drop = dropped
    threads = [threading.Thread(target=client.capture, args=("user123", "seen")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert dropped.all == [("send_is_off", ["seen"])] * 8
