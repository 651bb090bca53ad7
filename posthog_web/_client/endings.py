"""Waiting for events to leave, and the end of a client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from posthog_web._client import autocapture
from posthog_web._client.flush_after import FlushAfterVerb
from posthog_web._config import ClientOptions
from posthog_web._runtime.offload import offload

if TYPE_CHECKING:
    from posthog_web._delivery.lanes import Lanes
    from posthog_web._log import Notices

_LONGEST_PAUSE = 0.05


async def _sleep(seconds: float) -> None:
    import asyncio  # noqa: PLC0415 - whoever waits here has it; others need not load it

    await asyncio.sleep(seconds)


class Endings(FlushAfterVerb):
    """``flush``, ``join`` and ``shutdown``, and their kin for asynchronous code."""

    options: ClientOptions
    _lanes: Lanes
    _notices: Notices
    _closed: bool
    _ended_well: bool
    _update_gate: Callable[[], None]

    def flush(self, timeout: float | None = None) -> bool:
        """Send all that waits, now, and wait for it.

        Args:
            timeout: Seconds to wait at most; None: the option ``flush_timeout``.

        Returns:
            Whether PostHog took everything that was waiting. The client goes on either way.
        """
        return self._lanes.flush(self._seconds(timeout, self.options.flush_timeout), hurry=True)

    def join(self, timeout: float | None = None) -> bool:
        """Wait as ``flush`` does, but let events leave at their own pace."""
        return self._lanes.flush(self._seconds(timeout, self.options.flush_timeout), hurry=False)

    def shutdown(self, timeout: float | None = None) -> bool:
        """Send what waits, then end the client for good. Calling it again does nothing more.

        Args:
            timeout: Seconds it may take in all; None: the option ``shutdown_timeout``.

        Returns:
            Whether PostHog took everything that was waiting, the first time too. What it did not is
            dropped, counted and said.
        """
        autocapture.stop(self)
        self._closed = True
        self._update_gate()
        everything = self._lanes.close(self._seconds(timeout, self.options.shutdown_timeout))
        self._ended_well = self._ended_well and everything
        return self._ended_well

    async def aflush(self, timeout: float | None = None) -> bool:
        """Flush without blocking the event loop.

        If the task that waits is cancelled, only the waiting ends: events leave all the same.
        """
        deadline = monotonic() + self._seconds(timeout, self.options.flush_timeout)
        checkpoints = self._lanes.checkpoint()
        pause = 0.001
        while monotonic() < deadline and not all(pool.settled(one) for pool, one in checkpoints):
            if not all([pool.keep_going() for pool, _ in checkpoints]):  # noqa: C419 - all of them
                return await offload(lambda: self._lanes.wait_for(checkpoints, deadline))
            # Looking again costs less than a thread that waits, however many tasks do.
            await _sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return self._lanes.wait_for(checkpoints, 0.0)

    async def ashutdown(self, timeout: float | None = None) -> bool:
        """Shut down without blocking the event loop.

        Nothing is captured from the call on. If the task that waits is cancelled, the client ends
        all the same, within its time.
        """
        autocapture.stop(self)
        self._closed = True
        self._update_gate()
        return await offload(lambda: self.shutdown(timeout))

    def _seconds(self, timeout: object, default: float) -> float:
        if timeout is None:
            return default
        if isinstance(timeout, int | float) and timeout == timeout:  # noqa: PLR0124 - NaN is no number
            # What is left of a budget may be less than nothing, and an int beyond all floats.
            return min(max(timeout, 0.0), float(threading.TIMEOUT_MAX))
        self._notices.warn("timeout", "posthog_web: a timeout must be a number of seconds")
        return default
