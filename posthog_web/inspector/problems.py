"""What a developer would want to know about an event before PostHog swallows or drops it.

Pure: takes an event as it was sent and the time it came, returns sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

NIL_UUID = "00000000-0000-0000-0000-000000000000"

# PostHog refuses these ids whatever their case: a program writes them when nobody is meant.
NOBODY = frozenset(
    {
        "0",
        NIL_UUID,
        "[object object]",
        "anonymous",
        "anonymous-user",
        "backend",
        "distinct_id",
        "distinctid",
        "email",
        "false",
        "guest",
        "id",
        "nan",
        "none",
        "not_authenticated",
        "null",
        "system",
        "true",
        "undefined",
        "user",
    }
)

LONGEST_NAME = 200

# PostHog sets the clock of an event back to now when it lies further ahead than this.
FURTHEST_FUTURE = timedelta(hours=23)

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
}

Event = Mapping[str, Any]


def find_problems(event: Event, received_at: datetime) -> tuple[str, ...]:
    """Return what is wrong with *event*, one sentence each; nothing when it is as it should be."""
    return tuple(problem for check in _CHECKS for problem in check(event, received_at))


def distinct_id_of(event: Event) -> object:
    """Return the distinct id as sent: beside the name, or (browsers) inside the properties."""
    beside = event.get("distinct_id")
    if beside is not None:
        return beside
    properties = event.get("properties")
    return properties.get("distinct_id") if isinstance(properties, Mapping) else None


def parse_uuid(value: object) -> str | None:
    """Return *value* as a canonical uuid, or None when it is not one."""
    if not isinstance(value, str):
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None


def parse_moment(value: object) -> datetime | None:
    """Return *value* as a date with its time, without a zone if it names none; or None."""
    if not isinstance(value, str) or "T" not in value.upper().replace(" ", "T", 1):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def kind_of(value: object) -> str:
    """Return in words what kind of JSON value *value* is."""
    return _KINDS.get(type(value), "an object")


def _name(event: Event, _now: datetime) -> Iterator[str]:
    name = event.get("event")
    if name is None:
        yield "The event has no name: `event` is missing."
    elif not isinstance(name, str):
        yield f"The event's name is {kind_of(name)}, not a text."
    elif not name.strip():
        yield "The event's name is empty."
    elif len(name) > LONGEST_NAME:
        yield f"The event's name has {len(name)} characters; PostHog takes {LONGEST_NAME}."


def _person(event: Event, _now: datetime) -> Iterator[str]:
    distinct_id = distinct_id_of(event)
    if distinct_id is None:
        yield "The event names nobody: `distinct_id` is missing."
    elif not isinstance(distinct_id, str):
        yield f"The distinct id is {kind_of(distinct_id)}, not a text."
    elif not distinct_id.strip():
        yield "The distinct id is empty."
    elif distinct_id.strip().lower() in NOBODY:
        yield f"The distinct id {distinct_id.strip()!r} names nobody: PostHog refuses it."
    elif len(distinct_id) > LONGEST_NAME:
        length = len(distinct_id)
        yield f"The distinct id has {length} characters; PostHog takes {LONGEST_NAME}."


def _uuid(event: Event, _now: datetime) -> Iterator[str]:
    value = event.get("uuid")
    if value is None:
        yield "The event has no `uuid`: if it is sent again it counts twice."
    elif parse_uuid(value) is None:
        yield "The event's `uuid` is not a uuid."


def _timestamp(event: Event, now: datetime) -> Iterator[str]:
    value = event.get("timestamp")
    if value is None:
        # Browsers send the distance to the moment of sending instead.
        if event.get("offset") is None:
            yield "The event has no `timestamp`: PostHog takes the time it arrives."
        return
    moment = parse_moment(value)
    if moment is None:
        yield "The event's `timestamp` is not an ISO 8601 date and time."
    elif moment.tzinfo is None:
        yield (
            "The event's `timestamp` names no time zone: protocol v0 takes it for UTC,"
            " protocol v1 drops the event."
        )
    elif moment - now > FURTHEST_FUTURE:
        yield "The event's `timestamp` is more than 23 hours ahead: PostHog replaces it."


def _properties(event: Event, _now: datetime) -> Iterator[str]:
    for key in ("properties", "$set", "$set_once"):
        value = event.get(key)
        if value is not None and not isinstance(value, Mapping):
            yield f"`{key}` is {kind_of(value)}, not an object."


def _exception(event: Event, _now: datetime) -> Iterator[str]:
    if event.get("event") != "$exception":
        return
    properties = event.get("properties")
    chain = properties.get("$exception_list") if isinstance(properties, Mapping) else None
    if not isinstance(chain, list) or not chain:
        yield "An `$exception` without `$exception_list`: PostHog cannot make an issue of it."


_CHECKS: tuple[Callable[[Event, datetime], Iterator[str]], ...] = (
    _name,
    _person,
    _uuid,
    _timestamp,
    _properties,
    _exception,
)
