"""The package's one logger, and warnings that do not repeat themselves.

No line written here ever holds a key, a payload or the message of somebody's exception.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

logger = logging.getLogger("posthog_web")
logger.addHandler(logging.NullHandler())

# Long enough not to flood a log during an outage, short enough to be seen while it lasts.
REPEAT_AFTER = 30.0

# Sites are places in the code, and some types of values; this is far more than there are.
MAX_SITES = 1000


class Notices:
    """Says a thing when it first happens, then at most every so often, with the count between.

    One instance belongs to one client. Safe to call from any thread or signal handler: the worst
    a race can do is to say a thing twice.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing said; *clock* returns monotonic seconds."""
        self._clock = clock
        self._quiet_until: dict[str, float] = {}
        self._held_back: dict[str, int] = {}
        self._kept: dict[str, tuple[int, str, tuple[object, ...], int]] = {}

    def once(self, site: str, message: str, *values: object, level: int = logging.WARNING) -> None:
        """Log *message* the first time *site* says anything, and never again."""
        self._say(site, level, math.inf, message, values)

    def warn(self, site: str, message: str, *values: object, count: int = 1) -> None:
        """Log *message* now or, within REPEAT_AFTER seconds of the last one, only count it."""
        self._say(site, logging.WARNING, REPEAT_AFTER, message, values, count)

    def _say(
        self,
        site: str,
        level: int,
        interval: float,
        message: str,
        values: tuple[object, ...],
        count: int = 1,
    ) -> None:
        now = self._clock()
        if now < self._quiet_until.get(site, -math.inf):
            self._held_back[site] = self._held_back.get(site, 0) + count
            if interval != math.inf:
                self._kept[site] = (level, message, values, count)
            return
        if len(self._quiet_until) >= MAX_SITES:
            self._quiet_until.clear()
        self._quiet_until[site] = now + interval
        self._kept.pop(site, None)
        _write_with(self._held_back.pop(site, 0), level, message, values)

    def say_rest(self, *sites: str) -> None:
        """Log what *sites* have held back: at the end of a process there is no later."""
        for site in sites:
            if site in self._kept:
                level, message, values, count = self._kept.pop(site)
                _write_with(self._held_back.pop(site, 0) - count, level, message, values)


def _write_with(more: int, level: int, message: str, values: tuple[object, ...]) -> None:
    if more > 0:
        message, values = f"{message} (and %d more since the last warning)", (*values, more)
    write(level, message, *values)


def write(level: int, message: str, *values: object) -> None:
    """Log, whatever the application's handlers do: one that raises must not stop what we do."""
    with suppress(Exception):
        logger.log(level, message, *values)
