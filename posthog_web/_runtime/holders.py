"""Those in this process who hold events: watched, weakly, from their first moment."""

from __future__ import annotations

import os
import weakref
from functools import partial
from typing import Protocol


class Holder(Protocol):
    """What the end of a process needs of whoever holds events."""

    pid: int
    exit_budget: float

    def hurry(self) -> None:
        """Start sending all that waits, without waiting for it."""

    @property
    def unsettled(self) -> int:
        """The number of events that were neither sent nor dropped yet."""

    def flush(self, timeout: float) -> bool:
        """Send what is left within *timeout* seconds; keep the rest."""

    def finish(self, deadline: float) -> bool:
        """Send what is left until *deadline* (monotonic); give up the rest and say so."""

    def stop_idle_threads(self) -> None:
        """Let threads end that have nothing to do, without waiting for them."""

    def join(self, deadline: float) -> None:
        """Wait until *deadline* (monotonic) for threads that end."""


# A dict, since the list of its values is taken in one step, whatever threads and signals do.
_holders: dict[int, weakref.ref[Holder]] = {}


def add(holder: Holder) -> None:
    """List *holder* for as long as it lives."""
    key = id(holder)
    _holders[key] = weakref.ref(holder, partial(_forget, key))


def _forget(key: int, gone: weakref.ref[Holder]) -> None:
    if _holders.get(key) is gone:
        _holders.pop(key, None)


def clear() -> None:
    """Begin with nobody, in the child of a fork."""
    _holders.clear()


def ours() -> list[Holder]:
    """Return the holders of this process; without fork hooks, a parent's are listed too."""
    listed = [reference() for reference in list(_holders.values())]
    return [one for one in listed if one is not None and one.pid == os.getpid()]
