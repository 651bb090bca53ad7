"""The lanes of one client: analytics, and AI for those who use it, waited for together."""

from __future__ import annotations

import time
from collections.abc import Callable

from posthog_web._delivery.accounting import Stats, add_up
from posthog_web._delivery.lane import Lane
from posthog_web._delivery.worker_pool import Checkpoint, WorkerPool

Checkpoints = list[tuple[WorkerPool, Checkpoint]]
"""What somebody waits for, on each lane."""


class Lanes:
    """A client's ways out. The one for AI events is made with the first of them (SRV-339)."""

    def __init__(self, analytics: Lane, make_ai: Callable[[], Lane]) -> None:
        """Begin with *analytics*."""
        self.analytics = analytics
        self._make_ai = make_ai
        # A dict, since setdefault decides a race, or between us and a signal handler.
        self._all: dict[str, Lane] = {"analytics": analytics}
        self._ends: float | None = None

    @property
    def ai(self) -> Lane:
        """The lane of AI events."""
        lane = self._all.get("ai")
        if lane is None:
            lane = self._all.setdefault("ai", self._make_ai())
            if self._ends is not None:
                # Made by a capture that was under way when the client was shut down.
                lane.buffer.close(self._ends)
        return lane

    @property
    def waiting(self) -> int:
        """The number of events that wait, batches under way not counted."""
        return sum(lane.waiting for lane in self._every())

    def flush(self, timeout: float, *, hurry: bool) -> bool:
        """Wait up to *timeout* seconds for all events so far; return whether all were taken.

        Without *hurry* they leave when they would have anyway.
        """
        return self.wait_for(self.checkpoint(hurry=hurry), time.monotonic() + timeout)

    def checkpoint(self, *, hurry: bool = True) -> Checkpoints:
        """Return what a wait that begins now is for, on each lane."""
        pools = [lane.pool for lane in self._every()]
        return [(pool, pool.checkpoint(hurry=hurry)) for pool in pools]

    def wait_for(self, checkpoints: Checkpoints, deadline: float) -> bool:
        """Wait for what *checkpoints* are for until *deadline*; return whether all was taken."""
        # A list: each is waited for, whatever became of the one before.
        return all([pool.wait_for(one, deadline) for pool, one in checkpoints])  # noqa: C419 - see above

    def close(self, timeout: float) -> bool:
        """Send what is here within *timeout* seconds, then stop for good."""
        deadline = time.monotonic() + timeout
        self._ends = deadline
        checkpoints = self.checkpoint()
        return all([pool.close(one, deadline) for pool, one in checkpoints])  # noqa: C419 - as above

    def retire(self) -> None:
        """Let threads finish what is here and stop, without waiting for them."""
        for lane in self._every():
            lane.retire()

    def stats(self) -> Stats:
        """Return the figures of all lanes; each is of one moment."""
        return add_up([lane.stats() for lane in self._every()])

    def _every(self) -> list[Lane]:
        return list(self._all.values())
