"""Names for the shapes that cross the public surface, for annotations in your own code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, TypedDict
from uuid import UUID

from posthog_web.errors import DeliveryError

DistinctId: TypeAlias = str | int | UUID
"""Who an event is about. Numbers and UUIDs are sent as text."""

Moment: TypeAlias = datetime | date | str
"""When something happened: a datetime or date (UTC without a zone), or ISO 8601 text."""

Event: TypeAlias = dict[str, Any]
"""An event as it goes over the wire, and as ``before_send`` and ``on_error`` see it."""

Properties: TypeAlias = Mapping[str, Any]
"""Properties of an event, a person or a group. Any value is accepted."""

BeforeSend: TypeAlias = Callable[[Event], Event | None]
"""Returns the event to send, changed or not, or None to drop it."""

OnError: TypeAlias = (
    Callable[[DeliveryError], object] | Callable[[DeliveryError, Sequence[Event]], object]
)
"""Told when events could not be delivered; takes the error, and the events if it wants them."""


DropReason: TypeAlias = Literal[
    "before_send",
    "closed",
    "given_up",
    "invalid_event",
    "opted_out",
    "queue_full",
    "rate_limited",
    "refused",
    "send_is_off",
    "too_large",
    "unsent_at_exit",
]
"""Why a call made no event, or an event will never arrive.

The keys of ``declined`` and ``dropped`` in ``client.stats()``.
"""

OnDrop: TypeAlias = Callable[[DropReason, Sequence[Event]], object]
"""Told of events that will never arrive: why, and which (decoded when looked at)."""


IgnoredException: TypeAlias = type[BaseException] | str | Callable[[BaseException], object]
"""An exception that is not reported by itself: its class, its dotted name, or who judges it."""


class ClientArguments(TypedDict, total=False):
    """What ``Client(...)`` accepts by keyword beside its key and host.

    Meanings, units and defaults: ``posthog_web/_config/options.py``.
    """

    api_key: str | None
    before_send: BeforeSend | Sequence[BeforeSend] | None
    capture_compression: Literal["none", "identity", "gzip", "deflate", "zstd"] | None
    capture_mode: Literal["v0", "v1", "legacy", "analytics_v1"] | None
    capture_exception_code_variables: bool | None
    capture_unraisable_exceptions: bool | None
    code_variables_detect_secrets: bool | None
    code_variables_ignore_patterns: Sequence[str] | None
    code_variables_mask_patterns: Sequence[str] | None
    code_variables_mask_url_credentials: bool | None
    debug: bool | None
    disable_geoip: bool | None
    disabled: bool | None
    enable_exception_autocapture: bool | None
    enable_exception_autocapture_rate_limiting: bool | None
    enable_local_evaluation: bool | None
    exception_autocapture_bucket_size: int | None
    exception_autocapture_refill_interval_seconds: float | None
    exception_autocapture_refill_rate: int | None
    feature_flags_request_timeout_seconds: float | None
    flag_fallback_cache_url: str | None
    flush_at: int | None
    flush_interval: float | None
    flush_timeout: float | None
    gzip: bool | None
    historical_migration: bool | None
    ignore_exceptions: Sequence[IgnoredException] | None
    in_app_modules: Sequence[str] | None
    is_server: bool | None
    log_captured_exceptions: bool | None
    max_batch_bytes: int | None
    max_batch_size: int | None
    max_event_age: float | None
    max_queue_bytes: int | None
    max_queue_size: int | None
    max_retries: int | None
    on_drop: OnDrop | None
    on_error: OnError | None
    personal_api_key: str | None
    poll_interval: float | None
    privacy_mode: bool | None
    project_root: str | os.PathLike[str] | None
    send: bool | None
    shutdown_timeout: float | None
    super_properties: Properties | None
    sync_mode: bool | None
    thread: int | None
    timeout: float | None


class AdapterArguments(ClientArguments, total=False):
    """What ``FlaskPosthog(...)`` and the ASGI ``PosthogMiddleware(...)`` accept by keyword."""

    project_api_key: str | None
    host: str | None
    capture_exceptions: bool | None
    capture_ip: Literal["full", "truncated", "off"] | None
    captured_query_params: Sequence[str] | None
    client_for: Callable[[Any], Any] | None
    distinct_id: Callable[[Any], Any] | None
    excluded_paths: Sequence[str | re.Pattern[str]] | None
    extra_properties: Callable[[Any, Any], Any] | None
    failed_request_status_codes: Collection[int] | str | None
    handle_signals: Literal["auto"] | bool | None
    masked_route_params: Sequence[str] | None
    opt_out_by_default: bool | None
    opt_out_cookie: str | None
    request_events: bool | None
    request_events_sample_rate: float | None
    request_filter: Callable[[Any], Any] | None
    respect_dnt: bool | None
    respect_gpc: bool | None
    respect_opt_out_cookie: bool | None
    trust_client_ids: bool | None
    trusted_proxies: int | Sequence[str] | None
