"""Views that name a person themselves, by an id that came from the browser.

``ask`` returns the request's ``posthog``. The id is known, for a coroutine may not be told it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import posthog_web

CLAIMED = "visitor-7"


def claim_set(_ask: Callable[[], Any]) -> str:
    """Set properties of the person on the module, in each way there is."""
    posthog_web.set(CLAIMED, {"plan": "pro"})
    posthog_web.set_once(CLAIMED, {"first": "today"})
    posthog_web.identify(CLAIMED, {"plan": "pro"})
    with posthog_web.new_context(fresh=True):
        posthog_web.set(CLAIMED, {"plan": "pro"})
    return "set"


def claim_aliased(_ask: Callable[[], Any]) -> str:
    """Join the person to another, from either side."""
    posthog_web.alias(CLAIMED, "another")
    posthog_web.alias("another", CLAIMED)
    return "aliased"


def claim_captured(ask: Callable[[], Any]) -> str:
    """Capture with the id given, by the request and by the module."""
    properties = {"n": 1, "$set": {"plan": "pro"}, "$set_once": {"first": "today"}}
    ask().capture("seen", properties, distinct_id=CLAIMED)
    posthog_web.capture(CLAIMED, "seen on the module", properties)
    return "captured"


def claim_vouched_for(ask: Callable[[], Any]) -> str:
    """Name the person in code, since the application knows it, and only then set properties."""
    ask().identify(CLAIMED, {"plan": "pro"})
    posthog_web.set(CLAIMED, {"plan": "pro"})
    with posthog_web.new_context():
        posthog_web.identify_context("inner")
        posthog_web.set("inner", {"plan": "pro"})
    return "set"


def fresh(_ask: Callable[[], Any]) -> str:
    """Capture in a context that sees nothing of the request."""
    with posthog_web.new_context(fresh=True):
        posthog_web.capture("seen", distinct_id="somebody")
        with posthog_web.new_context():
            posthog_web.capture("seen", distinct_id="somebody")
    return "captured"
