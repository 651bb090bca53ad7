"""What is made of posthog-js's cookie, whatever stands in it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_web._web.visitor import NO_VISITOR, Visitor, find_cookies, read_visitor

KEY = "phc_key"
NAME = "ph_phc_key_posthog"
NOW = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def cookie(state: Any, name: str = NAME) -> list[str]:
    """Return the header of a browser in which posthog-js wrote *state*."""
    text = state if isinstance(state, str) else json.dumps(state)
    return [f"other=1; {name}={quote(text)}; theme=dark"]


@pytest.mark.parametrize(
    ("state", "visitor"),
    [
        (
            {"distinct_id": "user-1", "$user_state": "identified"},
            Visitor(distinct_id="user-1"),
        ),
        (
            {"distinct_id": "device", "$device_id": "device", "$user_state": "anonymous"},
            Visitor(distinct_id="device", anonymous=True),
        ),
        ({"distinct_id": "device"}, Visitor(distinct_id="device", anonymous=True)),
        ({"distinct_id": 7, "$user_state": "identified"}, NO_VISITOR),
        ({"distinct_id": "café", "$user_state": "identified"}, Visitor(distinct_id="café")),
        ({"$user_state": "identified"}, NO_VISITOR),
    ],
)
def test_it_names_a_visitor(state: Any, visitor: Visitor) -> None:
    """Identified, anonymous, of unknown state, or nobody at all."""
    assert read_visitor(cookie(state), KEY, NOW) == visitor


@pytest.mark.parametrize(
    ("session", "session_id"),
    [
        ([NOW, "s", NOW], "s"),
        ([NOW - 29 * MINUTE, "s", NOW - 23 * HOUR], "s"),
        ([NOW - 31 * MINUTE, "s", NOW - HOUR], None),
        ([NOW, "s", NOW - 25 * HOUR], None),
        ([NOW + MINUTE, "s", NOW + MINUTE], "s"),
        ([NOW, "s"], None),
        ([NOW, 7, NOW], None),
        (["now", "s", NOW], None),
        ("s", None),
        (None, None),
    ],
)
def test_it_names_a_session_while_it_lasts(session: Any, session_id: str | None) -> None:
    """A session counts for half an hour after the last activity, and for a day at most."""
    assert read_visitor(cookie({"$sesid": session}), KEY, NOW).session_id == session_id


@pytest.mark.parametrize(
    "text",
    ["", "not json", "[]", "7", "null", '{"distinct_id":', "%", "%zz", "%ff%fe", "[" * 5_000,
     json.dumps({"distinct_id": "x" * 20_000})],
)  # fmt: skip
def test_what_cannot_be_read_names_nobody(text: str) -> None:
    """Broken JSON, broken percent-encoding, other values and far too much of it."""
    assert read_visitor([f"{NAME}={text}"], KEY, NOW) == NO_VISITOR


def test_another_projects_cookie_is_not_read() -> None:
    """Only the cookie of this project's key counts."""
    headers = cookie({"distinct_id": "user-1"}, name="ph_phc_other_posthog")

    assert read_visitor(headers, KEY, NOW) == NO_VISITOR


def test_a_key_is_spelled_as_posthog_js_does() -> None:
    """The characters a cookie's name cannot hold are written as letters."""
    state = {"distinct_id": "user-1", "$user_state": "identified"}
    headers = cookie(state, name="ph_aPLbSLcEQ_posthog")

    assert read_visitor(headers, "a+b/c=", NOW) == Visitor(distinct_id="user-1")


def test_the_first_that_can_be_read_counts() -> None:
    """Of several cookies of one name, a broken one does not hide the next."""
    good = cookie({"distinct_id": "user-1", "$user_state": "identified"})

    assert read_visitor([f"{NAME}=broken", *good], KEY, NOW) == Visitor(distinct_id="user-1")


def test_cookies_are_found_by_their_whole_name() -> None:
    """Quotes and spaces around a value go; a name that only ends alike is another."""
    header = 'a=1; xa=2;a = "3" ;a; b=a=4'

    assert list(find_cookies([header], "a")) == ["1", "3"]


@given(text=st.text(max_size=300))
def test_any_text_is_tolerated(text: str) -> None:
    """Nothing a browser can send raises."""
    read_visitor([text, f"{NAME}={text}", f"{NAME}={quote(text, errors='replace')}"], KEY, NOW)
