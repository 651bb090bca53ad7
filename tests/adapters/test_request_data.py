"""What events say about their request: the same keys on every adapter, and nothing private."""

from __future__ import annotations

import json

import pytest

from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import AGENT, HOST, PEER, AsgiApplication
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter

TEMPLATES = {
    "Django WSGI": "/items/<int:number>/",
    "Django ASGI": "/items/<int:number>/",
    "Flask": "/items/<int:number>/",
    "Starlette": "/items/{number:int}/",
    "FastAPI": "/items/{number}/",
}


def own_properties(events: RecordedEvents, name: str) -> dict[str, object]:
    """Return what the request added to an event: what one captured outside of it has not."""
    event = events.one(name)
    Client("phc_elsewhere").capture("elsewhere", distinct_id="somebody")
    elsewhere = events.one("elsewhere").properties.keys()
    return {key: value for key, value in event.properties.items() if key not in elsewhere}


@pytest.mark.spec("SRV-271")
@BOTH_STYLES
def test_request_properties_are_the_same_everywhere(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Method, place, peer and browser; the keys and, but for the route, the values are the same."""
    start().get(f"{style}/capture?token=SECRET", VISITOR)

    found = own_properties(events, "seen")
    route = found.pop("$request_route", None)
    assert found == {
        "$current_url": f"http://{HOST}{style}/capture",
        "$host": HOST,
        "$pathname": f"{style}/capture",
        "$request_method": "GET",
        "$request_path": f"{style}/capture",
        "$raw_user_agent": AGENT,
        "$user_agent": AGENT,
        "$ip": PEER,
        "$session_id": "session-7",
        "$window_id": "window-7",
        "n": 1,
    }
    assert route == (f"{style}/capture" if start.adapter.name != "ASGI" else None)


def test_module_level_verbs_say_the_same(start: Starter, events: RecordedEvents) -> None:
    """posthog_web.capture inside a view has the request's person and properties."""
    application = start()
    application.get("/capture", VISITOR)
    one = own_properties(events, "seen")
    events.clear()
    application.get("/module-level", VISITOR)

    assert events.one("seen").distinct_id == "visitor-7"
    other = own_properties(events, "seen")
    assert other.keys() == one.keys()
    assert other == {
        **one,
        **{key: other[key] for key in ("$current_url", "$pathname", "$request_path")},
        **({"$request_route": other["$request_route"]} if "$request_route" in one else {}),
    }


@BOTH_STYLES
def test_queries_cookies_and_bodies_stay_here(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """No query string, cookie or header of authorisation is in an event or an exception."""
    application = start()
    for view in ("capture", "raises"):
        application.get(
            f"{style}/{view}?token=SECRET",
            [("Authorization", "Bearer SECRET"), ("Referer", "http://else.test/?token=SECRET")],
            {"anything": "SECRET"},
        )

    assert events.names == ["seen", "$exception"]
    assert "SECRET" not in json.dumps([event.raw for event in events])


def test_the_address_is_the_peers(start: Starter, events: RecordedEvents) -> None:
    """Without trusted proxies, X-Forwarded-For is hearsay."""
    start().get("/capture", [("X-Forwarded-For", "6.6.6.6, 10.0.0.1")])

    assert events.one("seen").properties["$ip"] == PEER


def template(adapter: str, prefix: str) -> str:
    """Return the template under *prefix*, which is written with braces, as the adapter has it."""
    if adapter not in {"Starlette", "FastAPI"}:
        prefix = prefix.replace("{", "<").replace("}", ">")
    return prefix + TEMPLATES[adapter]


@pytest.mark.parametrize("prefix", ["", "/shop", "/of/{owner}"])
def test_the_route_is_a_template(start: Starter, prefix: str, events: RecordedEvents) -> None:
    """$request_route names the route whole, as it was written, and never holds a raw value."""
    path = f"{prefix}/items/7/".replace("{owner}", "ann")
    start().get(path)

    properties = events.one("item seen").properties
    assert properties["$request_path"] == path
    assert properties["$request_route"] == template(start.adapter.name, prefix)


@pytest.mark.parametrize("prefix", ["", "/shop", "/of/{owner}"])
def test_the_route_is_seen_from_outside(
    start: Starter, prefix: str, events: RecordedEvents
) -> None:
    """An application may be wrapped as a whole, and its routes are known all the same."""
    bare = start.without()
    assert isinstance(bare, AsgiApplication)
    wrapped = AsgiApplication(PosthogMiddleware(bare.app, project_api_key="phc_around"))
    wrapped.get(f"{prefix}/items/7/".replace("{owner}", "ann"))

    found = events.one("item seen").properties["$request_route"]
    assert found == template(start.adapter.name, prefix)


@BOTH_STYLES
def test_tags_mark_what_follows(start: Starter, style: str, events: RecordedEvents) -> None:
    """tag() adds a property to the request's later events, and to no other request's."""
    application = start()
    application.get(f"{style}/tagged")
    application.get(f"{style}/capture")

    before, seen, also_seen, next_request = events
    assert "plan" not in before.properties
    assert seen.properties["plan"] == also_seen.properties["plan"] == "pro"
    assert "plan" not in next_request.properties


@BOTH_STYLES
def test_groups_mark_what_follows(start: Starter, style: str, events: RecordedEvents) -> None:
    """group() adds $groups to the request's later events, and sends nothing by itself."""
    application = start()
    application.get(f"{style}/grouped")
    application.get(f"{style}/capture")

    seen, next_request = events
    assert seen.properties["$groups"] == {"company": "acme"}
    assert "$groups" not in next_request.properties


def test_a_group_may_be_described(start: Starter, events: RecordedEvents) -> None:
    """group() with properties is a $groupidentify."""
    start().get("/group-described", VISITOR)

    [event] = events
    assert event.event == "$groupidentify"
    assert event.properties["$group_type"] == "company"
    assert event.properties["$group_key"] == "acme"
    assert event.properties["$group_set"] == {"seats": 5}


@BOTH_STYLES
def test_two_strings_are_refused(
    start: Starter, style: str, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """request.posthog.capture knows its person: (distinct_id, event) is nothing but a message."""
    answer = start().get(f"{style}/two-strings")

    assert answer.body == b"captured None"
    assert events.names == []
    [record] = [one for one in caplog.records if one.name.startswith("posthog_web")]
    assert "capture" in record.getMessage()
    assert record.levelname == "WARNING"


def test_two_strings_at_module_level_name_somebody_else(
    start: Starter, events: RecordedEvents
) -> None:
    """posthog_web.capture(distinct_id, event) keeps its meaning inside a request."""
    start().get("/module-level-two-strings", VISITOR)

    event = events.one("seen")
    assert event.distinct_id == "somebody-else"
    assert event.properties["$session_id"] == "session-7"
