"""Events that travel together, and how many may."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from uuid import uuid4

from posthog_web._delivery.retry import Attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may wait, and how much goes into one request.

    Attributes:
        queue_size: Events that may wait.
        queue_bytes: Bytes that may wait.
        flush_at: Waiting events that trigger a send.
        flush_interval: Seconds the oldest event waits at most.
        batch_size: Events in one request at most.
        batch_bytes: Bytes in one request at most (one larger event still travels alone).
        idle: Seconds without work after which a worker may stop.
    """

    queue_size: int
    queue_bytes: int
    flush_at: int
    flush_interval: float
    batch_size: int
    batch_bytes: int
    idle: float = 60.0


@dataclass(eq=False, slots=True, kw_only=True)
class Batch:
    """Events taken for one request, and for all further tries of it.

    Attributes:
        events: The JSON of each.
        born: When it was taken, in monotonic seconds.
        position: Nothing in it was accepted before this position.
        attempts: How often it was tried.
        request_id: Names it to the server, whichever attempt that is.
        created_at: When it was taken, in nanoseconds since the epoch.
    """

    events: list[bytes]
    born: float
    position: int = 0
    attempts: Attempts = field(default_factory=Attempts)
    request_id: str = field(default_factory=lambda: str(uuid4()))
    created_at: int = field(default_factory=time.time_ns)

    @property
    def size(self) -> int:
        """The bytes of its events."""
        return sum(map(len, self.events))

    def halve(self) -> Batch:
        """Give away the second half, as a batch that was never tried."""
        middle = (len(self.events) + 1) // 2
        rest = Batch(events=self.events[middle:], born=self.born, position=self.position)
        self.events = self.events[:middle]
        self.attempts = Attempts()
        self.request_id = str(uuid4())
        return rest
