"""How often equal exceptions are reported: a token bucket for each, in bounded number.

An error that every request runs into would otherwise be most of what a site sends, while it is at
its busiest. What is left out is counted, and the next report tells how many there were.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, repeat
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


class _Bucket:
    """What equal reports have left. A step that counts is a single one, which no thread splits."""

    __slots__ = ("_as_of", "_left_out", "_limit", "_tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._tokens: deque[None] = deque(repeat(None, limit.size), maxlen=limit.size)
        self._as_of = now
        self._left_out = count()

    def take(self, now: float) -> int | None:
        self._refill(now)
        try:
            self._tokens.pop()
        except IndexError:
            next(self._left_out)
            return None
        left_out, self._left_out = self._left_out, count()
        return next(left_out)

    def _refill(self, now: float) -> None:
        rate = self._limit.refill / self._limit.interval
        gained = int((now - self._as_of) * rate)
        if gained > 0:
            self._as_of += gained / rate
            self._tokens.extend(repeat(None, min(gained, self._limit.size)))

    def give_back(self, left_out: int) -> None:
        self._tokens.append(None)
        self._left_out = count(next(self._left_out) + left_out)


class Storms:
    """Decides which reports go.

    It takes no lock, so that a signal handler or a fork never finds one taken. Threads that report
    in the same instant may get a refill twice, or lose the count of what one of them left out.
    """

    def __init__(self, limit: Limit | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets, or without a *limit*; *clock* returns monotonic seconds."""
        self._limit = limit
        self._clock = clock
        self._buckets: dict[Fingerprint, _Bucket] = {}

    def admit(self, fingerprint: Fingerprint) -> int | None:
        """Return how many were left out since the last report; None if this one is, too."""
        if self._limit is None:
            return 0
        now = self._clock()
        bucket = self._buckets.get(fingerprint)
        if bucket is None:
            self._make_room()
            bucket = self._buckets.setdefault(fingerprint, _Bucket(self._limit, now))
        return bucket.take(now)

    def take_back(self, fingerprint: Fingerprint, left_out: int) -> None:
        """Undo an admission: the report was refused elsewhere."""
        if (bucket := self._buckets.get(fingerprint)) is not None:
            bucket.give_back(left_out)

    def _make_room(self) -> None:
        """Forget the bucket that is there longest, if there are too many."""
        while len(self._buckets) >= MAX_FINGERPRINTS:
            try:
                self._buckets.pop(next(iter(self._buckets)), None)
            except (RuntimeError, StopIteration):  # another thread is at it
                return
