"""Who an event is about: the ladder of trust, the same on every adapter."""

from __future__ import annotations

import gc
import json
import warnings
from typing import Any

import pytest

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import PEOPLE
from tests.adapters.situation import (
    BOTH_STYLES,
    SESSION,
    VISITOR,
    Starter,
    is_about_nobody,
)

# What programs send when they mean nobody, and what is nothing at all.
NOBODIES = (
    "null", "undefined", "anonymous", "None", "NaN", "true", "0", "[object Object]",
    "00000000-0000-0000-0000-000000000000", "ANONYMOUS", " null ", "   ", "\x00\x01", "",
)  # fmt: skip

UNCLEAN = {
    "trimmed": ("  visitor-7\t ", "visitor-7"),
    "without control characters": ("visi\x07tor\x7f-7", "visitor-7"),
    "cut": ("v" * 1200, "v" * 1000),
    "as long as allowed": ("v" * 1000, "v" * 1000),
}


@pytest.mark.spec("SRV-263", "SRV-264", "SRV-266", "SRV-267")
@BOTH_STYLES
def test_header_ids_reach_an_event(start: Starter, style: str, events: RecordedEvents) -> None:
    """A visitor's headers, in any case, name the person, the session and the window."""
    for case in (str.upper, str.lower, str.title):
        start().get(f"{style}/capture", [(case(name), value) for name, value in VISITOR])

    assert [event.distinct_id for event in events] == ["visitor-7"] * 3
    assert {event.properties["$session_id"] for event in events} == {"session-7"}
    assert {event.properties["$window_id"] for event in events} == {"window-7"}
    assert [event.properties["n"] for event in events] == [1, 1, 1]
    assert not any(event.is_personless for event in events)


@pytest.mark.spec("SRV-268")
@BOTH_STYLES
def test_explicit_values_beat_the_request(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A distinct id, a session and groups given to capture win over the request's."""
    start().get(f"{style}/explicit", VISITOR)

    event = events.one("seen")
    assert event.distinct_id == "explicit-person"
    assert event.properties["$session_id"] == "explicit-session"
    assert event.properties["$groups"] == {"company": "acme"}
    assert event.properties["$window_id"] == "window-7"


@pytest.mark.spec("SRV-269")
@BOTH_STYLES
def test_without_an_id_an_event_is_about_nobody(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """It gets a random id and makes no profile; the session stays."""
    start().get(f"{style}/capture", [SESSION])

    event = events.one("seen")
    assert is_about_nobody(event)
    assert event.properties["$session_id"] == "session-7"


@pytest.mark.spec("SRV-269")
def test_a_profile_asked_for_in_code_is_made(start: Starter, events: RecordedEvents) -> None:
    """An explicit $process_person_profile wins over the one for nobody."""
    start().get("/profile")

    assert events.one("seen").properties["$process_person_profile"] is True


@BOTH_STYLES
def test_a_nobody_is_one_for_a_request_only(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Events about nobody share an id within a request, and no id between two."""
    application = start()
    application.get(f"{style}/twice")
    application.get(f"{style}/twice")

    first, second, third, fourth = (event.distinct_id for event in events)
    assert (first, third) == (second, fourth)
    assert first != third


@pytest.mark.spec("SRV-265")
@pytest.mark.parametrize("case", UNCLEAN)
def test_header_ids_are_cleaned(start: Starter, case: str, events: RecordedEvents) -> None:
    """Control characters go, the ends are trimmed, and what is too long is cut."""
    sent, expected = UNCLEAN[case]
    start().get("/capture", [("X-POSTHOG-DISTINCT-ID", sent), ("X-POSTHOG-SESSION-ID", sent)])

    event = events.one("seen")
    assert (event.distinct_id, event.properties["$session_id"]) == (expected, expected)


@pytest.mark.spec("SRV-265", "SRV-277")
def test_header_ids_of_any_bytes_are_tolerated(start: Starter, events: RecordedEvents) -> None:
    """Bytes that are no ASCII, or no text at all, change neither the answer nor the capture."""
    headers = [(name, "caf\xe9 \xff\xfe") for name, _ in VISITOR]
    answer = start().get("/capture", headers)

    assert answer == start.without().get("/capture", headers)
    assert events.one("seen").distinct_id.startswith("caf")


@pytest.mark.spec("SRV-265")
@pytest.mark.parametrize("sent", NOBODIES, ids=repr)
def test_ids_that_name_nobody_are_ignored(
    start: Starter, sent: str, events: RecordedEvents
) -> None:
    """What programs send for want of an id makes no person."""
    start().get("/capture", [("X-POSTHOG-DISTINCT-ID", sent), SESSION])

    assert is_about_nobody(events.one("seen"))


@pytest.mark.spec("SRV-265")
def test_the_first_usable_of_repeated_headers_counts(
    start: Starter, events: RecordedEvents
) -> None:
    """A header that comes twice: the first value that holds anything."""
    name = "X-POSTHOG-DISTINCT-ID"
    start().get("/capture", [(name, " "), (name, "null"), (name, "first"), (name, "second")])

    assert events.one("seen").distinct_id == "first"


def test_distrusted_ids_are_ignored(start: Starter, events: RecordedEvents) -> None:
    """trust_client_ids=False: no id from outside, while the rest of the request stays."""
    start(trust_client_ids=False).get("/capture", VISITOR)

    event = events.one("seen")
    assert is_about_nobody(event)
    assert not {"$session_id", "$window_id"} & event.properties.keys()
    assert event.properties["$request_path"] == "/capture"


@pytest.mark.spec("SRV-273")
@BOTH_STYLES
def test_the_user_beats_the_headers(start: Starter, style: str, events: RecordedEvents) -> None:
    """Who is logged in is the person, whatever a client says; nobody's e-mail leaves."""
    application = start()
    cookies = application.log_in("ann")
    events.clear()
    application.get(f"{style}/capture", VISITOR, cookies)

    event = events.one("seen")
    assert event.distinct_id == PEOPLE["ann"]
    assert event.properties["$session_id"] == "session-7"
    assert not event.is_personless
    assert "example.org" not in json.dumps(event.raw)
    assert "visitor-7" not in json.dumps(event.raw)


@BOTH_STYLES
@pytest.mark.parametrize(
    ("answer", "expected"),
    [("chosen", "chosen"), (7, "7"), (None, PEOPLE["ann"]), ("  ", PEOPLE["ann"])],
)
def test_a_function_may_choose_the_users_id(
    start: Starter, style: str, answer: object, expected: str, events: RecordedEvents
) -> None:
    """The option distinct_id is called with the user; without an answer the id is the usual one."""
    asked: list[bool] = []

    def choose(user: Any) -> object:
        asked.append(user.is_authenticated)
        return answer

    application = start(distinct_id=choose)
    cookies = application.log_in("ann")
    events.clear()
    asked.clear()
    application.get(f"{style}/capture", VISITOR, cookies)
    application.get(f"{style}/capture", VISITOR)

    assert [event.distinct_id for event in events] == [expected, "visitor-7"]
    assert asked == [True]


@BOTH_STYLES
@pytest.mark.parametrize("fails", [False, True])
def test_a_function_is_asked_once_for_a_request(
    start: Starter, style: str, events: RecordedEvents, *, fails: bool
) -> None:
    """However much is captured, the application's function runs once, failing or not."""
    asked: list[object] = []

    def choose(user: object) -> str:
        asked.append(user)
        if fails:
            raise LookupError
        return "chosen"

    application = start(distinct_id=choose)
    cookies = application.log_in("ann")
    events.clear()
    for count in (1, 2):
        asked.clear()
        application.get(f"{style}/twice", VISITOR, cookies)
        assert (len(asked), len(events)) == (1, 2 * count)
    assert all(
        is_about_nobody(event) if fails else event.distinct_id == "chosen" for event in events
    )


@BOTH_STYLES
def test_a_function_that_must_be_awaited_leaves_the_usual_id(
    start: Starter, style: str, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Its coroutine is closed, not left for a warning of Python's, and the log says it once."""

    async def later() -> str:
        return "never"

    application = start(distinct_id=lambda _user: later())
    cookies = application.log_in("ann")
    events.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            application.get(f"{style}/capture", VISITOR, cookies)
        gc.collect()

    assert [event.distinct_id for event in events] == [PEOPLE["ann"]] * 2
    assert sum("distinct_id is asynchronous" in message for message in caplog.messages) == 1


@BOTH_STYLES
def test_a_function_that_fails_names_nobody(
    start: Starter, style: str, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is what it is without us, and the log has one line for all of them."""

    def choose(_user: object) -> str:
        raise LookupError

    application = start(distinct_id=choose)
    cookies = application.log_in("ann")
    events.clear()
    answers = [application.get(f"{style}/capture", VISITOR, cookies) for _ in range(2)]

    bare = start.without()
    assert answers == [bare.get(f"{style}/capture", VISITOR, bare.log_in("ann"))] * 2
    assert all(map(is_about_nobody, events))
    assert len(events) == 2
    assert sum("the user could not be read" in message for message in caplog.messages) == 1


@pytest.mark.spec("SRV-272")
def test_a_header_logs_nobody_in(start: Starter, events: RecordedEvents) -> None:
    """The id of a user in a header names the event's person, and is nobody's login."""
    headers = [("X-POSTHOG-DISTINCT-ID", PEOPLE["ann"])]
    answer = start().get("/person-set-with-event", headers)

    assert answer == start.without().get("/person-set-with-event", headers)
    event = events.one("seen")
    assert event.distinct_id == PEOPLE["ann"]
    assert not {"$set", "$set_once"} & event.properties.keys()


@BOTH_STYLES
def test_an_event_after_a_login_is_about_who_logged_in(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A login in the middle of a request counts for what is captured from then on."""
    start().get(f"{style}/login/ann", VISITOR)

    assert events.one("logged in").distinct_id == PEOPLE["ann"]


@BOTH_STYLES
def test_an_event_before_a_login_is_about_the_visitor(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A login in the middle of a request does not reach back to what was captured before."""
    start().get(f"{style}/login/ann", VISITOR)

    assert events.one("before login").distinct_id == "visitor-7"


@BOTH_STYLES
def test_a_logout_counts_from_then_on(start: Starter, style: str, events: RecordedEvents) -> None:
    """What was captured before a logout is about the user, what comes after is not."""
    application = start()
    cookies = application.log_in("ann")
    events.clear()
    application.get(f"{style}/logout", VISITOR, cookies)

    assert events.one("before logout").distinct_id == PEOPLE["ann"]
    assert events.one("logged out").distinct_id == "visitor-7"


@BOTH_STYLES
@pytest.mark.parametrize(
    ("path", "after"), [("flush", "visitor-7"), ("forget", "visitor-7"), ("cycle", PEOPLE["ann"])]
)
def test_a_session_that_the_view_changes_counts_from_then_on(
    start: Starter, style: str, path: str, after: str, events: RecordedEvents
) -> None:
    """What came before a session ended is the user's, or nobody's, and never whom a header names.

    It is nobody's where asking would block the loop, and the answer is gone with the session.
    """
    application, bare = start(), start.without()
    cookies = bare.log_in("ann")
    answer = application.get(f"{style}/{path}", VISITOR, cookies)

    assert answer.body == bare.get(f"{style}/{path}", VISITOR, bare.log_in("ann")).body
    before = events.one("before")
    if style and path != "cycle":
        assert is_about_nobody(before)
    else:
        assert before.distinct_id == PEOPLE["ann"]
    assert events.one("after").distinct_id == after


@BOTH_STYLES
@pytest.mark.parametrize("path", ["/person-set-with-event", "/person-set-by-module"])
def test_a_person_named_by_a_header_is_not_changed(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """An event about whom only a client names carries neither $set nor $set_once."""
    start().get(style + path, VISITOR)

    assert events.names == ["seen"]
    [event] = events
    assert event.distinct_id == "visitor-7"
    assert (event.set, event.set_once) == ({}, {})
    assert not {"$set", "$set_once"} & event.properties.keys()


@BOTH_STYLES
@pytest.mark.parametrize("path", ["/person-set", "/aliased"])
def test_verbs_that_change_a_person_need_one(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """set, set_once and alias are declined for a nobody, and for whom only a client names."""
    application = start()
    application.get(style + path, VISITOR)
    application.get(style + path)

    assert events.names == []


@BOTH_STYLES
def test_verbs_change_the_user(start: Starter, style: str, events: RecordedEvents) -> None:
    """set, set_once and alias are about whoever is logged in."""
    application = start()
    cookies = application.log_in("ann")
    events.clear()
    application.get(f"{style}/person-set", VISITOR, cookies)
    application.get(f"{style}/person-set-with-event", VISITOR, cookies)
    application.get(f"{style}/aliased", VISITOR, cookies)

    set_, set_once, seen, alias = events
    assert set_.distinct_id == set_once.distinct_id == seen.distinct_id == PEOPLE["ann"]
    assert set_.set == {"plan": "pro"}
    assert set_once.set_once == {"first": "today"}
    assert seen.properties["$set"] == {"plan": "pro"}
    assert alias.event == "$create_alias"
    assert (alias.distinct_id, alias.properties["alias"]) == ("before", PEOPLE["ann"])


@BOTH_STYLES
def test_a_person_named_in_code_counts(start: Starter, style: str, events: RecordedEvents) -> None:
    """identify(id) sends nothing, names the person of all that follows, and may change it."""
    application = start()
    application.get(f"{style}/identified", VISITOR)
    application.get(f"{style}/identified", VISITOR, application.log_in("ann"))

    assert [event.distinct_id for event in events.named("seen")] == ["chosen", "chosen"]
    assert not events.named("$identify")
    assert {event.properties["$set"]["plan"] for event in events.named("seen")} == {"pro"}


def test_identify_with_properties_describes_the_person(
    start: Starter, events: RecordedEvents
) -> None:
    """It is an $identify event of its own."""
    start().get("/person-described", VISITOR)

    [event] = events
    assert (event.event, event.distinct_id) == ("$identify", "chosen")
    assert (event.set, event.set_once) == ({"plan": "pro"}, {"first": "today"})


@pytest.mark.spec("SRV-280", "SRV-281")
@BOTH_STYLES
def test_the_request_knows_its_person(start: Starter, style: str, events: RecordedEvents) -> None:
    """distinct_id and session_id answer, on the request and around it, and capture nothing."""
    application = start()
    known = application.get(f"{style}/known", VISITOR)
    ambient = application.get(f"{style}/ambient", VISITOR)
    nobody = application.get(f"{style}/known")

    assert json.loads(known.body) == ["visitor-7", "session-7"]
    assert json.loads(ambient.body) == "visitor-7"
    assert json.loads(nobody.body) == [None, None]
    assert events.names == []


@pytest.mark.usefixtures("events")
@BOTH_STYLES
def test_the_request_knows_its_user(start: Starter, style: str) -> None:
    """distinct_id is the user's; where asking would block the loop it is None, never the claim."""
    application = start()
    cookies = application.log_in("bob")
    known = json.loads(application.get(f"{style}/known", VISITOR, cookies).body)
    ambient = json.loads(application.get(f"{style}/ambient", VISITOR, cookies).body)

    blocked = style and start.adapter.name.startswith("Django")
    expected = None if blocked else PEOPLE["bob"]
    assert (known, ambient) == ([expected, "session-7"], expected)
