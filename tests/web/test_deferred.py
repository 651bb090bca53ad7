"""Events that wait until it is known whom they are about: counted, and bounded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import configure
from tests.web.test_body import Source


def begin(client: Client) -> Lifetime:
    """Return a request of *client* whose person will be known later."""
    return Lifetime(configure(arguments={}, client=client), Source(late=True))


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
