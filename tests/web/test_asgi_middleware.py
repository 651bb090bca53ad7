"""How the ASGI middleware is put around an application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from posthog_web import Client
from posthog_web.asgi import PosthogMiddleware
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import AsgiApplication, Call


async def answer(scope: Any, _receive: Any, send: Any) -> None:
    """Capture, and answer with nothing."""
    scope["state"]["posthog"].capture("seen")
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda: PosthogMiddleware(answer, client=Client("phc_wrapped")),
        lambda: PosthogMiddleware(app=answer, client=Client("phc_wrapped")),
    ],
    ids=["by position", "by name"],
)
def test_the_application_comes_by_position_or_by_name(
    wrap: Callable[[], PosthogMiddleware], posthog_events: RecordedEvents
) -> None:
    """Newer Starlettes pass the application by position, 0.40 and 0.41 pass it as ``app``."""
    assert AsgiApplication(wrap()).get("/").status == 204
    assert posthog_events.names == ["seen"]


def test_an_application_there_must_be() -> None:
    """Without one it is refused where it is written."""
    with pytest.raises(TypeError, match="wraps an ASGI application"):
        PosthogMiddleware(client=Client("phc_wrapped"))


def test_the_route_is_found_by_its_endpoint(posthog_events: RecordedEvents) -> None:
    """Where the framework names the endpoint only, its route tells the template."""
    import re

    def endpoint() -> None:
        """Stand for itself."""

    class Framework:
        routes = (
            SimpleNamespace(path="/other", endpoint=endpoint, path_regex=re.compile("^/other$")),
            SimpleNamespace(
                path="/of/{n}", endpoint=endpoint, path_regex=re.compile("^/of/[0-9]+$")
            ),
        )

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["endpoint"] = endpoint
            await answer(scope, receive, send)

    application = AsgiApplication(PosthogMiddleware(Framework(), client=Client("phc_wrapped")))
    asyncio.run(application.send_async(Call(path="/of/7")))
    asyncio.run(application.send_async(Call(path="/nowhere")))

    assert [event.properties.get("$request_route") for event in posthog_events] == ["/of/{n}", None]


def test_a_request_class_with_a_posthog_of_its_own_keeps_it() -> None:
    """What an application assigns in a class derived from Starlette's is its own."""

    class OwnRequest(Request):
        def __init__(self, scope: dict[str, Any]) -> None:
            super().__init__(scope)
            self.posthog = "mine"

    assert OwnRequest({"type": "http", "headers": []}).posthog == "mine"
