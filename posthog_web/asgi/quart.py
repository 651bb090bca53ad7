"""Errors that Quart answers by itself: it tells of them by its signals, as Flask does.

Quart is never imported from here before the application has done so.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from posthog_web._guard import safely
from posthog_web.asgi.source import SERVED

if TYPE_CHECKING:
    from posthog_web._web.lifetime import Lifetime

_SOURCE = "quart.got_request_exception"


@safely
def listen() -> None:
    """Listen to Quart, if it is there."""
    if (quart := _quart()) is not None:
        quart.got_request_exception.connect(_hear)
        quart.got_websocket_exception.connect(_hear)


def _quart() -> Any:  # noqa: ANN401 - a module
    return sys.modules.get("quart")


# A plain function would be called on another thread.
async def _hear(_app: object, *, exception: BaseException, **_: Any) -> None:  # noqa: ANN401 - what the signal passes
    _report(exception)


@safely
def _report(error: BaseException) -> None:
    quart = _quart()
    serves_http = quart.has_request_context()
    scope = (quart.request if serves_http else quart.websocket).scope
    lifetime: Lifetime | None = scope.get(SERVED)
    if lifetime is not None:
        if serves_http:
            lifetime.note_status(500)
        lifetime.report(error, _SOURCE)
