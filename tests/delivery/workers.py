"""Workers as tests meet them: their threads, and pools of them."""

from __future__ import annotations

import threading

from posthog_web._delivery.batch import Limits
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.retry import RetryPolicy
from posthog_web._delivery.transport import Transport
from posthog_web._delivery.worker import Sender
from posthog_web._delivery.worker_pool import WorkerPool
from posthog_web._log import Notices


def own_threads() -> list[threading.Thread]:
    """Return the threads of all clients."""
    return [one for one in threading.enumerate() if one.name.startswith("posthog-web")]


def join_own_threads() -> None:
    """Wait until the threads of all clients have ended."""
    for thread in own_threads():
        thread.join(5)
        assert not thread.is_alive()


def make_pool(transport: Transport, *, size: int) -> WorkerPool:
    """Return a pool of *size* whose threads leave after a twentieth of a second without work."""
    reporter = Reporter(Notices())
    sender = Sender(
        transport=transport,
        policy=RetryPolicy(max_retries=1, max_age=10.0),
        timeout=5.0,
        reporter=reporter,
    )
    limits = Limits(
        queue_size=1_000,
        queue_bytes=1_000_000,
        flush_at=1,
        flush_interval=0.01,
        batch_size=100,
        batch_bytes=100_000,
        idle=0.05,
    )
    return WorkerPool(sender, limits, reporter, size=size, exit_budget=1.0)
