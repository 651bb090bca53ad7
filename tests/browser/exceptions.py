"""Exceptions as libraries send them, for the page to show."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import requests

from posthog_web.inspector import Inspector

Entry = dict[str, Any]

REQUEST = {
    "$request_method": "POST",
    "$request_path": "/orders/4711/pay/",
    "$request_route": "/orders/<int:number>/pay/",
    "$response_status_code": 500,
}


def send(inspector: Inspector, exception_list: object, **properties: object) -> None:
    """Send an exception as another library would."""
    event = {
        "event": "$exception",
        "distinct_id": "ada",
        "uuid": str(uuid4()),
        "timestamp": "2026-11-22T12:01:55.630Z",
        "properties": {"$exception_list": exception_list, **properties},
    }
    body = {"api_key": "phc_test", "batch": [event]}
    requests.post(f"{inspector.url}/batch/", json=body, timeout=10).raise_for_status()


def an_entry(kind: str, value: str, *frames: Entry, **mechanism: object) -> Entry:
    """Return one exception, with its frames in the order of calls."""
    entry: Entry = {"type": kind, "value": value, "mechanism": mechanism}
    return entry | ({"stacktrace": {"type": "raw", "frames": list(frames)}} if frames else {})


def a_frame(function: str, place: str, line: str, **more: object) -> Entry:
    """Return a call in the application's own code; *place* is file and line."""
    filename, _, number = place.partition(":")
    return {
        "platform": "python",
        "filename": filename,
        "abs_path": f"/srv/{filename}",
        "function": function,
        "lineno": int(number),
        "pre_context": [f"def {function}(order):"],
        "context_line": f"    {line}",
        "post_context": [],
        "in_app": True,
        **more,
    }


def a_library_frame(function: str, place: str) -> Entry:
    """Return a call in somebody else's code."""
    return a_frame(function, place, f"return {function}_inside()", in_app=False)


def a_payment_that_failed() -> list[Entry]:
    """Return what happens when two banks fail, and what they raised is translated twice."""
    return [
        an_entry(
            "CheckoutError",
            "order 4711 was not paid",
            a_library_frame("get_response", "django/core/handlers/base.py:181"),
            a_library_frame("view", "django/views/generic/base.py:104"),
            a_frame("pay", "shop/views.py:34", "checkout(order)"),
            a_library_frame("inner", "django/utils/decorators.py:48"),
            a_frame(
                "checkout",
                "shop/payment.py:61",
                "raise CheckoutError(order) from error",
                code_variables={"order": 4711, "card": "$$_posthog_redacted_$$"},
            ),
            type="middleware",
            handled=False,
            exception_id=0,
        ),
        an_entry(
            "BankError",
            "nobody answers",
            a_frame("checkout", "shop/payment.py:58", "charge(order)"),
            a_library_frame("send", "requests/sessions.py:703"),
            type="chained",
            source="cause",
            exception_id=1,
            parent_id=0,
        ),
        an_entry(
            "ExceptionGroup",
            "both banks",
            type="chained",
            source="context",
            exception_id=2,
            parent_id=1,
        ),
        an_entry(
            "TimeoutError",
            "the first bank",
            type="chained",
            source="member",
            exception_id=3,
            parent_id=2,
        ),
        an_entry(
            "OSError",
            "its line is down",
            type="chained",
            source="cause",
            exception_id=4,
            parent_id=3,
        ),
        an_entry(
            "KeyError",
            "'the second bank'",
            type="chained",
            source="member",
            exception_id=5,
            parent_id=2,
        ),
    ]
