"""How much of a report the variables may take, and how much of a thread's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is told of variables.

    Attributes:
        event: Characters in one event.
        least: Characters that a frame may have as long as the event has any left.
        value: Characters of one value.
        variables: Variables of one frame.
        frames: Frames of one event.
        nodes: Values within one value.
        depth: Values within each other.
        seconds: Processor time that the reading of one event's variables takes.
    """

    event: int = 10 * 1024
    least: int = 1024
    value: int = 1024
    variables: int = 50
    frames: int = 50
    nodes: int = 100
    depth: int = 12
    seconds: float = 0.008


LIMITS = Limits()


class Stopwatch:
    """The time that the reading of one event may take, and has taken."""

    __slots__ = ("_clock", "_interrupted", "_last", "_left", "_long")

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._left = seconds
        self._long = seconds / 2
        self._interrupted = False
        self._last = 0.0

    def start(self) -> None:
        """Count from now on."""
        self._last = self._clock()

    def is_over(self) -> bool:
        """Count what has passed, and return whether nothing is left."""
        now = self._clock()
        passed, self._last = now - self._last, now
        # One step is one value. What takes that long is an interruption, such as a collection of
        # garbage, and no reason to tell of nothing. Once.
        if passed > self._long and not self._interrupted:
            self._interrupted = True
            passed = 0
        self._left -= passed
        return self._left <= 0
