"""How often equal exceptions are reported: a token bucket for each, in bounded number.

An error that every request runs into would otherwise be most of what a site sends, while it is at
its busiest. What is left out is counted, and the next report tells how many there were.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from posthog_web._exceptions.anatomy import traceback_of
from posthog_web._exceptions.files import Files
from posthog_web._exceptions.message import module_name, name_of, type_name

MAX_FINGERPRINTS = 1000

Fingerprint = tuple[str, str, int]
"""The type of an exception, and the file and line it came from."""

# Whoever reports stands before these: what is logged comes through our handler.
_BETWEEN = (__name__.partition(".")[0], "logging")


def fingerprint_of(error: BaseException | None, files: Files) -> Fingerprint:
    """Return what makes reports equal: their type and origin; the caller, if it was not raised.

    The origin is the last line that is no library's: they raise for all who call them.
    """
    name = f"{module_name(type(error))}.{type_name(type(error))}"
    trace = None if error is None else traceback_of(error)
    if trace is None:
        caller = _caller()
        return (name, caller.f_code.co_filename, caller.f_lineno)
    origin = last = trace
    while last.tb_next is not None:
        last = last.tb_next
        if not files.is_library(last.tb_frame):
            origin = last
    if origin is trace and files.is_library(trace.tb_frame):
        origin = last
    return (name, origin.tb_frame.f_code.co_filename, origin.tb_lineno)


def _caller() -> FrameType:
    """Return the frame that called into this package, or logged."""
    frame = sys._getframe()  # noqa: SLF001 - the only way to the stack
    while frame.f_back is not None and _is_between(frame.f_globals):
        frame = frame.f_back
    return frame


def _is_between(namespace: dict[str, Any]) -> bool:
    # dict.get: exec() takes a subclass of dict, which may do anything when asked.
    return (name_of(dict.get(namespace, "__name__")) or "").partition(".")[0] in _BETWEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many equal reports may go.

    Attributes:
        size: One after the other.
        refill: Further ones in each *interval*.
        interval: Seconds.
    """

    size: int
    refill: int
    interval: float


@dataclass(slots=True, kw_only=True)
class _Bucket:
    tokens: float
    as_of: float
    left_out: int = 0


class Storms:
    """Decides which reports go.

    It takes no lock, so that a signal handler or a fork never finds one taken. The worst a race can
    do is to let one more go, or to lose one of the count.
    """

    def __init__(self, limit: Limit | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets, or without a *limit*; *clock* returns monotonic seconds."""
        self._limit = limit
        self._clock = clock
        # The one asked for last is at the end.
        self._buckets: dict[Fingerprint, _Bucket] = {}

    def __len__(self) -> int:
        """Return how many kinds of exceptions are remembered."""
        return len(self._buckets)

    def admit(self, fingerprint: Fingerprint) -> int | None:
        """Return how many were left out since the last report; None if this one is, too."""
        if self._limit is None:
            return 0
        bucket = self._refilled(fingerprint, self._limit)
        if bucket.tokens < 1:
            bucket.left_out += 1
            return None
        bucket.tokens -= 1
        left_out, bucket.left_out = bucket.left_out, 0
        return left_out

    def _refilled(self, fingerprint: Fingerprint, limit: Limit) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.pop(fingerprint, None)
        if bucket is None:
            bucket = _Bucket(tokens=limit.size, as_of=now)
            self._make_room()
        self._buckets[fingerprint] = bucket
        gained = (now - bucket.as_of) * limit.refill / limit.interval
        bucket.tokens = min(bucket.tokens + gained, limit.size)
        bucket.as_of = now
        return bucket

    def take_back(self, fingerprint: Fingerprint, left_out: int) -> None:
        """Undo an admission: the report was refused elsewhere."""
        if (bucket := self._buckets.get(fingerprint)) is not None:
            bucket.tokens += 1
            bucket.left_out += left_out

    def _make_room(self) -> None:
        """Forget the bucket that was not asked for longest, if there are too many."""
        while len(self._buckets) >= MAX_FINGERPRINTS:
            try:
                del self._buckets[next(iter(self._buckets))]
            except (KeyError, RuntimeError, StopIteration):  # another thread is at it
                return
