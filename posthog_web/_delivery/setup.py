"""Turns a client's options into the parts of its delivery."""

from __future__ import annotations

from posthog_web._config import ClientOptions, ingestion_host
from posthog_web._delivery.buffer import Limits
from posthog_web._delivery.crew import Crew
from posthog_web._delivery.lane import Lane
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.retry import RetryPolicy
from posthog_web._delivery.transport import HttpTransport
from posthog_web._delivery.worker import Sender

_QUEUE_BYTES = 64 * 1024 * 1024
_BYTES_PER_EVENT = 1024


def make_lane(options: ClientOptions, api_key: str, reporter: Reporter) -> Lane:
    """Return the lane of analytics events. It keeps no reference to the client."""
    reporter.host = ingestion_host(options.host)
    sender = Sender(
        transport=HttpTransport(
            url=f"{reporter.host}/batch/",
            api_key=api_key,
            historical_migration=options.historical_migration,
            compress=options.gzip,
        ),
        policy=RetryPolicy(
            max_retries=options.max_retries,
            # Nobody can be kept waiting for minutes on their own thread.
            max_age=None if options.sync_mode else options.max_event_age,
        ),
        timeout=options.timeout,
        reporter=reporter,
    )
    limits = Limits(
        queue_size=options.max_queue_size,
        queue_bytes=options.max_queue_bytes
        or max(_QUEUE_BYTES, _BYTES_PER_EVENT * options.max_queue_size),
        # A queue must be on its way before it is full.
        flush_at=min(options.flush_at, max(options.max_queue_size // 2, 1)),
        flush_interval=options.flush_interval,
        batch_size=max(options.max_batch_size, options.flush_at),
        batch_bytes=options.max_batch_bytes,
    )

    def make_crew() -> Crew:
        return Crew(
            sender,
            limits,
            reporter,
            size=0 if options.sync_mode else options.thread,
            exit_budget=options.shutdown_timeout,
        )

    return Lane(make_crew)
