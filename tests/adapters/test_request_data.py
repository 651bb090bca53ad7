"""What events say about their request: the same keys on every adapter, and nothing private."""

from __future__ import annotations

import json

import pytest

from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import AGENT, HOST, PEER, AsgiApplication, Call
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


PROXIES = {
    "none": (0, PEER),
    "one": (1, "10.0.0.1"),
    "two": (2, "203.0.113.5"),
    "more than hops": (9, "6.6.6.6"),
    "networks": (["203.0.113.9/32", "10.0.0.0/8"], "203.0.113.5"),
    "other networks": (["192.0.2.0/24"], PEER),
}


@pytest.mark.parametrize("case", PROXIES)
def test_the_address_is_counted_through_our_own_proxies(
    start: Starter, case: str, events: RecordedEvents
) -> None:
    """trusted_proxies, a number or networks: what a client wrote before them is not believed."""
    trusted, address = PROXIES[case]
    headers = [("X-Forwarded-For", "6.6.6.6, 203.0.113.5,10.0.0.1")]
    start(trusted_proxies=trusted).get("/capture", headers)

    assert events.one("seen").properties["$ip"] == address


@BOTH_STYLES
def test_the_address_may_be_kept_back(start: Starter, style: str, events: RecordedEvents) -> None:
    """capture_ip: the client's network only, or nothing and no place derived from it."""
    start(capture_ip="truncated", disable_geoip=False).get(f"{style}/capture")
    start(capture_ip="off", disable_geoip=False).get(f"{style}/capture")

    network, nothing = (event.properties for event in events)
    assert network["$ip"] == "203.0.113.0"
    assert "$geoip_disable" not in network
    assert "$ip" not in nothing
    assert nothing["$geoip_disable"] is True
    assert PEER not in json.dumps([event.raw for event in events])


@BOTH_STYLES
def test_parameters_of_the_query_are_told_by_name(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """captured_query_params: those, in their order and encoded, and no others."""
    query = "utm_source=a+b&token=SECRET&ref=%C3%BC%26&utm_source=%ff&refs=SECRET#SECRET"
    start(captured_query_params=["ref", "utm_source"]).get(f"{style}/capture?{query}")

    properties = events.one("seen").properties
    shown = "utm_source=a%20b&ref=%C3%BC%26&utm_source=%EF%BF%BD"
    assert properties["$current_url"] == f"http://{HOST}{style}/capture?{shown}"
    assert properties["$pathname"] == properties["$request_path"] == f"{style}/capture"
    assert "SECRET" not in json.dumps(events.one("seen").raw)


ODD = {
    "an unknown method": (Call(path="/capture?early", method="BREW"), "/capture"),
    "a long path": (Call(path=f"/{'long/' * 1600}?early"), f"/{'long/' * 1600}"[:2048]),
    "empty segments": (Call(path="/no//where/?early"), "/no//where/"),
    "encoded text": (Call(path="/%C3%BC%20%2B%3F%23?early"), "/\u00fc +?#"),
    "control characters": (Call(path="/a%00%0A%1Bb?early"), "/ab"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_requests_are_told_as_they_are(
    start: Starter, case: str, events: RecordedEvents
) -> None:
    """Methods and paths that nobody knows: the values that came, bounded and cleaned."""
    call, path = ODD[case]
    start().send(call)

    properties = events.one("early").properties
    assert properties["$pathname"] == properties["$request_path"] == path
    assert properties["$request_method"] == call.method
    assert properties["$current_url"].startswith(f"http://{HOST}/")
    assert properties["$current_url"].isascii()
    assert len(properties["$current_url"]) <= 2048


@pytest.mark.parametrize("path", ["/%ff%fe/%c3", "/%ED%A0%80", "/%F0%9F"])
def test_paths_of_any_bytes_are_told(start: Starter, path: str, events: RecordedEvents) -> None:
    """Bytes that are no text neither change the answer nor cost the event."""
    answer = start().get(f"{path}?early")

    assert answer == start.without().get(f"{path}?early")
    properties = events.one("early").properties
    assert properties["$pathname"].startswith("/")
    assert properties["$current_url"].startswith(f"http://{HOST}/%")


def test_a_host_is_told_without_what_is_no_host(start: Starter, events: RecordedEvents) -> None:
    """Credentials and paths in a Host header, or none at all: the rest of the event stays."""
    for host in ("ann:SECRET@shop.test:81", "shop.test:81/SECRET?SECRET"):
        start().send(Call(path="/capture", host=host))
    start().send(Call(path="/capture", host=""))

    odd, other, none = (event.properties for event in events)
    assert odd["$host"] == other["$host"] == "shop.test:81"
    assert odd["$current_url"] == "http://shop.test:81/capture"
    assert none["$current_url"] == f"http://{none['$host']}/capture"
    assert "SECRET" not in json.dumps([event.raw for event in events])


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
