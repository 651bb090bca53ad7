"""Reads what a PostHog library sent: bytes in, events out.

Pure: no clock, no store, no server. What cannot be read raises `Refusal`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from posthog_web.inspector.envelope import is_personal, read_envelope
from posthog_web.inspector.problems import distinct_id_of, find_problems, parse_uuid
from posthog_web.inspector.refusal import Refusal

# What PostHog's AI lane takes as one event.
MAX_AI_EVENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEvent:
    """One event as it was sent, and what the inspector says about it.

    Attributes:
        uuid: As sent in canonical spelling, or a fresh one when it had none.
        name: The event's name as text; empty when it had none.
        distinct_id: The person as text; empty when nobody was named.
        body: The event, unchanged, as JSON.
        library: `$lib` with its version, or empty.
        personless: True when the event asks for no person profile.
        hint: What tells this event from others of its name; may be empty.
        place: Where it came from, a request or a function; empty if that is unknown.
        problems: Sentences about what is wrong with it.
    """

    uuid: str
    name: str
    distinct_id: str
    body: str
    library: str = ""
    personless: bool = False
    hint: str = ""
    place: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one request brought.

    Attributes:
        envelope: What its body says beside the events: the key, the time of sending and the like.
    """

    events: tuple[ReceivedEvent, ...]
    envelope: Mapping[str, Any] = field(default_factory=dict)


EMPTY = Delivery(events=())


def read_json(plain: bytes) -> Any:  # noqa: ANN401 (JSON is anything)
    """Return the JSON value of *plain*, as strictly as PostHog reads it."""
    try:
        return json.loads(plain, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "invalid_payload", f"The body is not JSON: {error}.") from error


def read_batch(plain: bytes, received_at: datetime) -> Delivery:
    """Return what one delivery by protocol v0 brought.

    Three shapes are known: an object with `batch`, a bare list of events, and a bare event
    (the last two are what browsers send).

    Raises:
        Refusal: The body cannot be read (400) or carries no usable project key (401).
    """
    payload = read_json(plain)
    events = events_in(payload)
    _check_key(payload, events)
    return Delivery(
        events=tuple(receive(event, received_at) for event in events),
        envelope=read_envelope(payload),
    )


def read_ai_batch(plain: bytes, received_at: datetime) -> Delivery:
    """Return what one delivery on the AI lane brought: a batch of protocol v0.

    Raises:
        Refusal: As `read_batch`, and when an event is larger than the lane takes (413).
    """
    delivery = read_batch(plain, received_at)
    for event in delivery.events:
        if len(event.body) > MAX_AI_EVENT_BYTES and _size(event.body) > MAX_AI_EVENT_BYTES:
            detail = f"Event {event.uuid} is larger than {MAX_AI_EVENT_BYTES // 1024 // 1024} MiB."
            raise Refusal(413, "payload_too_large", detail)
    return delivery


def receive(event: Mapping[str, Any], received_at: datetime) -> ReceivedEvent:
    """Describe one event: its name, its person, and what is wrong with it."""
    properties = _mapping(event.get("properties"))
    hint = _hint(event, properties)
    return ReceivedEvent(
        uuid=parse_uuid(event.get("uuid")) or str(uuid4()),
        name=_text(event.get("event")),
        distinct_id=_text(distinct_id_of(event)),
        body=_dump(event),
        library=" ".join(filter(None, map(_text, map(properties.get, ("$lib", "$lib_version"))))),
        personless=properties.get("$process_person_profile") is False,
        hint=hint,
        place=_place(properties, hint),
        problems=find_problems(event, received_at),
    )


def events_in(payload: object) -> list[Mapping[str, Any]]:
    """Return the events of *payload*, whichever of its shapes it has."""
    if isinstance(payload, Mapping):
        events = payload.get("batch", [payload] if "event" in payload else None)
    else:
        events = payload
    if not isinstance(events, list):
        raise Refusal(400, "invalid_payload", "The body has no `batch`, a list of events.")
    for position, event in enumerate(events):
        if not isinstance(event, Mapping):
            raise Refusal(400, "invalid_payload", f"Event {position} of `batch` is no object.")
    return events


def _check_key(payload: object, events: list[Mapping[str, Any]]) -> None:
    sources = [_mapping(payload)]
    for event in events[:1]:
        sources += [event, _mapping(event.get("properties"))]
    keys = (source.get(name) for source in sources for name in ("api_key", "token"))
    key = next((key for key in keys if key), None)
    if not isinstance(key, str) or not key.strip():
        raise Refusal(401, "authentication_failed", "The body has no project key: `api_key`.")
    if is_personal(key):
        detail = "`api_key` is a personal key (phx_…); capturing takes the project's (phc_…)."
        raise Refusal(401, "authentication_failed", detail)


def _hint(event: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    name = event.get("event")
    if name == "$exception":
        return _exception_hint(properties.get("$exception_list"))
    if name == "$feature_flag_called":
        flag, value = properties.get("$feature_flag"), properties.get("$feature_flag_response")
        return f"{_text(flag)} = {_text(value)}"[:_LONGEST_HINT]
    for key in _HINTS.get(name, ()) if isinstance(name, str) else ():
        if properties.get(key):
            return _text(properties[key])[:_LONGEST_HINT]
    return ""


def _exception_hint(chain: object) -> str:
    first = _mapping(chain[0]) if isinstance(chain, list) and chain else {}
    parts = filter(None, (_text(first.get("type")), _text(first.get("value"))))
    return ": ".join(parts)[:_LONGEST_HINT]


def _place(properties: Mapping[str, Any], hint: str) -> str:
    """Return where an event came from, unless its *hint* says so: its request, or a function."""
    path = _text(properties.get("$request_path")) or _text(properties.get("$pathname"))
    if not path:
        return _raising_function(properties.get("$exception_list"))
    if path == hint:
        return ""
    return f"{_text(properties.get('$request_method'))} {path}".strip()[:_LONGEST_HINT]


def _raising_function(chain: object) -> str:
    """Return where the newest frame of the application's own is, or of anybody's."""
    first = _mapping(chain[0]) if isinstance(chain, list) and chain else {}
    frames = _mapping(first.get("stacktrace")).get("frames")
    known = (
        [frame for frame in frames if isinstance(frame, Mapping)]
        if isinstance(frames, list)
        else []
    )
    own = [frame for frame in known if frame.get("in_app") is not False]
    name = _text((own or known or [{}])[-1].get("function"))
    return f"in {name}"[:_LONGEST_HINT] if name else ""


_LONGEST_HINT = 160

_HINTS = {
    "$pageview": ("$pathname", "$current_url", "$request_path"),
    "$pageleave": ("$pathname", "$current_url"),
    "$create_alias": ("alias",),
    "$groupidentify": ("$group_key",),
    "$screen": ("$screen_name",),
}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _dump(value)
    # A lone surrogate is legal JSON, yet neither SQLite nor a browser can be handed one.
    return text.encode("utf-8", "replace").decode()


def _dump(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        # 1e999 is legal JSON but no number: PostHog's own reader refuses it too.
        raise Refusal(400, "invalid_payload", "The body has a number out of range.") from error


def _size(body: str) -> int:
    # As text the event has escapes, which count for more than the characters they stand for.
    text = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
