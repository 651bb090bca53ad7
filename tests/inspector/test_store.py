"""What arrived is kept, once, in order and within bounds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posthog_web.inspector.ingestion import receive
from posthog_web.inspector.store import CHANGED_ON_THE_WAY, Query, Request, Store

from .conftest import an_event

NOW = datetime(2026, 11, 22, 12, 2, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[Store]:
    """Return a store with little room."""
    made = Store(max_events=5, max_requests=3)
    yield made
    made.close()


def deliver(store: Store, *events: dict[str, Any], **fields: object) -> None:
    """Record *events* as one request."""
    received = [receive(event, NOW) for event in events]
    request = {"received_at": NOW.timestamp(), "path": "/batch/", "status": 200} | fields
    store.record(Request(**request, uuids=tuple(event.uuid for event in received)), received)


def names(store: Store, **query: object) -> list[str]:
    """Return the names of the events that the query wants."""
    return [stored.name for stored in store.events(Query(**query))]


def test_order_of_arrival(store: Store) -> None:
    """Events come back as sent, in the order of arrival."""
    events = [an_event("b"), an_event("a")]
    deliver(store, *events)

    assert [stored.event() for stored in store.events()] == events
    assert names(store, newest_first=True) == ["a", "b"]


def test_duplicate(store: Store) -> None:
    """A uuid that comes again makes no second row but another delivery."""
    event = an_event()
    deliver(store, event)
    deliver(store, event | {"uuid": event["uuid"].upper()}, event)

    [stored] = store.events()

    assert stored.deliveries == 3
    assert stored.change == 3


def test_changed_on_the_way(store: Store) -> None:
    """A repeated uuid with other content is a problem, named once."""
    event = an_event()
    for plan in ("pro", "free", "team"):
        deliver(store, event | {"properties": {"plan": plan}})

    [stored] = store.events()

    assert stored.problems == (CHANGED_ON_THE_WAY,)


def test_bounded(store: Store) -> None:
    """Beyond its bounds the store keeps the newest events and requests."""
    for number in range(7):
        deliver(store, an_event(f"e{number}"))

    assert names(store) == ["e2", "e3", "e4", "e5", "e6"]
    assert len(store.requests()) == 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"name": "b"}, ["b", "b"]),
        ({"distinct_id": "ada"}, ["c"]),
        ({"after": 1, "before": 4}, ["b", "b"]),
        ({"since": 3}, ["c"]),
        ({"limit": 1}, ["a"]),
        ({"text": "ADA"}, ["c"]),
        ({"text": "100%"}, ["a"]),
        ({"text": "r_s"}, ["a"]),
        ({"text": "\\"}, []),
    ],
)
def test_query(store: Store, query: dict[str, Any], expected: list[str]) -> None:
    """Each field of a query restricts what is found; signs in a text mean themselves."""
    deliver(
        store,
        an_event("a", properties={"share": "100%", "under_score": 1}),
        an_event("b", properties={}),
        an_event("b", properties={}),
        an_event("c", properties={}, distinct_id="ada"),
    )

    assert names(store, **query) == expected
    assert store.count(Query(**query)) == len(expected)


def test_requests_of_an_event(store: Store) -> None:
    """An event's carriers are found, refused ones too."""
    event = an_event()
    deliver(store, event)
    deliver(store, an_event())
    store.record(Request(received_at=0.0, path="/e/", status=None, uuids=(event["uuid"],)))

    assert [found["status"] for found in store.requests(uuid=event["uuid"])] == [200, None]


def test_all_or_nothing(store: Store) -> None:
    """A delivery that cannot be recorded leaves nothing behind."""
    with pytest.raises(Exception, match="type"):
        deliver(store, an_event(), path=object())

    assert (store.events(), store.requests()) == ([], [])


def test_clear(store: Store) -> None:
    """Clearing forgets everything and begins a new generation; ids go on."""
    deliver(store, an_event())
    before = store.generation
    store.clear()
    deliver(store, an_event())

    assert store.generation != before
    assert [stored.id for stored in store.events()] == [2]


def test_file(tmp_path: Path) -> None:
    """A named database keeps what arrived, and its order of changes."""
    first = Store(tmp_path / "events.sqlite")
    deliver(first, an_event("before"))
    first.close()
    second = Store(tmp_path / "events.sqlite")
    deliver(second, an_event("after"))

    assert names(second, since=0) == ["before", "after"]
    second.close()


def test_file_of_an_older_version(tmp_path: Path) -> None:
    """A file written before headers and places were kept is read, and added to."""
    path = tmp_path / "events.sqlite"
    first = Store(path)
    deliver(first, an_event("before"))
    first.close()
    with closing(sqlite3.connect(path)) as connection:
        for column in ("headers", "envelope"):
            connection.execute(f"ALTER TABLE requests DROP COLUMN {column}")
        connection.execute("ALTER TABLE events DROP COLUMN place")
    second = Store(path)
    deliver(second, an_event("after"), headers={"a": "b"}, envelope={"sent_at": "now"})
    kept = [(request["headers"], request["envelope"]) for request in second.requests()]
    places = [event.place for event in second.events()]
    second.close()

    assert kept == [({}, {}), ({"a": "b"}, {"sent_at": "now"})]
    assert places == ["", ""]


def test_threads(store: Store) -> None:
    """Several threads may record at once; every event is kept."""
    event = an_event()
    threads = [
        threading.Thread(target=lambda: [deliver(store, event) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.events()[0].deliveries == 80


def test_wakes_who_waits(store: Store) -> None:
    """Recording wakes a thread that waits for a change."""
    thread = threading.Thread(target=deliver, args=(store, an_event()))
    with store.changed:
        thread.start()
        woken = store.changed.wait_for(store.count, timeout=10)
    thread.join()

    assert woken
