"""The lanes of one client: analytics, and AI for those who use it, waited for together."""

from __future__ import annotations

import time
from collections.abc import Callable

from posthog_web._delivery.accounting import Stats, add_up
from posthog_web._delivery.lane import Lane


class Lanes:
    """A client's ways out. The one for AI events is made with the first of them (SRV-339)."""

    def __init__(self, analytics: Lane, make_ai: Callable[[], Lane]) -> None:
        """Begin with *analytics*."""
        self.analytics = analytics
        self._make_ai = make_ai
        # A dict, since setdefault decides a race, or between us and a signal handler.
        self._all: dict[str, Lane] = {"analytics": analytics}

    @property
    def ai(self) -> Lane:
        """The lane of AI events."""
        lane = self._all.get("ai")
        return lane or self._all.setdefault("ai", self._make_ai())

    @property
    def waiting(self) -> int:
        """The number of events that wait, batches under way not counted."""
        return sum(lane.buffer.waiting for lane in self._every())

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return all(lane.buffer.settled(lane.buffer.position) for lane in self._every())

    def flush(self, timeout: float, *, hurry: bool) -> bool:
        """Wait up to *timeout* seconds for all events so far; return whether all were taken.

        Without *hurry* they leave when they would have anyway.
        """
        if hurry:
            self._hurry()
        return self._one_by_one(lambda lane, left: lane.crew.flush(left, hurry=hurry), timeout)

    def close(self, timeout: float) -> bool:
        """Send what is here within *timeout* seconds, then stop for good."""
        self._hurry()
        return self._one_by_one(lambda lane, left: lane.crew.close(left), timeout)

    def retire(self) -> None:
        """Let threads finish what is here and stop, without waiting for them."""
        for lane in self._every():
            lane.retire()

    def stats(self) -> Stats:
        """Return the figures of all lanes; each is of one moment."""
        return add_up([lane.stats() for lane in self._every()])

    def _every(self) -> list[Lane]:
        return list(self._all.values())

    def _hurry(self) -> None:
        """Let all lanes send while one is waited for."""
        for lane in self._every():
            lane.crew.hurry()

    def _one_by_one(self, wait: Callable[[Lane, float], bool], timeout: float) -> bool:
        """Call *wait* with each lane and what is left of *timeout*; return whether all are well."""
        deadline = time.monotonic() + timeout
        everything = True
        for lane in self._every():
            everything &= wait(lane, max(deadline - time.monotonic(), 0.0))
        return everything
