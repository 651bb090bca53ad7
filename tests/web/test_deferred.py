"""Events that wait until it is known whom they are about: counted, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import configure
from posthog_web.testing import RecordedEvents
from tests.web.test_body import Source


def begin(client: Client, source: Source | None = None) -> Lifetime:
    """Return a request of *client* whose person will be known later."""
    return Lifetime(configure(arguments={}, client=client), source or Source(late=True))


def elsewhere(act: Callable[[], object]) -> object:
    """Do on another thread, and wait for it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act).result(timeout=20)


def test_what_waits_for_its_person_is_queued() -> None:
    """It counts at once, with its bytes, and once: what becomes of it takes its place."""
    client = Client("phc_test", send=False)
    request = begin(client)
    for _ in range(3):
        assert request.posthog.capture("seen")

    stats = client.stats()
    assert (stats.captured, stats.queued, client.queue.qsize()) == (3, 3, 3)
    assert stats.queued_bytes > 3 * len(b'{"event":"seen"}')

    asyncio.run(request.scope.resolve())
    stats = client.stats()
    assert (stats.captured, stats.queued, stats.queued_bytes) == (3, 0, 0)
    assert stats.dropped == {"send_is_off": 3}
    assert client.queue.empty()


def test_what_a_hook_takes_counts_no_more() -> None:
    """before_send sees an event when its person is known, and may still decline it."""
    client = Client("phc_test", send=False, before_send=lambda _event: None)
    request = begin(client)
    request.posthog.capture("seen")
    assert client.stats().queued == 1

    asyncio.run(request.scope.resolve())
    stats = client.stats()
    assert (stats.captured, stats.queued) == (0, 0)
    assert stats.declined == {"before_send": 1}


@pytest.mark.parametrize("limit", [{"max_queue_size": 2}, {"max_queue_bytes": 1200}])
def test_no_more_wait_than_may_be_queued(limit: Any) -> None:
    """However many requests there are; the newest are refused, and counted."""
    client = Client("phc_test", send=False, **limit)
    requests = [begin(client) for _ in range(5)]
    accepted = [request.posthog.capture("seen", {"text": "x" * 100}) for request in requests]

    kept = sum(one is not None for one in accepted)
    assert 0 < kept < 5
    assert accepted[kept:] == [None] * (5 - kept)
    stats = client.stats()
    assert (stats.captured, stats.queued) == (5, kept)
    assert stats.dropped == {"queue_full": 5 - kept}

    for request in requests:
        asyncio.run(request.scope.resolve())
    assert client.stats().queued == 0
    assert begin(client).posthog.capture("seen")


def meanwhile(act: Callable[[], object], source: Source | None = None) -> Lifetime:
    """Return a request of which an event waits, and that acts elsewhere as it is handed over."""

    def hook(event: Any) -> Any:
        if event["event"] == "waited":
            elsewhere(act)
        return event

    request = begin(Client("phc_test", send=False, before_send=hook), source)
    request.posthog.capture("waited")
    return request


def test_a_name_given_as_events_are_handed_over_is_kept(posthog_events: RecordedEvents) -> None:
    """Another thread may identify at any moment; what waited is still the framework's user's."""
    request = meanwhile(lambda: request.posthog.identify("bob"))
    asyncio.run(request.scope.resolve())
    request.posthog.capture("after")

    assert posthog_events.one("waited").distinct_id == "ada"
    assert posthog_events.one("after").distinct_id == "bob"


def test_doubts_about_one_event_are_not_about_others(posthog_events: RecordedEvents) -> None:
    """Where an event may have been somebody else's, another thread's events are not touched."""

    class Changed(Source):
        def is_noted_user(self, note: object) -> bool:
            del note
            return False

    request = meanwhile(lambda: request.posthog.capture("elsewhere"), Changed(late=True))
    asyncio.run(request.scope.resolve())

    assert posthog_events.one("waited").is_personless
    assert posthog_events.one("elsewhere").distinct_id == "ada"


def test_what_is_captured_as_others_are_settled_waits_too(posthog_events: RecordedEvents) -> None:
    """A logout settles whose the events before it are, also of what comes in at that moment."""
    user = type("User", (), {"is_authenticated": True, "pk": "leaving"})()
    request = meanwhile(lambda: request.posthog.capture("elsewhere"))
    request.scope.settle_as(user)

    assert [event.distinct_id for event in posthog_events] == ["leaving", "leaving"]
