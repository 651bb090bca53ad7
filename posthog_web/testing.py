"""For tests of applications that use posthog_web: what would have been sent, in memory.

::

    from posthog_web.testing import record_events

    with record_events() as events:
        client.capture("paid", {"plan": "pro"}, distinct_id="user-1")

    assert events.names == ["paid"]
    assert events.one("paid").properties["plan"] == "pro"

Under pytest the fixture ``posthog_events`` is the same. Recording is synchronous: no thread, no
network, nothing to wait for. It covers every client of the process, one without a key too; a client
that is disabled or opted out stays silent.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, overload

from posthog_web._delivery import tap
from posthog_web._serialization import loads
from posthog_web.typing import Event

__all__ = ["RecordedEvent", "RecordedEvents", "record_events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event as it would have gone over the wire.

    Attributes:
        event: Its name.
        distinct_id: Who it is about.
        properties: Its properties, those we add included.
        uuid: Its id.
        timestamp: When it happened: UTC, as text.
        set: Properties set on the person (``$set``).
        set_once: Properties set on the person if they were not (``$set_once``).
        raw: All of it.
    """

    event: str
    distinct_id: str
    properties: Mapping[str, Any]
    uuid: str
    timestamp: str
    set: Mapping[str, Any]
    set_once: Mapping[str, Any]
    raw: Event = field(repr=False)  # The other fields say it all.

    @property
    def is_personless(self) -> bool:
        """Whether the event is about nobody, and makes no profile."""
        return self.properties.get("$process_person_profile") is False


class RecordedEvents(Sequence[RecordedEvent]):
    """Events in the order they were captured."""

    def __init__(self, events: list[RecordedEvent]) -> None:
        """Show *events*, which grows while they are recorded."""
        self._events = events

    def __len__(self) -> int:
        """Return how many were captured."""
        return len(self._events)

    @overload
    def __getitem__(self, index: int) -> RecordedEvent: ...

    @overload
    def __getitem__(self, index: slice) -> list[RecordedEvent]: ...

    def __getitem__(self, index: int | slice) -> RecordedEvent | list[RecordedEvent]:
        """Return one by its place."""
        return self._events[index]

    def __repr__(self) -> str:
        """Return the names, which is what a failing assertion should show."""
        return f"<RecordedEvents {self.names}>"

    @property
    def names(self) -> list[str]:
        """The events' names, in order."""
        return [event.event for event in self._events]

    def named(self, name: str) -> list[RecordedEvent]:
        """Return the events called *name*."""
        return [event for event in self._events if event.event == name]

    def of(self, distinct_id: str) -> list[RecordedEvent]:
        """Return the events about *distinct_id*."""
        return [event for event in self._events if event.distinct_id == distinct_id]

    def one(self, name: str) -> RecordedEvent:
        """Return the only event called *name*.

        Raises:
            AssertionError: There is none, or more than one; the message lists what there is.
        """
        found = self.named(name)
        if len(found) != 1:
            msg = f"expected one {name!r}, found {len(found)} among {self.names}"
            raise AssertionError(msg)
        return found[0]

    def clear(self) -> None:
        """Forget what was captured so far."""
        self._events.clear()


def _read(encoded: bytes) -> RecordedEvent:
    raw = loads(encoded)
    return RecordedEvent(
        event=raw["event"],
        distinct_id=raw["distinct_id"],
        properties=raw["properties"],
        uuid=raw["uuid"],
        timestamp=raw["timestamp"],
        set=raw.get("$set", {}),
        set_once=raw.get("$set_once", {}),
        raw=raw,
    )


@contextmanager
def record_events() -> Generator[RecordedEvents]:
    """Record what any client captures inside the block; none of it is sent.

    Blocks nest; the innermost records.
    """
    recorded: list[RecordedEvent] = []

    def record(encoded: bytes) -> None:
        recorded.append(_read(encoded))

    tap.open_tap(record)
    try:
        yield RecordedEvents(recorded)
    finally:
        tap.close_tap(record)
