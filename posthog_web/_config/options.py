"""Every option: its name, default, unit, check and meaning, each written once, here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from posthog_web._config import functions, kinds, lists
from posthog_web._config.kinds import Kind


def option(kind: Kind, default: Any, meaning: str, *, secret: bool = False) -> Any:  # noqa: ANN401 - as dataclasses.field
    """Return the field of an option of *kind*; a *secret* one is left out of the repr."""
    return field(default=default, repr=not secret, metadata={"kind": kind, "meaning": meaning})


SECRET_NAMES = (
    *("password", "pass_word", "passwd", "passphrase", "passcode", "pwd", "secret"),
    *("api_key", "apikey", "api-key", "access_key", "accesskey", "access-key", "private_key"),
    *("privatekey", "private-key", "signing_key", "encryption_key", "token", "credential", "jwt"),
    *("auth(?!ors?(?![a-z]))", "cookie", "csrf", "session_id", "sessionid", "session_key"),
    *("(?<![a-z])sk_", "connection_string", "connectionstring", "conn_str", "connstr", "dsn"),
    *("[?&]sig=", "signature", "card_num", "cardnum", "card-num", "credit_card", "creditcard"),
    r"(?:^|[_.-])(?:pass|pw|pin|t?otp|cvc|cvv|ssn|creds|bearer)(?:$|[_.\d-])",
    "(?:security|verification|recovery|backup|mfa|2fa|sms)[_-]?codes?",
)
"""What names of secrets hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What a client is made with."""

    # Where events go
    project_api_key: str | None = option(
        kinds.TEXT,
        None,
        "The project's key (phc_…). Without one the client does nothing.",
        secret=True,
    )
    host: str | None = option(
        kinds.HOST, None, "PostHog's address. None: https://us.i.posthog.com."
    )
    personal_api_key: str | None = option(
        kinds.TEXT,
        None,
        "A key for local evaluation of flags; never sent with events.",
        secret=True,
    )

    # Switches
    disabled: bool = option(kinds.FLAG, False, "Every call does nothing and answers None.")
    send: bool = option(
        kinds.FLAG, True, "False: events are built and pass before_send, but never leave."
    )
    debug: bool = option(kinds.FLAG, False, "Log what the client does, at level DEBUG.")
    sync_mode: bool = option(
        kinds.FLAG, False, "Send each event on the calling thread; no threads are made."
    )

    # What events carry
    super_properties: Mapping[str, Any] | None = option(
        kinds.MAPPING, None, "Properties of every event; the caller's value wins."
    )
    disable_geoip: bool = option(
        kinds.FLAG, True, "Ask PostHog not to derive a place from the address of the sender."
    )
    is_server: bool = option(kinds.FLAG, True, "Mark events as sent by a server ($is_server).")
    historical_migration: bool = option(
        kinds.FLAG, False, "Mark batches as an import of old events."
    )
    privacy_mode: bool = option(
        kinds.FLAG, False, "Leave prompts, outputs and tools out of $ai_* events."
    )
    before_send: tuple[Callable[..., Any], ...] | None = option(
        functions.HOOKS,
        None,
        "Sees each event last: returns it, changed or not, or None to drop it.",
    )

    # Queue and batches
    max_queue_size: int = option(
        kinds.whole(1), 10_000, "Events that may wait; beyond it the newest are refused."
    )
    max_queue_bytes: int | None = option(
        kinds.whole(1),
        None,
        "Bytes that may wait. None: 64 MiB, or 1 KiB for each of max_queue_size if more.",
    )
    flush_at: int = option(kinds.whole(1), 100, "Waiting events that trigger a send.")
    flush_interval: float = option(
        kinds.seconds(), 0.5, "Seconds an event waits at most before it is sent."
    )
    max_batch_size: int = option(
        kinds.whole(1), 1_000, "Events in one request at most; never below flush_at."
    )
    max_batch_bytes: int = option(
        kinds.whole(1), 1024 * 1024, "Bytes in one request at most, before compression."
    )
    gzip: bool = option(kinds.FLAG, False, "Compress requests with gzip.")
    capture_mode: Literal["v0", "v1"] = option(
        kinds.alias_of({"legacy": "v0", "analytics_v1": "v1"}, "v0", "v1"),
        "v0",
        "The protocol of events; v1 has a result for each.",
    )
    capture_compression: Literal["none", "identity", "gzip", "deflate", "zstd"] | None = option(
        kinds.COMPRESSION,
        None,
        "How v1 compresses. None: as the option gzip says. 'zstd' needs posthog-web[zstd].",
    )
    thread: int = option(kinds.whole(1), 1, "Threads that send.")

    # Patience
    timeout: float = option(kinds.seconds(above_zero=True), 15, "Seconds one request may take.")
    max_retries: int = option(
        kinds.whole(0), 3, "Further attempts after an answer that asks for one."
    )
    max_event_age: float = option(
        kinds.seconds(), 900, "Seconds a batch is kept while nobody answers at all."
    )
    flush_timeout: float = option(
        kinds.seconds(endless=True), 10, "Seconds flush() and join() wait by default."
    )
    shutdown_timeout: float = option(
        kinds.seconds(), 5, "Seconds shutdown() and the end of the process wait by default."
    )
    on_error: Callable[..., Any] | None = option(
        functions.plain_function(),
        None,
        "Called with (error) or (error, events) when events were not delivered.",
    )
    on_drop: Callable[..., Any] | None = option(
        functions.plain_function(),
        None,
        "Called with (reason, events) for events that will never arrive, on the thread that drops.",
    )

    # Exceptions
    enable_exception_autocapture: bool = option(
        kinds.FLAG,
        False,
        "Report exceptions that nothing catches, in the process, its threads and its event loops,"
        " and those that leave a context.",
    )
    capture_unraisable_exceptions: bool = option(
        kinds.FLAG,
        False,
        "With enable_exception_autocapture: also report what fails where Python cannot raise,"
        " in __del__ and the like.",
    )
    ignore_exceptions: tuple[type[BaseException] | str | Callable[..., Any], ...] = option(
        lists.EXCEPTIONS,
        (),
        "Exceptions that are not reported by themselves: classes, their dotted names, or functions"
        " that are called with the exception and return True. capture_exception reports them.",
    )
    enable_exception_autocapture_rate_limiting: bool = option(
        kinds.FLAG,
        True,
        "Report equal exceptions only so often; the next report has the number of those left out.",
    )
    exception_autocapture_bucket_size: int = option(
        kinds.whole(1), 50, "Equal exceptions that are reported one after the other at most."
    )
    exception_autocapture_refill_rate: int = option(
        kinds.whole(1), 10, "Further ones, in each exception_autocapture_refill_interval_seconds."
    )
    exception_autocapture_refill_interval_seconds: float = option(
        kinds.seconds(above_zero=True),
        10,
        "The seconds that exception_autocapture_refill_rate means.",
    )
    log_captured_exceptions: bool = option(
        kinds.FLAG, False, "Also log each exception that is captured, at level ERROR."
    )
    project_root: str | None = option(
        kinds.PATH, None, "Where the application's own code lies. None: the working directory."
    )
    in_app_modules: tuple[str, ...] = option(
        lists.TEXTS,
        (),
        "Modules that are the application's own, with all below, wherever they lie.",
    )
    capture_exception_code_variables: bool = option(
        kinds.FLAG, False, "Report the local variables of the application's own frames, masked."
    )
    code_variables_mask_patterns: tuple[str, ...] = option(
        lists.PATTERNS,
        SECRET_NAMES,
        "Regular expressions, in either case: variables, keys, attributes and texts in which one is"
        " found are masked. They replace those for passwords, tokens and their kin.",
    )
    code_variables_ignore_patterns: tuple[str, ...] = option(
        lists.PATTERNS,
        ("^__",),
        "Regular expressions, in either case: variables whose name has one are left out.",
    )
    code_variables_mask_url_credentials: bool = option(
        kinds.FLAG, True, "Mask user and password in the addresses that variables hold."
    )
    code_variables_detect_secrets: bool = option(
        kinds.FLAG, True, "Mask what looks like a key or a token, whatever it is named."
    )

    # Feature flags
    poll_interval: float = option(
        kinds.seconds(above_zero=True), 30, "Seconds between two fetches of flag definitions."
    )
    enable_local_evaluation: bool = option(
        kinds.FLAG, True, "Decide flags in this process where definitions allow it."
    )
    feature_flags_request_timeout_seconds: float = option(
        kinds.seconds(above_zero=True), 3, "Seconds one request for flags may take."
    )
    flag_fallback_cache_url: str | None = option(
        kinds.TEXT,
        None,
        "Redis address that remembers flags for when PostHog is away.",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """What an adapter is told beside the client's options."""

    capture_exceptions: bool | None = option(
        kinds.FLAG,
        None,
        "Report uncaught exceptions. None: unless enable_exception_autocapture=False was written.",
    )
    failed_request_status_codes: tuple[int, ...] = option(
        lists.STATUSES,
        tuple(range(500, 600)),
        "Statuses that make an exception a failure which the framework turned into them.",
    )
    excluded_paths: tuple[str | re.Pattern[str], ...] = option(
        lists.PATHS,
        (),
        "Requests of which nothing is captured by itself: paths with all below them, routes, or"
        " regular expressions that start with '^'. Health probes are excluded anyway.",
    )
    request_filter: Callable[[Any], Any] | None = option(
        functions.plain_function("request"),
        None,
        "Called with the request: False excludes it, as excluded_paths do.",
    )
    extra_properties: Callable[[Any, Any], Any] | None = option(
        functions.plain_function("request", "response"),
        None,
        "Called with (request, response), the response None until there is one: returns further"
        " properties of the request's events.",
    )
    client_for: Callable[[Any], Any] | None = option(
        functions.plain_function("request"),
        None,
        "Called with the request: returns the client it captures with, or None for the usual one.",
    )
    request_events: bool = option(
        kinds.FLAG, False, "Capture an event http_request when a request is over."
    )
    request_events_sample_rate: float = option(
        kinds.SHARE, 1.0, "The share of requests of which such an event is captured, from 0 to 1."
    )
    distinct_id: Callable[[Any], Any] | None = option(
        functions.plain_function("user"),
        None,
        "Called with the authenticated user: returns their id, or None for the usual one.",
    )
    trust_client_ids: bool = option(
        kinds.FLAG, True, "Use ids sent by the browser while nobody is logged in."
    )
    trusted_proxies: int | tuple[str, ...] = option(
        lists.PROXIES, 0, "Proxies in front of the application, as a count or as networks."
    )
    respect_opt_out_cookie: bool = option(
        kinds.FLAG, True, "Send nothing for browsers in which posthog-js was told to opt out."
    )
    opt_out_cookie: str | None = option(
        kinds.TEXT, None, "The name of that cookie. None: the one posthog-js uses for the key."
    )
    opt_out_by_default: bool = option(
        kinds.FLAG, False, "Send nothing for browsers that have no such cookie either."
    )
    capture_ip: Literal["full", "truncated", "off"] = option(
        kinds.one_of("full", "truncated", "off"),
        "full",
        "The client's address: whole, its network only (IPv4 /24, IPv6 /48), or none and no place.",
    )
    captured_query_params: tuple[str, ...] = option(
        lists.TEXTS, (), "Parameters of the query that $current_url shows; no others."
    )
    masked_route_params: tuple[str, ...] = option(
        lists.TEXTS, (), "Parameters of routes to hide in paths, beside token, key and their kind."
    )
    respect_gpc: bool = option(kinds.FLAG, False, "Send nothing for requests with Sec-GPC: 1.")
    respect_dnt: bool = option(kinds.FLAG, False, "Send nothing for requests with DNT: 1.")
    handle_signals: Literal["auto"] | bool = option(
        kinds.one_of("auto", True, False),
        "auto",
        "Django under ASGI: chain SIGTERM where a server has no other end.",
    )
