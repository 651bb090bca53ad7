"""The application's own functions and filters, and what happens when they fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter
from tests.adapters.test_visitor import KEY, OPT_OUT, visitor

HOOKS = ("request_filter", "extra_properties", "client_for", "distinct_id")


@BOTH_STYLES
@pytest.mark.parametrize(
    "excluded",
    [["/raises", "/async/raises"], [re.compile("raises$")], ["^.*/raises$"], ("/async", "/raises")],
    ids=["prefix", "pattern", "text of a pattern", "prefix above"],
)
def test_an_excluded_path_reports_nothing_by_itself(
    start: Starter, style: str, excluded: Any, events: RecordedEvents
) -> None:
    """No exception is captured there; what the code itself captures goes as ever."""
    application = start(excluded_paths=excluded)
    assert application.get(f"{style}/raises", VISITOR).status == 500
    application.get(f"{style}/capture", VISITOR)

    assert events.names == ["seen"]


def test_a_route_may_be_excluded(start: Starter, events: RecordedEvents) -> None:
    """A template excludes all its paths."""
    application = start()
    application.get("/raises")
    [error] = events
    route = error.properties["$request_route"]
    events.clear()

    # Templates without placeholders are paths; either way the route is excluded.
    start(excluded_paths=[route]).get("/raises")

    assert events.names == []


@BOTH_STYLES
def test_a_filter_excludes_a_request(start: Starter, style: str, events: RecordedEvents) -> None:
    """Where request_filter says False, nothing is captured by itself; else it is."""
    asked: list[object] = []

    def keep(request: object) -> bool:
        asked.append(request)
        return len(asked) > 1

    application = start(request_filter=keep)
    application.get(f"{style}/raises")
    assert events.names == []
    application.get(f"{style}/raises")

    assert events.names == ["$exception"]
    assert all(hasattr(request, "headers") or isinstance(request, dict) for request in asked)


@BOTH_STYLES
def test_extra_properties_go_with_the_requests_events(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """What the function returns is on every event of the request, and the caller's values win."""

    def extra(_request: object, response: object) -> dict[str, object]:
        return {"tenant": "acme", "n": "overridden", "had_response": response is not None}

    start(extra_properties=extra).get(f"{style}/capture", VISITOR)

    properties = events.one("seen").properties
    assert (properties["tenant"], properties["n"]) == ("acme", 1)
    assert properties["had_response"] is False


@pytest.mark.parametrize("answer", [None, {}, "no mapping", 7])
def test_extra_properties_may_be_none(
    start: Starter, answer: object, events: RecordedEvents
) -> None:
    """Nothing, or what is no mapping, adds nothing and costs nothing."""
    start(extra_properties=lambda _request, _response: answer).get("/capture", VISITOR)

    assert events.one("seen").distinct_id == "visitor-7"


class Unreadable(Mapping[str, object]):
    """A mapping that cannot be read."""

    def __getitem__(self, key: str) -> object:
        """Return nothing."""
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        """Fail."""
        raise LookupError

    def __len__(self) -> int:
        """Return that there is something."""
        return 1


def test_extra_properties_that_cannot_be_read_cost_no_event(
    start: Starter, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """The event goes without them, and the log says so."""
    start(extra_properties=lambda _request, _response: Unreadable()).get("/capture", VISITOR)

    assert events.one("seen").properties["n"] == 1
    assert sum("extra_properties failed" in message for message in caplog.messages) == 1


@BOTH_STYLES
def test_each_tenant_has_a_client_of_its_own(
    start: Starter, style: str, inspector: Inspector
) -> None:
    """client_for chooses by request; module-level captures follow, None is the usual client."""
    tenants = {name: Client(f"phc_{name}", inspector.url) for name in ("one", "two")}

    def choose(request: Any) -> Client | None:
        return tenants.get(tenant_of(request))

    application = start(host=inspector.url, project_api_key="phc_usual", client_for=choose)
    for tenant in ("one", "two", "three"):
        for path in ("/capture", "/module-level", "/hold-client"):
            application.get(style + path, [*VISITOR, ("X-Tenant", tenant)])
    from posthog_web._client.default import default_client

    for client in (*tenants.values(), *default_client._adapters_clients()):
        assert client.flush()
        client.shutdown()

    keys = [request["envelope"]["api_key"] for request in inspector.requests()]
    assert sorted(set(keys)) == ["phc_one", "phc_two", "phc_usual"]
    assert len(inspector.events()) == 9


def tenant_of(request: Any) -> str:
    """Return the header X-Tenant, however the framework hands it over."""
    headers = request.headers if hasattr(request, "headers") else dict(request["headers"])
    value = headers.get("X-Tenant") or headers.get("x-tenant") or headers.get(b"x-tenant")
    return value.decode() if isinstance(value, bytes) else str(value)


@BOTH_STYLES
@pytest.mark.parametrize("name", HOOKS)
def test_a_function_that_fails_changes_no_answer(
    start: Starter, style: str, name: str, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """The answers are those without us, and the log has one line for all failures of a function."""

    def fail(*_values: object) -> object:
        msg = "secret of user123"
        raise LookupError(msg)

    application = start(**{name: fail})
    paths = (f"{style}/capture", f"{style}/raises")
    answers = [application.get(path, VISITOR) for path in (*paths, *paths)]

    bare = start.without()
    assert [comparable(answer) for answer in answers] == [
        comparable(bare.get(path, VISITOR)) for path in (*paths, *paths)
    ]
    assert "seen" in events.names
    lines = [message for message in caplog.messages if f"{name} failed" in message]
    # Nobody is logged in here, so nobody asks for a user's id.
    assert len(lines) == (name != "distinct_id")
    assert not any("secret" in line for line in lines)


def comparable(answer: Any) -> Callable[[], object] | tuple[object, ...]:
    """Return what must be the same in two answers: each has an exception of its own."""
    return (answer.status, answer.headers, answer.body, type(answer.error))


@pytest.mark.parametrize("answer", [7, "phc_key", object()])
def test_what_is_no_client_is_not_used(
    start: Starter, answer: object, events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """client_for with an odd answer: the usual client captures, and one line says so."""
    start(client_for=lambda _request: answer).get("/capture", VISITOR)

    assert events.names == ["seen"]
    assert sum("client_for must return" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("name", ["extra_properties", "client_for", "request_filter"])
def test_a_function_that_captures_is_not_asked_for_its_own_event(
    start: Starter, name: str, events: RecordedEvents
) -> None:
    """Its event is captured, and it does not go round in a circle."""
    asked: list[object] = []

    def capture(request: object, *_values: object) -> None:
        asked.append(request)
        posthog_web.capture("from the function")

    application = start(**{name: capture})
    application.get("/capture", VISITOR)
    application.get("/raises", VISITOR)

    assert 1 <= len(asked) <= 6
    assert events.names.count("from the function") == len(asked)
    assert {"seen", "$exception"} <= set(events.names)


@pytest.mark.parametrize("curious", [True, False], ids=["filter asks who it is", "filter does not"])
@BOTH_STYLES
def test_the_visitor_is_the_tenants_whoever_asked_first(
    start: Starter, style: str, curious: bool, events: RecordedEvents
) -> None:
    """A tenant's cookie counts for its requests, also where request_filter has asked already."""
    seen: list[str | None] = []

    def keep(_request: object) -> bool:
        if curious:
            seen.append(posthog_web.get_distinct_id())
        return True

    tenant = Client("phc_acme", send=False)
    application = start(
        project_api_key=KEY, client_for=lambda _request: tenant, request_filter=keep
    )
    cookies = visitor("person-of-the-usual-project") | visitor("person-of-acme", key="phc_acme")
    application.get(f"{style}/raises", cookies=cookies)

    assert events.one("$exception").distinct_id == "person-of-acme"
    assert seen == ["person-of-acme"] * curious


@BOTH_STYLES
def test_who_does_not_want_to_be_seen_by_a_tenant_is_not(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """The tenant's opt-out counts, also for what request_filter and client_for capture."""

    def capture(answer: object) -> Callable[[object], object]:
        def ask(_request: object) -> object:
            posthog_web.capture("asked")
            return answer

        return ask

    tenant = Client("phc_acme", send=False)
    application = start(
        project_api_key=KEY, client_for=capture(tenant), request_filter=capture("yes")
    )
    application.get(f"{style}/raises", cookies={OPT_OUT.replace(KEY, "phc_acme"): "0"})

    # Inside client_for the tenant is not known yet.
    assert set(events.names) <= {"asked"}
    assert len(events) <= 1
