"""A person only the browser names, whose id the application passes on as if it knew it."""

from __future__ import annotations

import pytest

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import PEOPLE
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter
from tests.adapters.test_visitor import KEY, visitor


@BOTH_STYLES
@pytest.mark.parametrize("path", ["/claim-set", "/claim-aliased", "/claim-joined"])
def test_a_claim_passed_on_changes_nobody(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """set, identify and alias are declined for whom only the browser names, given by name too."""
    application = start(project_api_key=KEY)
    application.get(style + path, VISITOR)
    application.get(style + path, (), visitor("visitor-7"))

    assert events.names == []


@BOTH_STYLES
def test_an_event_with_a_claim_passed_on_goes_without_set(
    start: Starter, style: str, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """The event is about the person it names, leaves it as it is, and the log says why."""
    start().get(f"{style}/claim-captured", VISITOR)

    assert events.names == ["seen", "seen on the module"]
    for event in events:
        assert (event.distinct_id, event.properties["n"]) == ("visitor-7", 1)
        assert not {"$set", "$set_once"} & event.properties.keys()
    assert sum("only named by the browser" in message for message in caplog.messages) == 1


@BOTH_STYLES
def test_an_anonymous_visitor_passed_on_makes_no_profile(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Whom posthog-js calls anonymous is, by name as well."""
    application = start(project_api_key=KEY)
    application.get(f"{style}/claim-captured", (), visitor("visitor-7", "anonymous"))

    assert len(events) == 2
    assert all(event.is_personless for event in events)


@BOTH_STYLES
def test_a_person_the_application_vouches_for_may_be_changed(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Whoever was named by identify(), or identify_context(), is no claim any more."""
    start().get(f"{style}/claim-vouched-for", VISITOR)

    assert events.names == ["$identify", "$set", "$set"]
    assert [event.distinct_id for event in events] == ["visitor-7", "visitor-7", "inner"]


@BOTH_STYLES
def test_a_person_the_application_knows_may_be_changed(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """An id it has from elsewhere is no claim, though the browser names the same person."""
    start().get(f"{style}/claim-known-otherwise", VISITOR)

    assert events.names == ["seen", "$set"]
    assert [event.distinct_id for event in events] == ["visitor-7"] * 2
    assert events.one("seen").properties["$set"] == events.one("$set").set == {"plan": "pro"}


@BOTH_STYLES
def test_the_person_who_is_logged_in_is_no_claim(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """What a browser says is nothing once somebody is logged in, and their id may be passed on."""
    application = start()
    cookies = application.log_in("ann")
    events.clear()
    application.get(f"{style}/claim-captured", VISITOR, cookies)

    assert {event.distinct_id for event in events} == {PEOPLE["ann"]}
    assert all(event.properties["$set"] == {"plan": "pro"} for event in events)
