"""What a developer would want to know about an event of protocol v1, beside the usual.

Pure, as `problems` is, which tells what both protocols have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from starlette.datastructures import Headers

from posthog_web.inspector.problems import Event, kind_of

# PostHog takes neither name nor version from a longer `PostHog-Sdk-Info`.
LONGEST_SDK_INFO = 200

KNOWN_FIELDS = frozenset(
    {
        "event",
        "uuid",
        "distinct_id",
        "timestamp",
        "session_id",
        "window_id",
        "options",
        "properties",
    }
)

# What stands beside `batch`; `capture_internal` is PostHog's own.
KNOWN_ENVELOPE = frozenset({"batch", "created_at", "historical_migration", "capture_internal"})

OPTIONS: Mapping[str, type] = {
    "cookieless_mode": bool,
    "disable_skew_correction": bool,
    "process_person_profile": bool,
    "product_tour_id": str,
}

# Properties that protocol v1 has another place for.
MOVED = {
    "$lib": "the header `PostHog-Sdk-Info`",
    "$lib_version": "the header `PostHog-Sdk-Info`",
    "$session_id": "`session_id`, beside the properties",
    "$window_id": "`window_id`, beside the properties",
    "distinct_id": "`distinct_id`, beside the properties",
    "$cookieless_mode": "`options.cookieless_mode`",
    "$ignore_sent_at": "`options.disable_skew_correction`",
    "$process_person_profile": "`options.process_person_profile`",
    "$product_tour_id": "`options.product_tour_id`",
}

_ELSEWHERE = {
    "api_key": "the key stands in the header `Authorization`",
    "token": "the key stands in the header `Authorization`",
    "sent_at": "the time of sending stands in the header `PostHog-Request-Timestamp`",
}


def find_v1_problems(event: Event) -> tuple[str, ...]:
    """Return what is wrong with *event* as one of protocol v1, one sentence each."""
    return tuple(problem for check in _CHECKS for problem in check(event))


def find_envelope_problems(payload: Mapping[str, Any], headers: Headers) -> tuple[str, ...]:
    """Return what is wrong with the request that carries the batch *payload*."""
    return (*_body(payload), *_headers(headers))


def read_sdk_info(value: str) -> str:
    """Return name and version of the library that *value* names; empty if PostHog finds none."""
    name, _, version = value.rpartition("/")
    is_usable = len(value) <= LONGEST_SDK_INFO and name.strip() and version.strip()
    return f"{name.strip()} {version.strip()}" if is_usable else ""


def _body(payload: Mapping[str, Any]) -> Iterator[str]:
    for name in payload:
        if name not in KNOWN_ENVELOPE:
            reason = _ELSEWHERE.get(name, "PostHog overlooks it")
            yield f"The body has `{name[:40]}`, which protocol v1 does not know: {reason}."
    historical = payload.get("historical_migration", False)
    if not isinstance(historical, bool):
        yield f"`historical_migration` is {kind_of(historical)}, not a boolean."


def _headers(headers: Headers) -> Iterator[str]:
    if headers.get("Content-Encoding", "").strip().lower() == "identity":
        yield "PostHog does not know `Content-Encoding: identity`: it answers 415."
    if not read_sdk_info(headers.get("PostHog-Sdk-Info", "")):
        yield (
            f"`PostHog-Sdk-Info` is no `name/version` of up to {LONGEST_SDK_INFO} characters:"
            " PostHog cannot set `$lib`."
        )


def _fields(event: Event) -> Iterator[str]:
    for name in event:
        if name in {"$set", "$set_once"}:
            yield f"`{name}` stands beside the properties: protocol v1 reads it inside them."
        elif name not in KNOWN_FIELDS:
            yield f"`{name[:40]}` beside the properties means nothing in protocol v1."
    for name in ("session_id", "window_id"):
        value = event.get(name)
        if value is not None and not isinstance(value, str):
            yield f"`{name}` is {kind_of(value)}, not a text."


def _options(event: Event) -> Iterator[str]:
    options = event.get("options")
    if options is None:
        yield "The event has no `options`; without any they are `{}`."
    elif not isinstance(options, Mapping):
        yield f"`options` is {kind_of(options)}, not an object: PostHog drops the event."
    else:
        for name, value in options.items():
            yield from _option(name, value)


def _option(name: str, value: object) -> Iterator[str]:
    kind = OPTIONS.get(name)
    if kind is None:
        yield f"PostHog has no option `{name[:40]}`."
    elif not isinstance(value, kind):
        wanted = "a boolean" if kind is bool else "a text"
        yield f"The option `{name}` is {kind_of(value)}, not {wanted}."


def _properties(event: Event) -> Iterator[str]:
    properties = event.get("properties")
    if properties is None:
        yield "The event has no `properties`; without any they are `{}`."
    if not isinstance(properties, Mapping):
        return
    for name, place in MOVED.items():
        if name in properties:
            yield f"`{name}` is among the properties; in protocol v1 its place is {place}."
    for name in ("$set", "$set_once"):
        if name in properties and not isinstance(properties[name], Mapping):
            yield f"`{name}` is {kind_of(properties[name])}, not an object."


_CHECKS: tuple[Callable[[Event], Iterator[str]], ...] = (_fields, _options, _properties)
