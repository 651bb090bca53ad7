"""Views that name a person themselves, by an id that came from the browser.

``ask`` returns the request's ``posthog``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import posthog_web

KNOWN = "visitor-7"
PROPERTIES = {"n": 1, "$set": {"plan": "pro"}, "$set_once": {"first": "today"}}


def claim_set(ask: Callable[[], Any]) -> str:
    """Set properties of the person on the module, in each way there is."""
    claimed = ask().distinct_id
    posthog_web.set(claimed, {"plan": "pro"})
    posthog_web.set_once(claimed, {"first": "today"})
    posthog_web.identify(claimed, {"plan": "pro"})
    with posthog_web.new_context(fresh=True):
        posthog_web.set(claimed, {"plan": "pro"})
    return "set"


def claim_aliased(ask: Callable[[], Any]) -> str:
    """Join the person to another, from either side."""
    claimed = ask().distinct_id
    posthog_web.alias(claimed, "another")
    posthog_web.alias("another", claimed)
    return "aliased"


def claim_joined(ask: Callable[[], Any]) -> str:
    """Make one person of two, with events by the names PostHog knows."""
    claimed = ask().distinct_id
    for name, key in (
        ("$identify", "$anon_distinct_id"),
        ("$merge_dangerously", "alias"),
        ("$create_alias", "alias"),
    ):
        posthog_web.capture(name, distinct_id="another", properties={key: claimed})
        with posthog_web.new_context():
            posthog_web.identify_context("another")
            posthog_web.capture(name, properties={key: claimed})
            posthog_web.alias(claimed)
    return "joined"


def claim_captured(ask: Callable[[], Any]) -> str:
    """Capture with the id given, by the request and by the module."""
    claimed = ask().distinct_id
    ask().capture("seen", PROPERTIES, distinct_id=claimed)
    posthog_web.capture(claimed, "seen on the module", PROPERTIES)
    return "captured"


def claim_known_otherwise(ask: Callable[[], Any]) -> str:
    """Capture with an id that the application has from elsewhere: its own session, say."""
    ask().capture("seen", PROPERTIES, distinct_id=KNOWN)
    posthog_web.set(KNOWN, {"plan": "pro"})
    return "captured"


def claim_vouched_for(ask: Callable[[], Any]) -> str:
    """Name the person in code, since the application knows it, and only then set properties."""
    ask().identify(ask().distinct_id or KNOWN, {"plan": "pro"})
    posthog_web.set(ask().distinct_id, {"plan": "pro"})
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
