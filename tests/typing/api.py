"""Calls as users write them, for the type checkers. Never run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, assert_type
from uuid import uuid4

import posthog_web
from posthog_web import Client, Posthog
from posthog_web.errors import ConfigurationError, DeliveryError
from posthog_web.logging import PosthogHandler
from posthog_web.testing import RecordedEvent, RecordedEvents, record_events
from posthog_web.typing import Event


def told(error: Exception) -> None:
    """Take the error."""
    print(error)


def told_with_events(error: Exception, events: Sequence[Event]) -> None:
    """Take the error and what it cost."""
    print(error, len(events), events[0]["event"])


def keep(event: Event) -> Event | None:
    """Keep everything."""
    return event


client = Posthog(
    "phc_key",
    host="https://eu.i.posthog.com",
    flush_at=10,
    on_error=told,
    before_send=[keep, lambda event: event],
    super_properties={"version": "1"},
)
assert_type(client, Posthog)
assert_type(Client("phc_key", on_error=told_with_events, before_send=keep), Client)
Client(api_key="phc_key", sync_mode=True, timeout=2.5)

assert_type(client.capture("user-1", "paid"), str | None)
assert_type(client.capture("user-1", "paid", {"plan": "pro"}), str | None)
client.capture("paid", {"plan": "pro"}, distinct_id=7, groups={"company": "acme"})
client.capture("paid", distinct_id=uuid4(), timestamp=datetime.now(UTC), uuid=uuid4())
client.capture(event="paid", distinct_id="user-1", properties={}, send_feature_flags=True)
client.capture(distinct_id="user-1", event="paid", context={})
client.set("user-1", {"plan": "pro"})
client.set({"plan": "pro"})
client.set(distinct_id="user-1", properties={"plan": "pro"})
client.set_once("user-1", {"plan": "pro"})
client.identify("user-1", {"plan": "pro"}, {"first": 1})
client.alias("anonymous-1", "user-1")
client.group_identify("company", "acme", {"seats": 5}, distinct_id="user-1")
client.page("user-1", "https://example.org/")
client.capture_exception(ValueError("no"), "user-1", {"plan": "pro"})
client.capture_exception()
assert_type(client.capture_exception(ValueError("no"), {"order": 1}), str | None)
client.capture_exception(ValueError("no"), {"order": 1}, distinct_id="user-1", level="fatal")
client.capture_exception(ValueError("no"), distinct_id="user-1", properties={"order": 1})
posthog_web.capture_exception(ValueError("no"), {"order": 1})

assert_type(client.flush(), bool)
assert_type(client.flush(2), bool)
assert_type(client.shutdown(timeout=1.5), bool)
assert_type(client.stats().sent, int)
assert_type(client.stats().last_success, datetime | None)
assert_type(client.queue.qsize(), int)
assert_type(client.is_opted_out(), bool)
assert_type(client.disabled, bool)
client.disabled = True
client.on_error = told
client.on_error = None
client.super_properties = {"version": "2"}
client.before_send = keep
client.before_send = [keep]

with Posthog("phc_key") as short_lived:
    assert_type(short_lived, Posthog)

posthog_web.api_key = "phc_key"
posthog_web.host = "https://eu.i.posthog.com"
posthog_web.enable_exception_autocapture = True
assert_type(posthog_web.setup(), Client)
assert_type(posthog_web.VERSION, str)
posthog_web.default_client = client
assert_type(posthog_web.capture("user-1", "paid", {"plan": "pro"}), str | None)
assert_type(posthog_web.set("user-1", {"plan": "pro"}), str | None)
assert_type(posthog_web.get_distinct_id(), str | None)

logging.getLogger().addHandler(PosthogHandler())
PosthogHandler("WARNING", client=client)
PosthogHandler(logging.CRITICAL)

with posthog_web.new_context(fresh=True, capture_exceptions=False, client=client):
    posthog_web.identify_context(7)
    posthog_web.tag("plan", "pro")


@posthog_web.propagate
def half(number: int) -> float:
    """Keep its signature in another thread."""
    return number / 2


@posthog_web.scoped()
def twice(number: int) -> int:
    """Keep its signature."""
    return 2 * number


@posthog_web.scoped(fresh=True)
async def later(number: int) -> str:
    """Keep its signature, too."""
    return str(number)


@posthog_web.scoped
def thrice(number: int) -> int:
    """Keep its signature without parentheses, too."""
    return 3 * number


assert_type(twice(2), int)
assert_type(half(2), float)
bound_later: Callable[[int], Coroutine[Any, Any, str]] = posthog_web.propagate(later)
assert_type(thrice(2), int)


async def use() -> None:
    """Await what was decorated."""
    assert_type(await later(2), str)


with record_events() as events:
    assert_type(events, RecordedEvents)
    assert_type(events.one("paid"), RecordedEvent)
    assert_type(events[0], RecordedEvent)
    assert_type([event.event for event in events], list[str])

try:
    Client("phc_key", flush_at=0)
except ConfigurationError as error:
    told(error)

assert_type(DeliveryError("no", status=503).status, int | None)
