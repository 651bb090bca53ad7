"""A crowd of requests, all in the middle of their view at once, round after round."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import Call
from tests.adapters.situation import Starter
from tests.adapters.table import Adapter
from tests.adapters.test_endings import Server, serving

TOGETHER = 200
ROUNDS = 20

# In seconds, for all rounds of a server that shares the machine with others.
AT_MOST = 120.0


def headers_of(number: int, turn: int) -> list[tuple[str, str]]:
    """Return what somebody's browser sends, who comes back with another session each time."""
    return [
        ("X-POSTHOG-DISTINCT-ID", f"visitor-{number}"),
        ("X-POSTHOG-SESSION-ID", f"session-{number}-{turn}"),
    ]


def identities(turns: Iterable[int]) -> list[tuple[str, str]]:
    """Return who is there in each turn, as one request after the other answers it."""
    return [
        (f"visitor-{number}", f"session-{number}-{turn}")
        for turn in turns
        for number in range(TOGETHER)
    ]


@pytest.mark.slow
@pytest.mark.spec("SRV-274", "SRV-275")
def test_a_crowd_does_not_mix(start: Starter, events: RecordedEvents) -> None:
    """200 requests meet in the middle of their view, 20 times: each knows and is itself.

    Under WSGI each has a thread of its own, under ASGI a task of one loop.
    """
    application = start()

    for turn in range(ROUNDS):
        calls = [
            Call(path=f"{application.together}/meets", headers=headers_of(number, turn))
            for number in range(TOGETHER)
        ]
        answers = application.send_together(calls, meet=True)

        expected = identities([turn])
        assert [tuple(json.loads(answer.body)) for answer in answers] == expected
        for name in ("first", "second"):
            found = [(one.distinct_id, one.properties["$session_id"]) for one in events.named(name)]
            assert sorted(found) == sorted(expected)
        assert {answer.afterwards for answer in answers} == {None}
        events.clear()


@pytest.mark.slow
@pytest.mark.spec("SRV-274")
def test_a_crowd_of_greenlets_does_not_mix(adapter: Adapter, inspector: Inspector) -> None:
    """The same in one gevent worker of a real gunicorn, where all 200 share a thread."""
    module = adapter.module
    crowd = replace(adapter, module="crowd", served=("gunicorn with gevent", module))

    with serving(
        crowd, inspector, at_most=AT_MOST, MEETING=str(TOGETHER), POSTHOG_FLUSH_AT="100"
    ) as server:
        with ThreadPoolExecutor(TOGETHER) as pool:
            for turn in range(ROUNDS):
                asking = [pool.submit(ask, server, number, turn) for number in range(TOGETHER)]
                assert [one.result() for one in asking] == identities([turn])
        assert server.stop() == 0

    expected = Counter(identities(range(ROUNDS)))
    for name in ("first", "second"):
        found = [
            (event["distinct_id"], event["properties"]["$session_id"])
            for event in inspector.events(name)
        ]
        assert Counter(found) == expected


def ask(server: Server, number: int, turn: int) -> tuple[str, str]:
    """Return the person and the session that a request was answered."""
    person, session = json.loads(server.read("/meets", headers_of(number, turn)))
    return person, session
