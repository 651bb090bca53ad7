"""The application, without a socket: who is let in, and what is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from posthog_web.inspector.answers import AnswerScript
from posthog_web.inspector.app import create_app
from posthog_web.inspector.connections import Connections
from posthog_web.inspector.guard import host_name, is_loopback
from posthog_web.inspector.ingestion import MAX_AI_EVENT_BYTES
from posthog_web.inspector.store import Store
from posthog_web.inspector.stream import Stream

from .conftest import a_batch, a_v1_batch, a_v1_event, an_event, v1_headers


@dataclass
class Reply:
    """What the application answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class Desk:
    """The application in this process, asked one request at a time."""

    def __init__(self) -> None:
        self.store = Store()
        self.app = create_app(
            store=self.store,
            answers=AnswerScript(),
            stream=Stream(self.store),
            connections=Connections(),
        )

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Return the answer to one request."""
        path, _, query = path.partition("?")
        given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        sent = {"host": "127.0.0.1:8765"} | given
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8765),
        }
        reply = Reply()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            reply.body += message.get("body", b"")

        asyncio.run(self.app(scope, receive, send))
        return reply

    def post(self, path: str, payload: object, **headers: str) -> Reply:
        """Post *payload* as JSON."""
        return self.ask("POST", path, json.dumps(payload).encode(), **headers)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return an application with an empty store."""
    made = Desk()
    yield made
    made.store.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]:8765", "[::1]"]
)
def test_loopback_hosts(desk: Desk, host: str) -> None:
    """A loopback name is answered, with and without its port."""
    assert desk.ask("GET", "/api/events", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "", "10.0.0.1", "::1x"]
)
@pytest.mark.parametrize("path", ["/", "/batch/", "/api/events", "/static/page.js"])
def test_foreign_hosts(desk: Desk, host: str, path: str) -> None:
    """A name that leads here by a trick is refused on every path."""
    reply = desk.ask("GET", path, host=host)

    assert (reply.status, reply.json()["code"]) == (421, "foreign_host")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:8765"]
)
def test_foreign_origins(desk: Desk, origin: str) -> None:
    """Another site's page can neither clear the desk nor script an outage."""
    assert desk.ask("DELETE", "/api/events", origin=origin).status == 403
    assert desk.post("/api/answers", {}, origin=origin).status == 403


@pytest.mark.parametrize("headers", [{}, {"origin": "http://127.0.0.1:8765"}])
def test_own_origin(desk: Desk, headers: dict[str, str]) -> None:
    """The inspector's own page, and a program, may."""
    assert desk.ask("DELETE", "/api/events", **headers).status == 204


def test_any_page_may_deliver(desk: Desk) -> None:
    """A browser library on another port is let through, its preflight too."""
    origin = "http://localhost:3000"
    asked = desk.ask(
        "OPTIONS",
        "/batch/",
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="content-type",
    )
    posted = desk.post("/batch/", a_batch(an_event()), origin=origin)

    assert (asked.status, asked.headers["access-control-allow-origin"]) == (200, "*")
    assert (posted.status, posted.headers["access-control-allow-origin"]) == (200, "*")


def test_api_is_not_shared(desk: Desk) -> None:
    """What was captured cannot be read by another site's page."""
    reply = desk.ask("GET", "/api/events", origin="http://localhost:3000")

    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/api/events", "/nowhere"])
def test_security_headers(desk: Desk, path: str) -> None:
    """Every answer forbids foreign scripts, frames and guessing of types."""
    headers = desk.ask("GET", path).headers

    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"


def test_page_is_self_contained(desk: Desk) -> None:
    """The page and all it names are served from here; it has no inline script or style."""
    page = desk.ask("GET", "/").body.decode()

    assert "<style" not in page
    assert " style=" not in page
    assert "://" not in page
    assert (
        desk.ask("GET", "/static/page.js").headers["content-type"]
        == "text/javascript; charset=utf-8"
    )
    assert desk.ask("GET", "/static/..").status == 404


@pytest.mark.parametrize("path", ["/batch/", "/batch", "/e/", "/i/v0/e/"])
def test_paths(desk: Desk, path: str) -> None:
    """Deliveries are taken on every path PostHog has for them."""
    reply = desk.post(path, a_batch(an_event()))

    assert (reply.status, reply.json()) == (200, {"status": 1})


@pytest.mark.parametrize("path", ["/i/v0/ai/batch/", "/i/v0/ai/batch"])
def test_ai_lane(desk: Desk, path: str) -> None:
    """AI events come in the same body on a path of their own, which the log tells."""
    event = an_event("$ai_generation")
    reply = desk.post(path, a_batch(event))
    [request] = desk.ask("GET", "/api/requests").json()["requests"]

    assert (reply.status, reply.json()) == (200, {"status": 1})
    assert (request["path"], request["uuids"]) == (path, [event["uuid"]])


@pytest.mark.parametrize(
    ("character", "count", "status"),
    [
        ("x", MAX_AI_EVENT_BYTES, 413),
        ("x", MAX_AI_EVENT_BYTES - 500, 200),
        ("é", MAX_AI_EVENT_BYTES // 2 - 500, 200),
    ],
)
def test_large_ai_event(desk: Desk, character: str, count: int, status: int) -> None:
    """An event on the AI lane may have 8 MiB of UTF-8; elsewhere only the whole body counts."""
    event = an_event(properties={"$ai_input": character * count})
    body = json.dumps(a_batch(event), ensure_ascii=False).encode()

    assert desk.ask("POST", "/i/v0/ai/batch/", body).status == status
    assert desk.ask("POST", "/batch/", body).status == 200


@pytest.mark.parametrize("path", ["/i/v1/analytics/events", "/i/v1/analytics/events/"])
def test_v1_paths(desk: Desk, path: str) -> None:
    """Protocol v1 is spoken on its own path, with and without a slash."""
    event = a_v1_event()
    reply = desk.post(path, a_v1_batch(event), **v1_headers())

    assert (reply.status, reply.json()) == (200, {"results": {event["uuid"]: {"result": "ok"}}})


def test_v1_without_a_user_agent(desk: Desk) -> None:
    """Protocol v1 asks for a User-Agent too, and all that is missing is named at once."""
    headers = v1_headers(User_Agent=None, PostHog_Attempt=None)
    reply = desk.post("/i/v1/analytics/events", a_v1_batch(a_v1_event()), **headers)

    assert reply.status == 400
    assert "User-Agent, PostHog-Attempt" in reply.json()["error_description"]


@pytest.mark.parametrize("path", ["/flags/?v=2", "/flags"])
def test_flags(desk: Desk, path: str) -> None:
    """There are no flags yet, and that is no error."""
    answer = desk.post(path, {"distinct_id": "u", "token": "phc_x"}).json()

    assert answer["flags"] == {}
    assert answer["errorsWhileComputingFlags"] is False
    assert answer.keys() == {"flags", "errorsWhileComputingFlags", "requestId", "evaluatedAt"}


def test_refused_delivery(desk: Desk) -> None:
    """What cannot be read is answered 400 with a reason, and logged."""
    reply = desk.ask("POST", "/batch/", b"{")
    [request] = desk.ask("GET", "/api/requests").json()["requests"]

    assert (reply.status, reply.json().keys()) == (400, {"type", "code", "detail"})
    assert (request["status"], request["detail"]) == (400, reply.json()["detail"])


def test_listing(desk: Desk) -> None:
    """The list has events in full, or summaries only, and the position of the stream."""
    event = an_event()
    desk.post("/batch/", a_batch(event, an_event("other")))
    listing = desk.ask("GET", "/api/events?name=paid").json()
    summaries = desk.ask("GET", "/api/events?summary=1&order=newest&limit=1").json()

    assert [row["event"] for row in listing["events"]] == [event]
    assert (listing["total"], listing["position"]) == (2, f"{desk.store.generation}.2.1")
    assert [row["name"] for row in summaries["events"]] == ["other"]
    assert "event" not in summaries["events"][0]


def test_one_event(desk: Desk) -> None:
    """One event comes with the requests that carried it, and as text with its exact numbers."""
    event = an_event(properties={"id": 2**70})
    desk.post("/batch/", a_batch(event))
    found = desk.ask("GET", f"/api/events/{event['uuid'].upper()}").json()

    assert found["event"] == event
    assert str(2**70) in found["source"]
    assert [request["status"] for request in found["requests"]] == [200]
    assert desk.ask("GET", "/api/events/nothing").status == 404


@pytest.mark.parametrize("value", ["-1", "x", "1" * 30, "²"])
def test_bad_numbers(desk: Desk, value: str) -> None:
    """A number that is none is refused, not a server error."""
    assert desk.ask("GET", f"/api/events?after={value}").status == 400


def test_wrong_method(desk: Desk) -> None:
    """A wrong method is answered in the same shape as everything else."""
    reply = desk.ask("GET", "/batch/")

    assert (reply.status, reply.json()["detail"]) == (405, "Method Not Allowed.")


@pytest.mark.parametrize(
    ("header", "name"), [("a:1", "a"), ("[::1]:8", "[::1]"), ("[::1]", "[::1]"), ("a:", "a:")]
)
def test_host_name(header: str, name: str) -> None:
    """The port is taken off a host, and nothing else."""
    assert host_name(header) == name


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 (refused)
        ("192.168.0.1", False),
        ("0x7f.1", False),
    ],
)
def test_is_loopback(host: str, *, expected: bool) -> None:
    """Only addresses of this machine count as loopback."""
    assert is_loopback(host) is expected
