"""Reads and answers protocol v1: `POST /i/v1/analytics/events`.

Pure, as `ingestion` is for protocol v0. What PostHog refuses as a whole raises `Refusal`; what it
drops or overlooks is a problem of the event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.datastructures import Headers

from posthog_web.inspector.envelope import is_personal, read_envelope
from posthog_web.inspector.ingestion import Delivery, ReceivedEvent, read_json, receive
from posthog_web.inspector.problems import kind_of, parse_moment, parse_uuid
from posthog_web.inspector.refusal import Refusal
from posthog_web.inspector.v1_problems import (
    find_envelope_problems,
    find_v1_problems,
    read_sdk_info,
)

REQUEST_ID = "PostHog-Request-Id"

REQUIRED_HEADERS = (
    "Content-Type",
    "User-Agent",
    "PostHog-Sdk-Info",
    "PostHog-Attempt",
    REQUEST_ID,
    "PostHog-Request-Timestamp",
)

_REQUIRED_TEXTS = ("event", "uuid", "distinct_id", "timestamp")

_ERROR_URI = "https://posthog.com/docs/api"

# PostHog's tags, where its older endpoints have another code for the same.
_TAGS = {"invalid_payload": "request_parsing_error"}


def read_v1_batch(plain: bytes, headers: Headers, received_at: datetime) -> Delivery:
    """Return what one delivery brought.

    Raises:
        Refusal: The body is not a batch of events PostHog would look at one by one (400).
    """
    if not plain:
        raise Refusal(400, "empty_body", "The request body is empty.")
    payload = read_json(plain)
    events = _events_in(payload)
    library = read_sdk_info(headers["PostHog-Sdk-Info"])
    shared = find_envelope_problems(payload, headers)
    return Delivery(
        events=tuple(_receive(event, received_at, library, shared) for event in events),
        envelope=read_envelope(payload),
    )


def check_headers(headers: Headers) -> None:
    """Make sure that *headers* are those PostHog asks for.

    Raises:
        Refusal: The key is missing or not a project's (401), another header is missing or
            impossible (400), or the body is not JSON (415).
    """
    if "Authorization" not in headers:
        detail = "The request has no `Authorization: Bearer <project key>`."
        raise Refusal(401, "missing_authorization", detail)
    missing = [name for name in REQUIRED_HEADERS if name not in headers]
    if missing:
        detail = f"The request is missing required headers: {', '.join(missing)}."
        raise Refusal(400, "missing_required_headers", detail)
    _check_key(headers["Authorization"])
    media_type = headers["Content-Type"].partition(";")[0].strip().lower()
    if media_type != "application/json":
        detail = "`Content-Type` must be application/json."
        raise Refusal(415, "unsupported_content_type", detail)
    for name, is_possible, meaning in _HEADER_RULES:
        if not is_possible(headers[name]):
            raise Refusal(400, "invalid_header_value", f"`{name}` must be {meaning}.")


def v1_error_body(refusal: Refusal) -> dict[str, str]:
    """Return the JSON that tells *refusal*."""
    return {
        "error": _TAGS.get(refusal.code, refusal.code),
        "error_description": refusal.detail,
        "error_uri": _ERROR_URI,
    }


def echo(headers: Headers) -> dict[str, str]:
    """Return the headers every answer repeats from the request."""
    return {REQUEST_ID: headers[REQUEST_ID]} if REQUEST_ID in headers else {}


def _events_in(payload: object) -> list[Mapping[str, Any]]:
    if not isinstance(payload, Mapping) or not isinstance(payload.get("batch"), list):
        detail = 'The body is no `{"created_at": …, "batch": [event, …]}`.'
        raise Refusal(400, "request_parsing_error", detail)
    if not isinstance(payload.get("created_at"), str):
        raise Refusal(400, "request_parsing_error", "The body has no `created_at`, a text.")
    events: list[Any] = payload["batch"]
    if not events:
        raise Refusal(400, "empty_batch", "The `batch` is empty.")
    if not _is_moment(payload["created_at"]):
        raise Refusal(400, "invalid_batch", "`created_at` is not an RFC 3339 date and time.")
    seen: set[str] = set()
    for position, event in enumerate(events):
        seen.add(_check_event(position, event, seen))
    return events


def _check_event(position: int, event: object, seen: set[str]) -> str:
    if not isinstance(event, Mapping):
        detail = f"Event {position} of `batch` is no object."
        raise Refusal(400, "request_parsing_error", detail)
    for name in _REQUIRED_TEXTS:
        if not isinstance(event.get(name), str):
            found = kind_of(event[name]) if name in event else "missing"
            detail = f"`{name}` of event {position} must be a text; it is {found}."
            raise Refusal(400, "request_parsing_error", detail)
    uuid = parse_uuid(event["uuid"])
    if uuid is None:
        raise Refusal(400, "invalid_event_uuid", f"`uuid` of event {position} is not a uuid.")
    if uuid in seen:
        raise Refusal(400, "duplicate_event_uuid", f"The batch has the uuid {uuid} twice.")
    return uuid


def _check_key(authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        detail = "`Authorization` must be `Bearer <project key>`."
        raise Refusal(400, "invalid_header_value", detail)
    if is_personal(key):
        detail = "The bearer is a personal key (phx_…); capturing takes the project's (phc_…)."
        raise Refusal(401, "invalid_api_token", detail)


def _receive(
    event: Mapping[str, Any], received_at: datetime, library: str, shared: Sequence[str]
) -> ReceivedEvent:
    received = receive(event, received_at)
    options = event.get("options")
    return replace(
        received,
        library=library,
        personless=isinstance(options, Mapping) and options.get("process_person_profile") is False,
        problems=(*received.problems, *find_v1_problems(event), *shared),
    )


def _is_moment(text: str) -> bool:
    moment = parse_moment(text)
    return moment is not None and moment.tzinfo is not None


def _is_uuid(text: str) -> bool:
    return parse_uuid(text) is not None


def _is_positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:11]) < 2**32


_HEADER_RULES = (
    (REQUEST_ID, _is_uuid, "a uuid"),
    ("PostHog-Attempt", _is_positive, "a whole number from 1"),
    ("PostHog-Request-Timestamp", _is_moment, "an RFC 3339 date and time"),
)
