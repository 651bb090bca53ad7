"""What servers and middleware say of a request, however odd, and when a status is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.test.utils import override_settings

from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.small import (
    KEY,
    OURS,
    bare,
    call_asgi,
    call_wsgi,
    django_settings,
    make_flask,
    place,
    view,
)

BARE = PosthogMiddleware(bare, project_api_key=KEY)


@pytest.fixture(autouse=True)
def _django() -> Iterator[None]:
    with django_settings():
        yield


def test_a_host_that_django_does_not_allow(posthog_events: RecordedEvents) -> None:
    """Nobody but the application may find fault with the Host header."""
    with override_settings(ALLOWED_HOSTS=["shop.test"]):
        assert call_wsgi(WSGIHandler(), HTTP_HOST="10.0.0.7:8000") == 200
        assert call_asgi(ASGIHandler(), headers=[(b"host", b"10.0.0.7:8000")]) == 200

    assert [event.properties["$host"] for event in posthog_events] == ["10.0.0.7:8000"] * 2


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"path": ""}, {"$pathname": "/", "$current_url": "http://shop.test/"}),
        ({"client": None}, {"$ip": None}),
        ({"client": ("testclient", 50000)}, {"$ip": None}),
        ({"client": ("fe80::1%eth0", 1)}, {"$ip": "fe80::1"}),
        ({"client": ("::ffff:203.0.113.5", 1)}, {"$ip": "203.0.113.5"}),
        ({"headers": []}, {"$host": "shop.test", "$user_agent": None}),
        ({"headers": [], "scheme": "https"}, {"$host": "shop.test:80"}),
        ({"headers": [], "server": None}, {"$host": None, "$current_url": None, "$pathname": "/"}),
        ({"headers": [], "server": ("/run/x.sock", None)}, {"$host": None, "$pathname": "/"}),
        ({"headers": [], "server": ("::1", 8000)}, {"$host": "[::1]:8000"}),
        ({"method": "get"}, {"$request_method": "get"}),
        ({"method": "x" * 99}, {"$request_method": "x" * 32}),
        ({"path": "/\udcff"}, {"$current_url": "http://shop.test/%EF%BF%BD"}),
        ({"root_path": "/in/"}, {"$pathname": "/in/"}),
    ],
)
def test_an_asgi_server_may_say_anything(
    odd: dict[str, Any], expected: dict[str, Any], posthog_events: RecordedEvents
) -> None:
    """What is missing is left out, and what is odd is told as far as it makes sense."""
    assert call_asgi(BARE, **{"headers": [(b"host", b"shop.test")], **odd}) == 200

    properties = posthog_events.one("seen").properties
    assert {name: properties.get(name) for name in expected} == expected


class Broken:
    """An application whose routes cannot be read."""

    @property
    def routes(self) -> Any:
        """Fail."""
        raise RuntimeError

    async def __call__(self, *connection: Any) -> None:
        """Serve one connection."""
        await bare(*connection)


def test_a_path_is_not_told_if_its_secrets_cannot_be_found(posthog_events: RecordedEvents) -> None:
    """Where the routes cannot be read, the path stays here; answer and the rest are as ever."""
    assert call_asgi(PosthogMiddleware(Broken(), project_api_key=KEY), path="/reset/SECRET") == 200

    properties = posthog_events.one("seen").properties
    assert not {"$pathname", "$request_path", "$request_route"} & properties.keys()
    assert properties["$current_url"] == "http://shop.test"
    assert properties["$request_method"] == "GET"


def test_the_middleware_takes_the_application_by_name_too(posthog_events: RecordedEvents) -> None:
    """Starlette passes it by position or by name, as its version has it; it cannot be left out."""
    wrap: Any = PosthogMiddleware
    assert call_asgi(wrap(app=bare, project_api_key=KEY)) == 200
    assert posthog_events.names == ["seen"]
    with pytest.raises(TypeError, match="wraps an ASGI application"):
        wrap(project_api_key=KEY)


# The status


async def answer_first(scope: Any, _receive: Any, send: Any) -> None:
    """Capture before and after the response begins."""
    scope["state"]["posthog"].capture("before")
    await send({"type": "http.response.start", "status": 418, "headers": []})
    scope["state"]["posthog"].capture("after")
    await send({"type": "http.response.body", "body": b""})


def capture_afterwards(get_response: Callable[[HttpRequest], Any]) -> Callable[[Any], Any]:
    """Capture when the view is done."""

    def answer(request: Any) -> Any:
        response = get_response(request)
        request.posthog.capture("after")
        return response

    return answer


def statuses(events: RecordedEvents) -> dict[str, object]:
    """Return the status that each event tells."""
    return {event.event: event.properties.get("$response_status_code") for event in events}


def test_asgi_events_tell_a_status_once_there_is_one(posthog_events: RecordedEvents) -> None:
    """What is captured after the response began has its status."""
    assert call_asgi(PosthogMiddleware(answer_first, project_api_key=KEY)) == 418
    assert statuses(posthog_events) == {"before": None, "after": 418}


def test_django_events_tell_a_status_once_there_is_one(posthog_events: RecordedEvents) -> None:
    """What a middleware further out captures after the view has the status."""
    with override_settings(MIDDLEWARE=[f"{__name__}.capture_afterwards", OURS]):
        call_wsgi(WSGIHandler(), PATH_INFO="/")

    assert statuses(posthog_events) == {"seen": None, "after": 200}


def test_flask_events_tell_a_status_once_there_is_one(posthog_events: RecordedEvents) -> None:
    """What is captured when the request is torn down has the status."""
    app = make_flask()
    app.teardown_request(lambda _: flask.request.posthog.capture("after"))  # type: ignore[attr-defined,arg-type] # ours
    call_wsgi(app, PATH_INFO="/a/x")

    assert statuses(posthog_events) == {"seen": None, "after": 200}


@pytest.mark.parametrize("framework", ["Django", "Flask"])
@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"REMOTE_ADDR": ""}, {"$ip": None}),
        ({"REMOTE_ADDR": "localhost"}, {"$ip": None}),
        ({"SERVER_NAME": "::1"}, {"$host": "[::1]"}),
        ({"REQUEST_METHOD": "get"}, {"$request_method": "get"}),
        ({"HTTP_X_FORWARDED_FOR": "\xff, ::::,"}, {"$ip": "203.0.113.9"}),
    ],
)
def test_a_wsgi_server_may_say_anything(
    framework: str, odd: dict[str, Any], expected: dict[str, Any], posthog_events: RecordedEvents
) -> None:
    """The same for a WSGI server, whichever framework it serves."""
    app: Any = WSGIHandler()
    if framework == "Flask":
        app = make_flask()
        app.add_url_rule("/", view_func=lambda: view(flask.request).content)
    assert call_wsgi(app, **odd) == 200

    properties = posthog_events.one("seen").properties
    assert {name: properties.get(name) for name in expected} == expected


def test_a_broken_header_costs_itself_only(posthog_events: RecordedEvents) -> None:
    """What a server or a middleware spoils leaves the answer and all other properties."""
    headers = [(b"host", b"shop.test"), ("user-agent", "no bytes"), None]
    assert call_asgi(BARE, headers=headers, query_string=None, client=7) == 200

    properties = posthog_events.one("seen").properties
    assert properties["$current_url"] == "http://shop.test/"
    assert properties["$request_method"] == "GET"
    assert not {"$user_agent", "$ip"} & properties.keys()


def test_no_path_at_all_is_the_root(posthog_events: RecordedEvents) -> None:
    """An empty PATH_INFO is what Django takes it for."""
    assert call_wsgi(WSGIHandler(), PATH_INFO="") == 200
    assert place(posthog_events.one("seen")) == ("/", "/")


def test_a_broken_environ_costs_itself_only(posthog_events: RecordedEvents) -> None:
    """The same under WSGI, where a middleware can put anything into the environ."""
    assert call_wsgi(WSGIHandler(), HTTP_USER_AGENT=7, HTTP_HOST=b"shop.test") == 200

    properties = posthog_events.one("seen").properties
    assert properties["$pathname"] == "/"
    assert properties["$ip"] == "203.0.113.9"
    assert not {"$user_agent", "$raw_user_agent", "$host", "$current_url"} & properties.keys()
