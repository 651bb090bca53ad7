"""What nobody may notice: the application answers, and does, what it would without posthog_web."""

from __future__ import annotations

import pytest

from posthog_web import Client
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import BROKEN, PEOPLE, Call
from tests.adapters.apps.views import VIEWS, Boom
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter, is_about_nobody, threads

# These show what posthog knows, wait for one another, or leave what nobody else puts back.
DIFFERENT = {"ambient", "known", "meets", "same", "hold-client", "leaves-context"}
ALIKE = sorted(VIEWS.keys() - DIFFERENT)

ODD = {
    "unknown path": Call(path="/nowhere", headers=VISITOR),
    "long path": Call(path="/" + "long/" * 1600, headers=VISITOR),
    "POST": Call(path="/capture", method="POST", headers=VISITOR),
    "HEAD": Call(path="/capture", method="HEAD", headers=VISITOR),
    "OPTIONS": Call(path="/capture", method="OPTIONS", headers=VISITOR),
    "unknown method": Call(path="/capture", method="BREW", headers=VISITOR),
    "bad host": Call(path="/capture", host="no host! at all", headers=VISITOR),
    "no host": Call(path="/capture", host="", headers=VISITOR),
    "bad query": Call(path="/capture?a=%ff&b[]=1;c", headers=VISITOR),
    "endless browser": Call(path="/capture", headers=[("User-Agent", "\xff" * 9000)]),
    "bad proxies": Call(path="/capture", headers=[("X-Forwarded-For", "not, an : address, ::::")]),
}


@pytest.mark.spec("SRV-276", "SRV-277")
@BOTH_STYLES
def test_every_answer_is_the_same(start: Starter, style: str, events: RecordedEvents) -> None:
    """Status, headers and body of every view are, byte for byte, those without posthog_web."""
    application, bare = start(), start.without()
    cookies = bare.log_in("ann")
    calls = [
        Call(path=f"{style}/{name}", headers=headers, cookies=someone)
        for name in ALIKE
        for headers in ((), VISITOR)
        for someone in ({}, cookies)
    ]

    for call in calls:
        assert application.send(call) == bare.send(call), call
    assert events


@pytest.mark.parametrize("case", ODD)
def test_odd_requests_are_answered_the_same(
    start: Starter, case: str, events: RecordedEvents
) -> None:
    """Unknown paths, methods and hosts get the framework's own answer, and no exception."""
    answer = start().send(ODD[case])

    assert answer == start.without().send(ODD[case])
    assert not events.named("$exception")


@BOTH_STYLES
def test_nothing_captured_costs_nothing(start: Starter, style: str) -> None:
    """A request that captures nothing starts no thread and gains no header."""
    before = threads()
    answer = start().get(f"{style}/nothing", VISITOR)

    assert threads() == before
    assert answer == start.without().get(f"{style}/nothing", VISITOR)


@BOTH_STYLES
def test_a_page_that_captures_for_a_stranger_does_not_vary(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Caches may go on sharing a page that captures: it has no Vary: Cookie."""
    answer = start().get(f"{style}/capture", VISITOR)

    assert events.names == ["seen"]
    assert answer.header("Vary") is None


@BOTH_STYLES
def test_the_cookie_of_an_ended_session_is_left_as_it_is(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Looking for the user of a session that is over neither deletes its cookie nor varies."""
    cookies = {"sessionid": "overandgone", "session": "over.and.gone"}
    answer = start().get(f"{style}/capture", (), cookies)

    assert answer == start.without().get(f"{style}/capture", (), cookies)
    assert is_about_nobody(events.one("seen"))


def test_flask_without_users_never_varies(events: RecordedEvents) -> None:
    """Where nothing else reads Flask's session, a page that captures does not vary either."""
    from tests.adapters.apps.flask_app import FlaskApplication, make_app

    config = {"POSTHOG_PROJECT_API_KEY": "phc_without_users"}
    application = FlaskApplication(make_app(config, installed=True, users=False))
    cookies = {"session": "eyJhIjoxfQ.aaaaaa.bbbb"}

    for path in ("/capture", "/async/capture", "/module-level"):
        answer = application.get(path, VISITOR, cookies)
        assert (answer.header("Vary"), answer.header("Set-Cookie")) == (None, None)
    assert {event.distinct_id for event in events} == {"visitor-7"}


@BOTH_STYLES
@pytest.mark.parametrize("name", [None, "ann"])
def test_a_request_that_captures_nothing_asks_the_database_nothing(
    start: Starter, style: str, name: str | None
) -> None:
    """No statement is sent, whether somebody is logged in or not, and nothing varies."""
    from tests.adapters.apps.django_project import QUERIES

    application = start()
    cookies = start.without().log_in(name) if name else {}
    QUERIES.clear()
    answer = application.get(f"{style}/nothing", VISITOR, cookies)

    assert QUERIES == []
    assert answer.header("Vary") is None


@BOTH_STYLES
@pytest.mark.parametrize("name", [None, "ann"])
def test_a_request_that_captures_nothing_asks_the_application_nothing(
    start: Starter, style: str, name: str | None, events: RecordedEvents
) -> None:
    """Neither user_loader nor client_for is called for pages, refusals and redirects.

    A stream is another matter: when it captures, who is logged in can be found out no more.
    """
    from tests.adapters.apps.flask_app import LOADED

    asked: list[object] = []
    application = start(client_for=asked.append)
    cookies = start.without().log_in(name) if name else {}
    LOADED.clear()
    statuses = [
        application.get(path, VISITOR, cookies).status
        for path in (
            f"{style}/nothing",
            f"{style}/aborted/403",
            f"{style}/trouble/404",
            "/items/7",
            "/nowhere",
        )
    ]

    assert statuses == [200, 403, 404, 308, 404]
    assert (LOADED, asked, events.names) == ([], [], [])


@BOTH_STYLES
@pytest.mark.parametrize("path", ["capture", "twice", "stream/numbers", "trouble/503"])
def test_what_captures_asks_the_application_once(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """However much is captured, and be it in a body: user_loader and client_for run once each."""
    from tests.adapters.apps.flask_app import LOADED

    asked: list[object] = []
    client = Client("phc_tenant")

    def choose(request: object) -> Client:
        asked.append(request)
        return client

    application = start(client_for=choose)
    cookies = start.without().log_in("ann")
    LOADED.clear()
    application.get(f"{style}/{path}", VISITOR, cookies)

    assert {event.distinct_id for event in events} == {PEOPLE["ann"]}
    assert (LOADED, len(asked)) == ([PEOPLE["ann"]], 1)


@BOTH_STYLES
@pytest.mark.parametrize("path", ["capture", "twice", "person-set-with-event"])
def test_one_capture_asks_the_database_what_the_user_needs_once(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """However much is captured: one statement for the session, one for the user; no Vary."""
    from tests.adapters.apps.django_project import QUERIES

    application = start()
    cookies = application.log_in("ann")
    events.clear()
    QUERIES.clear()
    answer = application.get(f"{style}/{path}", (), cookies)

    assert {event.distinct_id for event in events} == {PEOPLE["ann"]}
    assert ["session" in QUERIES[0], "auth_user" in QUERIES[1], len(QUERIES)] == [True, True, 2]
    assert answer.header("Vary") is None


@pytest.mark.parametrize(
    "path", ["/capture-then-who", "/async/capture-then-who", "/who-then-capture", "/who"]
)
@pytest.mark.parametrize("name", [None, "ann"])
def test_the_user_shown_after_a_capture_still_varies_the_page(
    start: Starter, path: str, name: str | None, events: RecordedEvents
) -> None:
    """A page that shows who is logged in has its Vary: Cookie, as without us; no cache mixes it."""
    application, bare = start(), start.without()
    cookies = bare.log_in(name) if name else {}
    answer = application.get(path, (), cookies)

    assert answer == bare.get(path, (), cookies)
    assert answer.header("Vary") == "Cookie"
    assert len(events) == (path != "/who")


@BOTH_STYLES
@pytest.mark.parametrize("path", ["nothing", "capture"])
def test_a_stale_session_is_left_as_it_is(
    start: Starter, style: str, path: str, events: RecordedEvents
) -> None:
    """After a change of password, a view that never asks for the user logs nobody out by us."""
    from tests.adapters.apps.django_project import change_password, is_session

    application, bare = start(), start.without()
    cookies = bare.log_in("bob")
    change_password("bob")
    answer = application.get(f"{style}/{path}", (), cookies)

    assert answer == bare.get(f"{style}/{path}", (), cookies)
    assert is_session(cookies["sessionid"])
    assert all(is_about_nobody(event) for event in events)


@pytest.mark.spec("SRV-277")
@BOTH_STYLES
@pytest.mark.parametrize("view", ["capture", "known", "module-level", "raises"])
def test_a_user_that_cannot_be_read_is_nobody(
    start: Starter, style: str, view: str, events: RecordedEvents
) -> None:
    """An id that raises when it is read changes nothing but the event, which is about nobody."""
    application, bare = start(), start.without()
    cookies = bare.log_in(BROKEN) if start.adapter.name == "Flask" else {"user": BROKEN}
    # Flask-Login's user is only read if the application loaded it.
    answer = application.get(f"{style}/{view}?load", (), cookies)
    expected = bare.get(f"{style}/{view}?load", (), cookies)

    if view == "known":
        assert answer.body == b"[null, null]"
    else:
        assert answer == expected
        assert is_about_nobody(events[0])
    assert isinstance(answer.error, Boom if view == "raises" else type(None))


def test_a_user_that_cannot_be_read_is_not_the_headers(
    start: Starter, events: RecordedEvents
) -> None:
    """Somebody is logged in, whoever it is: a header does not speak for them."""
    application, bare = start(), start.without()
    cookies = bare.log_in(BROKEN) if start.adapter.name == "Flask" else {"user": BROKEN}
    application.get("/capture?load", VISITOR, cookies)

    assert events.one("seen").is_personless
