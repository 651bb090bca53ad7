"""Events as PostHog takes them: reading a caller's arguments and putting the parts together.

Everything here is pure. A reader returns what it could make of its argument, or a ``Flaw`` whose
text says what is wrong and never quotes the value: names and ids may be personal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any
from uuid import UUID

from posthog_web._identifiers import read_uuid
from posthog_web._moments import read_timestamp
from posthog_web._scope import Person
from posthog_web.typing import Event

_PRIVATE_AI = frozenset(
    f"$ai_{span}{name}"
    for span in ("", "span_")
    for name in ("input", "input_state", "output", "output_choices", "output_state", "tools")
)


class Flaw(Exception):  # noqa: N818 - a verdict on a caller's argument, not an error of ours
    """An argument of a capture cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooked:
    """What became of an event in the ``before_send`` chain.

    Attributes:
        event: The event to send; None when it was dropped.
        fault: What the failing hook raised; None unless one failed.
    """

    event: Event | None
    fault: Exception | None = None


def read_capture(
    positional: tuple[Any, ...],
    distinct_id: Any,
    event: Any,
    properties: Any,
) -> tuple[Any, Any, Any]:
    """Return (distinct_id, event, properties) of a capture in either generation.

    The second positional decides: text makes it ``(distinct_id, event[, properties])``, anything
    else ``(event, properties)``. With ``event=`` written out, the first positional is the id.
    """
    match positional:
        case ():
            pass
        case (first,) if event is not None:
            distinct_id = first
        case (first,):
            event = first
        case (first, None | Mapping() as second) if event is None:
            event, properties = first, _either(second, properties)
        case (first, second, *rest) if len(rest) <= 1:
            distinct_id, event = first, second
            properties = _either(rest[0] if rest else None, properties)
        case _:
            msg = "capture takes (event, properties) or (distinct_id, event, properties)"
            raise Flaw(msg)
    return distinct_id, event, properties


def read_person_update(
    positional: tuple[Any, ...],
    distinct_id: Any,
    properties: Any,
) -> tuple[Any, Any]:
    """Return (distinct_id, properties) of a ``set``: a mapping in first place is the properties."""
    match positional:
        case ():
            return distinct_id, properties
        case (Mapping() as only,):
            return distinct_id, _either(only, properties)
        case (first,):
            return _either(first, distinct_id), properties
        case (first, second):
            return _either(first, distinct_id), _either(second, properties)
        case _:
            msg = "set takes (properties) or (distinct_id, properties)"
            raise Flaw(msg)


def read_exception_call(
    positional: tuple[Any, ...], exception: Any, distinct_id: Any, properties: Any
) -> tuple[Any, Any, Any]:
    """Return (exception, distinct_id, properties) of a call in either generation.

    A mapping as second and last positional is the properties, anything else the id.
    """
    if positional and exception is not None:
        msg = "the exception is given twice"
        raise Flaw(msg)
    match positional:
        case ():
            return exception, distinct_id, properties
        case (first,):
            return first, distinct_id, properties
        case (first, Mapping() as second):
            return first, distinct_id, _either(second, properties)
        case (first, second, *rest) if len(rest) <= 1:
            properties = _either(rest[0] if rest else None, properties)
            return first, _either(second, distinct_id), properties
        case _:
            msg = (
                "capture_exception takes (exception, properties) or (exception, distinct_id,"
                " properties)"
            )
            raise Flaw(msg)


def _either(first: Any, second: Any) -> Any:
    return second if first is None else first


def read_event_name(value: object) -> str:
    """Return *value* if it is an event's name (SRV-010)."""
    if not isinstance(value, str):
        msg = f"the event's name must be text, not {type(value).__name__}"
        raise Flaw(msg)
    if not value.strip():
        msg = "the event's name is empty"
        raise Flaw(msg)
    return value


def read_optional_id(distinct_id: object) -> str | None:
    """Return a *distinct_id* as text; None when none was given."""
    return None if distinct_id is None else read_id(distinct_id)


def read_id(value: object, what: str = "distinct_id") -> str:
    """Return *value* as text if it can name somebody (SRV-011)."""
    if isinstance(value, str):
        if value.strip():
            return value
        msg = f"{what} is empty"
        raise Flaw(msg)
    # Integral: numbers of numpy and its like are whole numbers too.
    if not isinstance(value, bool) and isinstance(value, Integral | UUID):
        return str(value)
    msg = f"{what} must be text, a whole number or a UUID, not {type(value).__name__}"
    raise Flaw(msg)


def require_person(person: Person) -> str:
    """Return the id of *person* if it is one whose properties may be changed."""
    if person.distinct_id is None:
        msg = "there is no distinct_id, and no context that has one"
        raise Flaw(msg)
    if person.claimed:
        msg = (
            "the person is only named by the browser, which must not change what is known of them;"
            " an application that knows who it is says so with request.posthog.identify()"
        )
        raise Flaw(msg)
    return person.distinct_id


def read_mapping(value: object, what: str) -> dict[Any, Any]:
    """Return a copy of *value* if it is a mapping; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"{what} must be a mapping, not {type(value).__name__}"
        raise Flaw(msg)
    try:
        return dict(value)
    except Exception as error:
        msg = f"{what} could not be read ({type(error).__name__})"
        raise Flaw(msg) from error


def read_groups(value: object) -> tuple[dict[str, str], list[str]]:
    """Return the groups that can be read, keys as text, and what is wrong with the others."""
    groups: dict[str, str] = {}
    flaws: list[str] = []
    try:
        given = read_mapping(value, "groups")
    except Flaw as flaw:
        return groups, [str(flaw)]
    for kind, key in given.items():
        try:
            groups[read_id(kind, "a group's type")] = read_id(key, "a group's key")
        except Flaw as flaw:
            flaws.append(str(flaw))
    return groups, flaws


def without_private_ai(event: Event) -> Event:
    """Return *event* without prompts, outputs and tools if it is about an AI call."""
    if not event["event"].startswith("$ai_"):
        return event
    kept = {key: value for key, value in event["properties"].items() if key not in _PRIVATE_AI}
    return {**event, "properties": kept}


def run_hooks(hooks: Iterable[Callable[[Event], Any]], event: Event) -> Hooked:
    """Pass *event* through *hooks* in order; fail closed (SRV-056…059).

    The first None drops the event on purpose. A hook that raises, or returns what is no event,
    drops it by fault: what it was to remove must not leave.
    """
    uuid, timestamp = event["uuid"], event["timestamp"]
    for hook in hooks:
        try:
            answer = hook(event)
            if answer is None:
                return Hooked(event=None)
            _require_event(answer)
        except Exception as error:  # noqa: BLE001 - somebody else's code
            return Hooked(event=None, fault=error)
        event = answer
    event["uuid"] = read_uuid(event.get("uuid")) or uuid
    event["timestamp"] = read_timestamp(event.get("timestamp")) or timestamp
    return Hooked(event=event)


def _require_event(answer: object) -> None:
    if not isinstance(answer, dict):
        msg = f"it must return the event or None, not {type(answer).__name__}"
        raise Flaw(msg)
    read_event_name(answer.get("event"))
    answer["distinct_id"] = read_id(answer.get("distinct_id"))
    if not isinstance(answer.setdefault("properties", {}), dict):
        msg = "it returned an event whose properties are no mapping"
        raise Flaw(msg)
