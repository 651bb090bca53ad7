"""What the log of requests shows, and what it hides."""

from __future__ import annotations

import pytest

from posthog_web.inspector.envelope import logged_headers, read_envelope


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("PostHog-Attempt", "2", "2"),
        ("Authorization", "Bearer phc_x", "Bearer phc_x"),
        ("Authorization", "Bearer phx_secret", "Bearer …"),
        ("Authorization", "Basic secret", "Basic …"),
        ("Authorization", "secret", "…"),
        ("Proxy-Authorization", "Bearer phc_x", "…"),
        ("Cookie", "sessionid=secret", "…"),
    ],
)
def test_headers(name: str, value: str, shown: str) -> None:
    """A header is shown as sent; of credentials, the project's key alone."""
    assert logged_headers([(name, value)]) == {name.lower(): shown}


def test_repeated_header() -> None:
    """A header sent twice is shown with both its values."""
    assert logged_headers([("A", "1"), ("a", "2")]) == {"a": "1, 2"}


def test_envelope() -> None:
    """Plain fields beside the batch are shown; long ones shortened, a personal key hidden."""
    payload = {
        "batch": [{}],
        "api_key": "phx_secret",
        "sent_at": "now",
        "historical_migration": False,
        "nothing": None,
        "number": 1.5,
        "huge": float("inf"),
        "deep": {"a": 1},
        "long": "x" * 300,
    }

    assert read_envelope(payload) == {
        "api_key": "phx_…",
        "sent_at": "now",
        "historical_migration": False,
        "nothing": None,
        "number": 1.5,
        "long": "x" * 200 + "…",
    }


@pytest.mark.parametrize("payload", [[], {"event": "paid", "api_key": "phc_x"}, "x", None])
def test_no_envelope(payload: object) -> None:
    """What is no batch has no envelope."""
    assert read_envelope(payload) == {}
