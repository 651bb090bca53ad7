"""``set``, ``set_once``, ``identify``, ``alias``, ``group_identify`` and ``page``."""

from __future__ import annotations

from typing import Any

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.testing import RecordedEvents


@pytest.mark.parametrize("verb", ["set", "set_once"])
@pytest.mark.spec("SRV-040")
def test_person_properties_stand_beside_the_events_own(
    client: Client, posthog_events: RecordedEvents, verb: str
) -> None:
    """set and set_once send one event each, whose person properties stand at the top level."""
    getattr(client, verb)("user-1", {"plan": "pro"})

    event = posthog_events.one(f"${verb}")
    assert event.distinct_id == "user-1"
    assert event.raw[f"${verb}"] == {"plan": "pro"}
    assert "plan" not in event.properties


@pytest.mark.parametrize(
    ("positional", "keywords"),
    [
        (("user-1", {"plan": "pro"}), {}),
        (("user-1",), {"properties": {"plan": "pro"}}),
        ((), {"distinct_id": "user-1", "properties": {"plan": "pro"}}),
        (({"plan": "pro"},), {"distinct_id": "user-1"}),
    ],
)
def test_set_takes_both_generations(
    client: Client, posthog_events: RecordedEvents, positional: Any, keywords: Any
) -> None:
    """A person update can be written person first, properties first, or by keyword."""
    client.set(*positional, **keywords)

    event = posthog_events.one("$set")
    assert event.distinct_id == "user-1"
    assert event.set == {"plan": "pro"}


def test_set_means_the_person_of_the_context(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Without an id, set updates the person of the current context."""
    with posthog_web.new_context():
        posthog_web.identify_context("user-1")
        client.set({"plan": "pro"})

    assert posthog_events.one("$set").distinct_id == "user-1"


@pytest.mark.parametrize(
    "arguments", [("user-1", {}), ("user-1",), ({"plan": "pro"},), (), ("", {"a": 1})]
)
@pytest.mark.spec("SRV-042")
def test_set_with_nothing_or_nobody_sends_nothing(
    client: Client,
    posthog_events: RecordedEvents,
    caplog: pytest.LogCaptureFixture,
    arguments: Any,
) -> None:
    """Without properties, or without a person, there is no event and a warning."""
    assert client.set(*arguments) is None

    assert len(posthog_events) == 0
    assert "set:" in caplog.text


@pytest.mark.spec("SRV-034", "SRV-036", "SRV-037", "SRV-038")
def test_identify_sends_each_time(client: Client, posthog_events: RecordedEvents) -> None:
    """identify sends one $identify a call, with $set and $set_once, and never an anonymous id."""
    client.identify("user-1", {"plan": "pro"}, {"first": "x"})
    client.identify("user-1", {"plan": "pro"}, {"first": "x"})
    client.identify(distinct_id="user-1")

    assert posthog_events.names == ["$identify"] * 3
    assert posthog_events[0].set == {"plan": "pro"}
    assert posthog_events[0].set_once == {"first": "x"}
    assert posthog_events[2].raw["$set"] == {}
    assert "$anon_distinct_id" not in posthog_events[0].properties


@pytest.mark.parametrize("person", [None, "", "   "])
@pytest.mark.spec("SRV-035")
def test_identify_without_a_person_sends_nothing(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture, person: Any
) -> None:
    """An empty id identifies nobody; nothing is sent and a warning says so."""
    assert client.identify(person, {"plan": "pro"}) is None

    assert len(posthog_events) == 0
    assert "identify:" in caplog.text


@pytest.mark.spec("SRV-043", "SRV-044")
def test_alias_joins_two_ids(client: Client, posthog_events: RecordedEvents) -> None:
    """alias sends $create_alias about the previous id, with the new one as a property."""
    client.alias("anonymous-1", "user-1")

    event = posthog_events.one("$create_alias")
    assert event.distinct_id == "anonymous-1"
    assert event.properties["distinct_id"] == "anonymous-1"
    assert event.properties["alias"] == "user-1"


@pytest.mark.parametrize("ids", [("", "user-1"), ("anonymous-1", " "), (None, "user-1"), ("a",)])
@pytest.mark.spec("SRV-045")
def test_alias_needs_two_ids(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture, ids: Any
) -> None:
    """Without one of the two ids nothing is sent, with a warning."""
    assert client.alias(*ids) is None

    assert len(posthog_events) == 0
    assert "alias:" in caplog.text


@pytest.mark.spec("SRV-046", "SRV-052")
def test_alias_and_groups_change_no_context(client: Client, posthog_events: RecordedEvents) -> None:
    """alias does not rename the context's person; group_identify adds no group to later events."""
    with posthog_web.new_context():
        posthog_web.identify_context("user-1")
        client.alias("user-1", "user-2")
        client.group_identify("company", "acme")
        client.capture("seen")

        assert posthog_web.get_distinct_id() == "user-1"

    seen = posthog_events.one("seen")
    assert seen.distinct_id == "user-1"
    assert "$groups" not in seen.properties


@pytest.mark.spec("SRV-048", "SRV-049", "SRV-051")
def test_group_identify_describes_a_group(client: Client, posthog_events: RecordedEvents) -> None:
    """A group's properties go out as $group_set, under an id made of its type and key."""
    client.group_identify("company", "acme", {"seats": 5})
    client.group_identify("company", 7, distinct_id="user-1")

    first, second = posthog_events
    assert first.event == "$groupidentify"
    assert first.distinct_id == "$company_acme"
    assert first.properties["$group_type"] == "company"
    assert first.properties["$group_key"] == "acme"
    assert first.properties["$group_set"] == {"seats": 5}
    assert second.distinct_id == "user-1"
    assert second.properties["$group_key"] == "7"
    assert second.properties["$group_set"] == {}


@pytest.mark.parametrize("group", [("", "acme"), ("company", ""), (None, "acme"), ("company",), ()])
@pytest.mark.spec("SRV-050")
def test_group_identify_needs_type_and_key(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture, group: Any
) -> None:
    """Without a type or a key nothing is sent, with a warning."""
    assert client.group_identify(*group) is None

    assert len(posthog_events) == 0
    assert "group_identify:" in caplog.text


@pytest.mark.spec("SRV-039", "SRV-047", "SRV-061")
def test_every_verb_takes_the_same_road(client: Client, posthog_events: RecordedEvents) -> None:
    """Timestamp, uuid, library, super properties and hooks are the same for all verbs."""
    seen: list[str] = []
    client.super_properties = {"region": "eu"}
    client.before_send = lambda event: seen.append(event["event"]) or event
    stamp: dict[str, Any] = {
        "timestamp": "2026-01-02T03:04:05Z",
        "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    }

    client.capture("u", "paid", **stamp)
    client.set("u", {"a": 1}, **stamp)
    client.set_once("u", {"a": 1}, **stamp)
    client.identify("u", **stamp)
    client.alias("a", "b", **stamp)
    client.group_identify("company", "acme", **stamp)
    client.page("u", "https://example.org/", **stamp)
    client.capture_exception(ValueError("no"), "u", **stamp)

    assert len(seen) == 8
    assert seen == posthog_events.names
    for event in posthog_events:
        assert event.timestamp == "2026-01-02T03:04:05+00:00"
        assert event.uuid == stamp["uuid"]
        assert event.properties["$lib"] == "posthog-web"
        assert event.properties["region"] == "eu"


def test_page_is_a_pageview(client: Client, posthog_events: RecordedEvents) -> None:
    """page sends $pageview with the address, and whatever else is known."""
    client.page("user-1", "https://example.org/", {"referrer": "x"})

    event = posthog_events.one("$pageview")
    assert event.distinct_id == "user-1"
    assert event.properties["$current_url"] == "https://example.org/"
    assert event.properties["referrer"] == "x"
