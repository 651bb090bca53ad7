"""Turns a client's options into the parts of its delivery."""

from __future__ import annotations

from posthog_web._config import ClientOptions, ingestion_host, without_credentials
from posthog_web._delivery.batch import Limits
from posthog_web._delivery.compression import compressor
from posthog_web._delivery.lane import Lane
from posthog_web._delivery.lanes import Lanes
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.retry import RetryPolicy
from posthog_web._delivery.transport import HttpTransport
from posthog_web._delivery.wire import Wire, WireV0
from posthog_web._delivery.wire_v1 import WireV1
from posthog_web._delivery.worker import Sender
from posthog_web._delivery.worker_pool import WorkerPool

_KIB = 1024
_MIB = 1024 * _KIB
_QUEUE_BYTES = 64 * _MIB
_BYTES_PER_EVENT = _KIB

# The largest event PostHog takes, and what an AI batch aims at (protocol §1.4, SRV-344).
_LARGEST_EVENT = 900 * _KIB
_LARGEST_AI_EVENT = 8 * _MIB
_AI_BATCH_BYTES = 5 * _MIB


def make_lanes(options: ClientOptions, api_key: str, reporter: Reporter) -> Lanes:
    """Return the lanes of a client. They keep no reference to it."""
    host = ingestion_host(options.host)
    reporter.host = without_credentials(host)
    migration = options.historical_migration
    wire: Wire
    if options.capture_mode == "v1":
        wire = WireV1(api_key=api_key, historical_migration=migration)
        encoding = encoding_v1(options)
    else:
        wire = WireV0(api_key=api_key, historical_migration=migration)
        encoding = encoding_v0(options)

    def make_ai() -> Lane:
        # AI events know no v1 (protocol §1.6).
        ai = WireV0(api_key=api_key, historical_migration=migration, path="/i/v0/ai/batch/")
        limits = _limits(options, batch_bytes=max(_AI_BATCH_BYTES, options.max_batch_bytes))
        return _make_lane(
            options, host, ai, encoding_v0(options), limits, _LARGEST_AI_EVENT, reporter
        )

    limits = _limits(options, batch_bytes=options.max_batch_bytes)
    analytics = _make_lane(options, host, wire, encoding, limits, _LARGEST_EVENT, reporter)
    return Lanes(analytics, make_ai)


def encoding_v1(options: ClientOptions) -> str | None:
    """Return how bodies are compressed for v1: as chosen, else with gzip if that is on."""
    chosen = options.capture_compression or ("gzip" if options.gzip else "none")
    return None if chosen in {"none", "identity"} else chosen


def encoding_v0(options: ClientOptions) -> str | None:
    """Return how bodies are compressed for v0, which knows gzip alone (protocol §1.2)."""
    return None if encoding_v1(options) is None else "gzip"


def _limits(options: ClientOptions, *, batch_bytes: int) -> Limits:
    return Limits(
        queue_size=options.max_queue_size,
        queue_bytes=options.max_queue_bytes
        or max(_QUEUE_BYTES, _BYTES_PER_EVENT * options.max_queue_size),
        # A queue must be on its way before it is full.
        flush_at=min(options.flush_at, max(options.max_queue_size // 2, 1)),
        flush_interval=options.flush_interval,
        batch_size=max(options.max_batch_size, options.flush_at),
        batch_bytes=batch_bytes,
    )


def _make_lane(
    options: ClientOptions,
    host: str,
    wire: Wire,
    encoding: str | None,
    limits: Limits,
    largest_event: int,
    reporter: Reporter,
) -> Lane:
    sender = Sender(
        transport=HttpTransport(
            host=host,
            wire=wire,
            encoding=encoding,
            compress=None if encoding is None else compressor(encoding),
        ),
        policy=RetryPolicy(
            max_retries=options.max_retries,
            # Nobody can be kept waiting for minutes on their own thread.
            max_age=None if options.sync_mode else options.max_event_age,
            asks_again=wire.asks_again,
        ),
        timeout=options.timeout,
        reporter=reporter,
    )

    def make_pool() -> WorkerPool:
        return WorkerPool(
            sender,
            limits,
            reporter,
            size=0 if options.sync_mode else options.thread,
            exit_budget=options.shutdown_timeout,
        )

    return Lane(make_pool, largest_event)
