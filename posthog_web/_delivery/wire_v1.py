"""Protocol v1, ``POST {host}/i/v1/analytics/events``: a result for each event (protocol §1.5).

The key travels in a header, and events in a shape of their own. The change of shape is made here,
on the worker: hooks, tests and ``on_error`` see one shape of event, whatever is spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from posthog_web._delivery.batch import Batch
from posthog_web._delivery.retry import Results
from posthog_web._moments import now_text
from posthog_web._runtime.system import user_agent
from posthog_web._serialization import dumps, loads
from posthog_web.typing import Event

_ASK_AGAIN = frozenset({404, 408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class WireV1:
    """Speaks v1 for one project.

    Attributes:
        api_key: The project's key.
        historical_migration: Whether batches are marked as an import.
    """

    api_key: str
    historical_migration: bool = False

    path = "/i/v1/analytics/events"
    # A line for each event of the largest batch.
    longest_answer = 4 * 1024 * 1024
    tells_events_apart = True

    def headers(self, batch: Batch, now: int) -> Mapping[str, str]:
        """Return the key, and which attempt of which batch this is."""
        return {
            "Authorization": f"Bearer {self.api_key}",
            "PostHog-Sdk-Info": user_agent(),
            "PostHog-Attempt": str(batch.attempts.made + 1),
            "PostHog-Request-Id": batch.request_id,
            "PostHog-Request-Timestamp": now_text(now),
        }

    def body(self, batch: Batch, now: int) -> bytes:  # noqa: ARG002 - only v0 says it here
        """Return the events; when the batch was made stays the same over all attempts."""
        rest: dict[str, Any] = {"created_at": now_text(batch.created_at)}
        if self.historical_migration:
            rest["historical_migration"] = True
        events = b",".join(dumps(reshape(loads(event))) for event in batch.events)
        return b'{"batch":[%b],%b' % (events, dumps(rest)[1:])

    def asks_again(self, status: int) -> bool:
        """Return True for the statuses after which v1 is tried again."""
        return status in _ASK_AGAIN

    def read(self, batch: Batch, said: bytes) -> Results:
        """Return what becomes of each event; one that is not mentioned was taken."""
        try:
            results = loads(said)["results"]
            verdicts = {uuid: str(result["result"]) for uuid, result in results.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return Results(readable=False)
        if not {"drop", "retry"} & set(verdicts.values()):
            return Results()
        uuids = [loads(event)["uuid"] for event in batch.events]
        return Results(
            refused={
                index: str(results[uuid].get("details") or "no reason was given")
                for index, uuid in enumerate(uuids)
                if verdicts.get(uuid) == "drop"
            },
            asked_again=frozenset(
                index for index, uuid in enumerate(uuids) if verdicts.get(uuid) == "retry"
            ),
        )


def reshape(event: Event) -> Event:
    """Return *event* as v1 has it: what steers the server stands beside the properties."""
    properties = dict(event["properties"])
    reshaped: Event = {
        name: event[name] for name in ("event", "uuid", "distinct_id", "timestamp") if name in event
    }
    for name, target in (("$session_id", "session_id"), ("$window_id", "window_id")):
        value = properties.pop(name, None)
        if isinstance(value, str):
            reshaped[target] = value
    reshaped["options"] = _take_options(properties)
    # Said by a header; and an alias says twice whom it is about.
    for name in ("$lib", "$lib_version"):
        properties.pop(name, None)
    if properties.get("distinct_id") == event["distinct_id"]:
        del properties["distinct_id"]
    for name in ("$set", "$set_once"):
        if isinstance(event.get(name), dict):
            known = properties.get(name)
            properties[name] = event[name] | (known if isinstance(known, dict) else {})
    reshaped["properties"] = properties
    return reshaped


def _take_options(properties: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, (target, read) in _OPTIONS.items():
        value = read(properties.pop(name, None))
        if value is not None:
            options[target] = value
    return options


_WORDS = {"true": True, "1": True, "false": False, "0": False}


def _read_switch(value: object) -> bool | None:
    """Return the switch *value* means; None when it means none."""
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    return value != 0 if isinstance(value, bool | int | float) else None


def _read_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_OPTIONS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "$cookieless_mode": ("cookieless_mode", _read_switch),
    "$ignore_sent_at": ("disable_skew_correction", _read_switch),
    "$process_person_profile": ("process_person_profile", _read_switch),
    "$product_tour_id": ("product_tour_id", _read_text),
}
