"""What events say about the place of a request: its template, and no secret of its path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import HOST, Answer, Call
from tests.adapters.situation import BOTH_STYLES, Starter

# Paths, and their templates as Django and Flask, Starlette, and FastAPI write them.
PLACES = {
    "a class": (
        "/class/7",
        "/class/<int:number>",
        "/class/<int:number>",
        "/class/{number:int}",
        "/class/{number}",
    ),
    "a name of its own": (
        "/named/ann/",
        "/named/<slug:name>/",
        "/named/<string(length=3):name>/",
        "/named/{name}/",
        "/named/{name}/",
    ),
    "one in another": (
        "/in/mid/ann/7",
        "/in/mid/<owner>/<int:number>",
        "/in/mid/<owner>/<int:number>",
        "/in/mid/{owner}/{number:int}",
        "/in/mid/{owner}/{number}",
    ),
    "no route of the framework's own kind": (
        "/hidden/ann/pro",
        "/hidden/<owner>/<plan>",
        "/hidden/<owner>/<plan>",
        "/hidden/{owner}/{plan}",
        "/hidden/{owner}/{plan}",
    ),
}
FRAMEWORKS = ("Django", "Flask", "Starlette", "FastAPI")


def as_written(adapter: str, *templates: str) -> str:
    """Return the template of an adapter's framework."""
    return templates[FRAMEWORKS.index(adapter.split(maxsplit=1)[0])]


def places(events: RecordedEvents, name: str) -> dict[str, Any]:
    """Return what an event says of its place."""
    names = ("$current_url", "$pathname", "$request_path", "$request_route")
    properties = events.one(name).properties
    return {key: properties[key] for key in names if key in properties}


@pytest.mark.parametrize("place", PLACES)
def test_the_route_is_whole(start: Starter, place: str, events: RecordedEvents) -> None:
    """$request_route has all that includes, blueprints, prefixes and mounts put before it."""
    path, *templates = PLACES[place]
    answer = start().get(path)

    assert answer.body == b"here"
    properties = events.one("was here").properties
    assert properties["$request_path"] == path
    assert properties["$request_route"] == as_written(start.adapter.name, *templates)


@pytest.mark.parametrize("path", ["/nowhere?early", "/in/mid/ann/7/nowhere?early"])
def test_a_path_that_leads_nowhere_has_no_route(
    start: Starter, path: str, events: RecordedEvents
) -> None:
    """What is answered with a 404 for want of a route is given none."""
    answer = start().get(path)

    assert answer.status == 404
    assert events.names
    assert not any("$request_route" in event.properties for event in events.named("early"))


@BOTH_STYLES
def test_secrets_of_a_path_are_masked(start: Starter, style: str, events: RecordedEvents) -> None:
    """The values of parameters that say they are secrets are nowhere; their names stand there."""
    answer = start().get(f"{style}/reset/TWljaA/SECRET-b8f/")

    assert answer.body == b"here"
    masked = f"{style}/reset/<uidb64>/<token>/"
    assert places(events, "was here") == {
        "$current_url": f"http://{HOST}{masked}",
        "$pathname": masked,
        "$request_path": masked,
        "$request_route": as_written(
            start.adapter.name, masked, masked, *[f"{style}/reset/{{uidb64}}/{{token}}/"] * 2
        ),
    }
    assert "SECRET" not in json.dumps(events.one("was here").raw)


def test_secrets_are_masked_before_anything_is_routed(
    start: Starter, events: RecordedEvents
) -> None:
    """A middleware that captures early tells neither secrets, nor a route another than later."""
    start().get("/reset/TWljaA/SECRET-b8f/?early")

    assert places(events, "early") == places(events, "was here")
    assert places(events, "early")["$pathname"] == "/reset/<uidb64>/<token>/"


@pytest.mark.parametrize(
    "secret", ["reset", "TWljaA", "a%2Bb%20c", "%C3%A9%C3%A8", "%00x", "x" * 3000, "%F0%9F%94%91"]
)
def test_a_secret_may_be_any_text(start: Starter, secret: str, events: RecordedEvents) -> None:
    """Encoded, endless, equal to another value or to a part of the route: its place decides."""
    start().get(f"/reset/TWljaA/{secret}/")

    found = places(events, "was here")
    assert found["$pathname"] == "/reset/<uidb64>/<token>/"
    assert found["$current_url"] == f"http://{HOST}/reset/<uidb64>/<token>/"


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (Call(path="/reset/TWljaA/SECRET?early"), "/reset/<uidb64>/<token>"),
        (Call(path="/reset/TWljaA/SECRET/?early", method="DELETE"), "/reset/<uidb64>/<token>/"),
    ],
    ids=["a redirect", "another method"],
)
def test_secrets_are_masked_where_the_path_comes_close(
    start: Starter, call: Call, shown: str, events: RecordedEvents
) -> None:
    """A missing slash or an odd method does not bring a secret out."""
    answer: Answer = start().send(call)

    assert answer == start.without().send(call)
    assert "SECRET" not in json.dumps([event.raw for event in events])
    assert places(events, "early")["$pathname"] == shown


def test_secrets_are_masked_where_a_mount_redirects(start: Starter, events: RecordedEvents) -> None:
    """A slash too many inside a mount brings no secret out, before the redirect or after it."""
    answer = start(request_events=True).get("/mounted/ann/SECRET/?early")

    assert answer == start.without().get("/mounted/ann/SECRET/?early")
    assert answer.status == 307
    assert "SECRET" not in json.dumps([event.raw for event in events])
    for name in ("early", "http_request"):
        assert places(events, name) == {
            "$current_url": f"http://{HOST}/mounted/ann/<token>/",
            "$pathname": "/mounted/ann/<token>/",
            "$request_path": "/mounted/ann/<token>/",
        }


def test_other_parameters_may_be_masked(start: Starter, events: RecordedEvents) -> None:
    """masked_route_params adds names; other parameters stay."""
    start(masked_route_params=["Owner"]).get("/hidden/ann/pro")

    assert places(events, "was here")["$pathname"] == "/hidden/<owner>/pro"


def test_a_path_without_secrets_stays(start: Starter, events: RecordedEvents) -> None:
    """Only what is asked for, or says that it is a secret, is masked."""
    start().get("/hidden/ann/pro")

    assert places(events, "was here")["$pathname"] == "/hidden/ann/pro"
