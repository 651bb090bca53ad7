"""The browser's own cookie: back end and front end speak of one visitor, on every adapter."""

from __future__ import annotations

import json
from time import time
from typing import Any
from urllib.parse import quote

import pytest

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import PEOPLE
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter, is_about_nobody

KEY = "phc_shop"
OPT_OUT = f"__ph_opt_in_out_{KEY}"


def visitor(distinct_id: str, state: str = "identified", key: str = KEY) -> dict[str, str]:
    """Return the cookie posthog-js keeps for a visitor, a session of now in it."""
    now = int(time() * 1000)
    kept = {
        "distinct_id": distinct_id,
        "$device_id": "device-7",
        "$user_state": state,
        "$sesid": [now, "session-of-cookie", now],
    }
    return {f"ph_{key}_posthog": quote(json.dumps(kept))}


@BOTH_STYLES
def test_the_browsers_cookie_names_the_visitor(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Whom posthog-js identified is the person of the event, in the browser's session."""
    start(project_api_key=KEY).get(f"{style}/capture", cookies=visitor("user-of-cookie"))

    event = events.one("seen")
    assert event.distinct_id == "user-of-cookie"
    assert event.properties["$session_id"] == "session-of-cookie"
    assert not event.is_personless


@BOTH_STYLES
def test_an_anonymous_visitor_keeps_the_browsers_id(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Somebody posthog-js knows as anonymous has its id, and no profile is made."""
    start(project_api_key=KEY).get(f"{style}/capture", cookies=visitor("device-7", "anonymous"))

    event = events.one("seen")
    assert event.distinct_id == "device-7"
    assert event.is_personless


def test_a_header_beats_the_cookie(start: Starter, events: RecordedEvents) -> None:
    """The tracing headers are of this very request, so they come first."""
    start(project_api_key=KEY).get("/capture", VISITOR, visitor("user-of-cookie"))

    event = events.one("seen")
    assert event.distinct_id == "visitor-7"
    assert event.properties["$session_id"] == "session-7"


@BOTH_STYLES
def test_the_user_beats_the_cookie(start: Starter, style: str, events: RecordedEvents) -> None:
    """Who is logged in is the person, whatever the browser's cookie says."""
    application = start(project_api_key=KEY)
    cookies = application.log_in("ann")
    events.clear()
    application.get(f"{style}/capture", cookies={**cookies, **visitor("user-of-cookie")})

    event = events.one("seen")
    assert event.distinct_id == PEOPLE["ann"]
    assert event.properties["$session_id"] == "session-of-cookie"
    assert "user-of-cookie" not in json.dumps(event.raw)


@BOTH_STYLES
def test_a_person_named_by_a_cookie_is_not_changed(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """What a cookie says is a claim: no $set and no $set_once goes with it."""
    application = start(project_api_key=KEY)
    application.get(f"{style}/person-set-with-event", cookies=visitor(PEOPLE["ann"]))
    application.get(f"{style}/person-set", cookies=visitor(PEOPLE["ann"]))

    assert events.names == ["seen"]
    assert not {"$set", "$set_once"} & events[0].properties.keys()


@pytest.mark.parametrize(
    "cookies",
    [
        visitor("user-1", key="phc_other"),
        visitor("undefined"),
        {f"ph_{KEY}_posthog": "%7Bbroken"},
        {f"ph_{KEY}_posthog": quote('{"distinct_id": ["x"]}')},
    ],
    ids=["another project's", "nobody's", "broken", "odd"],
)
def test_a_cookie_that_names_nobody_is_ignored(
    start: Starter, cookies: dict[str, str], events: RecordedEvents
) -> None:
    """The event is about nobody, and the answer is what it is without us."""
    answer = start(project_api_key=KEY).get("/capture", cookies=cookies)

    assert is_about_nobody(events.one("seen"))
    assert answer == start.without().get("/capture", cookies=cookies)


def test_a_distrusted_cookie_is_ignored(start: Starter, events: RecordedEvents) -> None:
    """trust_client_ids=False: neither its person nor its session."""
    application = start(project_api_key=KEY, trust_client_ids=False)
    application.get("/capture", cookies=visitor("user-of-cookie"))

    event = events.one("seen")
    assert is_about_nobody(event)
    assert "$session_id" not in event.properties


@pytest.mark.spec("SRV-065", "SRV-066", "SRV-068")
@BOTH_STYLES
@pytest.mark.parametrize(
    ("options", "cookies", "captured"),
    [
        ({}, {}, True),
        ({}, {OPT_OUT: "0"}, False),
        ({}, {OPT_OUT: "1"}, True),
        ({}, {OPT_OUT: "perhaps"}, True),
        ({}, {"__ph_opt_in_out_phc_other": "0"}, True),
        ({"respect_opt_out_cookie": False}, {OPT_OUT: "0"}, True),
        ({"opt_out_by_default": True}, {}, False),
        ({"opt_out_by_default": True}, {OPT_OUT: "1"}, True),
        ({"opt_out_by_default": True}, {OPT_OUT: "perhaps"}, False),
        ({"opt_out_cookie": "consent"}, {"consent": "denied"}, False),
        ({"opt_out_cookie": "consent"}, {"consent": "granted", OPT_OUT: "0"}, True),
    ],
)
def test_the_opt_out_cookie_is_honoured(
    start: Starter,
    style: str,
    options: Any,
    cookies: dict[str, str],
    events: RecordedEvents,
    *,
    captured: bool,
) -> None:
    """A browser that was opted out sends nothing; one that was opted in does, by any default."""
    application = start(project_api_key=KEY, **options)
    answer = application.get(f"{style}/capture", VISITOR, cookies)

    assert events.names == (["seen"] if captured else [])
    assert answer == start.without().get(f"{style}/capture", VISITOR, cookies)


@pytest.mark.spec("SRV-066")
@pytest.mark.parametrize(
    ("options", "header", "captured"),
    [
        ({}, ("Sec-GPC", "1"), True),
        ({"respect_gpc": True}, ("Sec-GPC", "1"), False),
        ({"respect_gpc": True}, ("Sec-GPC", "0"), True),
        ({"respect_gpc": True}, ("DNT", "1"), True),
        ({}, ("DNT", "1"), True),
        ({"respect_dnt": True}, ("DNT", "1"), False),
        ({"respect_dnt": True}, ("DNT", "0"), True),
    ],
)
def test_signals_of_the_browser_are_honoured_when_asked(
    start: Starter,
    options: Any,
    header: tuple[str, str],
    events: RecordedEvents,
    *,
    captured: bool,
) -> None:
    """Sec-GPC and DNT count where the option says so."""
    start(**options).get("/capture", [header])

    assert events.names == (["seen"] if captured else [])


@pytest.mark.spec("SRV-066")
@BOTH_STYLES
@pytest.mark.parametrize(
    "path",
    [
        "/identified",
        "/person-described",
        "/aliased",
        "/grouped",
        "/module-level",
        "/raises",
        "/fresh",
    ],
)
def test_an_opted_out_request_sends_nothing_at_all(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """No verb, of the request or of the module, and no exception; the answer stays as it is."""
    cookies = {OPT_OUT: "0"}
    answer = start(project_api_key=KEY).get(style + path, VISITOR, cookies)

    assert answer.status in {200, 500}
    assert events.names == []
    assert answer == start.without().get(style + path, VISITOR, cookies)


@BOTH_STYLES
def test_the_next_request_decides_for_itself(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Opting out is a request's own: another browser's events go."""
    application = start(project_api_key=KEY)
    application.get(f"{style}/capture", VISITOR, {OPT_OUT: "0"})
    application.get(f"{style}/capture", VISITOR)

    assert events.names == ["seen"]
