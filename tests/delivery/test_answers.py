"""What a client does with each answer: done, tried again, or dropped, counted and told."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from posthog_web.errors import RefusedError
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient, Told
from tests.delivery.servers import RecordingServer, Reply


@pytest.mark.spec("SRV-088")
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_one(
    make_client: MakeClient, recorder: RecordingServer, told: Told, status: int
) -> None:
    """Every 2xx takes the events: one request, counted as sent, nobody is told of an error."""
    body = b"" if status == 204 else b"{}"
    recorder.answer(Reply(status=status, body=body))
    client = make_client(recorder.url, on_error=told)
    client.capture("user123", "paid")

    assert client.flush()

    stats = client.stats()
    assert (stats.sent, stats.queued, stats.dropped) == (1, 0, {})
    assert stats.last_success is not None
    assert len(recorder.deliveries()) == 1
    assert told.all == []


@pytest.mark.spec("SRV-089", "SRV-096", "SRV-097")
@pytest.mark.parametrize("status", [408, 429, 503])
def test_asked_for_more_time_it_comes_back(
    make_client: MakeClient, inspector: Inspector, status: int
) -> None:
    """After such an answer the same events come again, and nothing is raised or told."""
    inspector.answer(status=status, times=1)
    client = make_client()
    uuid = client.capture("user123", "paid")

    assert client.flush()

    assert [request["status"] for request in inspector.requests()] == [status, 200]
    assert all(request["uuids"] == [uuid] for request in inspector.requests())
    assert (client.stats().sent, client.stats().retried) == (1, 1)


@pytest.mark.spec("SRV-100")
@pytest.mark.parametrize("max_retries", [0, 1])
def test_it_comes_back_max_retries_times(
    make_client: MakeClient, inspector: Inspector, told: Told, max_retries: int
) -> None:
    """A batch is tried max_retries + 1 times, then dropped, counted and told, once."""
    inspector.answer(status=503)
    client = make_client(max_retries=max_retries, on_error=told)
    client.capture("user123", "paid")

    assert not client.flush()

    assert len(inspector.requests()) == max_retries + 1
    assert client.stats().dropped == {"given_up": 1}
    [(error, [event])] = told.all
    assert isinstance(error, RefusedError)
    assert (error.status, event["event"]) == (503, "paid")


@pytest.mark.slow
@pytest.mark.spec("SRV-098", "SRV-100")
def test_the_default_is_four_attempts_ever_further_apart(
    make_client: MakeClient, recorder: RecordingServer, told: Told
) -> None:
    """With max_retries=3 there are exactly four requests; pauses double, the first ≥ 0.1 s."""
    recorder.answer(*[Reply(status=503)] * 5)
    client = make_client(recorder.url, on_error=told)
    client.capture("user123", "paid")

    assert not client.flush()

    arrivals = [delivery.arrived for delivery in recorder.deliveries()]
    pauses = [later - earlier for earlier, later in pairwise(arrivals)]
    assert len(pauses) == 3
    for pause, longest in zip(pauses, [0.5, 1.0, 2.0], strict=True):
        assert longest / 2 - 0.01 <= pause <= longest + 0.5
    assert told.lost == ["paid"]


@pytest.mark.spec("SRV-097", "SRV-100")
@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 413])
def test_a_refusal_is_final(
    make_client: MakeClient, inspector: Inspector, told: Told, status: int
) -> None:
    """Such an answer costs one request and the events, which are counted, told and logged."""
    headers = {"Location": f"{inspector.url}/batch/"} if status < 400 else {}
    inspector.answer(status=status, times=1, headers=headers)
    client = make_client(on_error=told)
    client.capture("user123", "paid", {"plan": "pro"})

    assert not client.flush()

    [request] = inspector.requests()
    assert request["status"] == status
    assert (client.stats().sent, client.stats().dropped) == (0, {"refused": 1})
    [(error, [event])] = told.all
    assert isinstance(error, RefusedError)
    assert error.status == status
    assert (event["event"], event["properties"]["plan"]) == ("paid", "pro")


def test_a_refused_batch_does_not_stop_the_next(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """After a batch was refused, the next one is delivered."""
    inspector.answer(status=400, times=1)
    client = make_client(on_error=told)
    client.capture("user123", "bad")
    assert not client.flush()
    client.capture("user123", "good")

    assert client.flush()

    assert [event["event"] for event in inspector.events()] == ["good"]
    assert told.lost == ["bad"]


def test_a_redirect_is_told_with_advice(
    make_client: MakeClient, recorder: RecordingServer, told: Told
) -> None:
    """A redirect is not followed, not even to where it would succeed; the error says what to do."""
    recorder.answer(Reply(status=301, headers={"Location": f"{recorder.url}/elsewhere"}))
    client = make_client(recorder.url, on_error=told)
    client.capture("user123", "paid")
    assert not client.flush()

    assert [delivery.path for delivery in recorder.deliveries()] == ["/batch/"]
    error, _ = told.wait()
    assert "host" in str(error)


@pytest.mark.spec("SRV-100")
def test_a_loss_is_logged_without_what_the_server_said(
    make_client: MakeClient, recorder: RecordingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the count and the status, and quotes neither the server nor the key."""
    recorder.answer(Reply(status=401, body=b'{"detail": "unknown key phc_test"}'))
    client = make_client(recorder.url)
    with caplog.at_level(logging.WARNING, "posthog_web"):
        client.capture("user123", "paid")
        client.capture("user123", "shipped")
        assert not client.flush()

    [message] = caplog.messages
    assert "2 event(s)" in message
    assert "401" in message
    assert "phc_test" not in message


def test_the_callback_hears_what_the_server_said(
    make_client: MakeClient, recorder: RecordingServer, told: Told
) -> None:
    """on_error gets the status, the server's own words and its Retry-After."""
    recorder.answer(
        Reply(status=503, headers={"Retry-After": "7"}, body=b'{"detail": "closed for today"}')
    )
    client = make_client(recorder.url, on_error=told, max_retries=0)
    client.capture("user123", "paid")
    assert not client.flush()

    error, _ = told.wait()
    assert (error.status, error.retry_after) == (503, 7.0)
    assert "closed for today" in str(error)


@pytest.mark.slow
@pytest.mark.spec("SRV-091", "SRV-098")
def test_the_servers_wish_is_waited_for(make_client: MakeClient, recorder: RecordingServer) -> None:
    """Retry-After, in seconds or as a date, postpones the next attempt by as much."""
    soon = datetime.now(UTC) + timedelta(seconds=4)
    recorder.answer(
        Reply(status=429, headers={"Retry-After": "2"}),
        Reply(status=503, headers={"Retry-After": format_datetime(soon, usegmt=True)}),
    )
    client = make_client(recorder.url)
    client.capture("user123", "paid")
    assert client.flush()

    first, second, third = recorder.deliveries()
    assert 2.0 <= second.arrived - first.arrived < 3.0
    # The date has whole seconds, so it may lie up to one second earlier.
    assert third.received >= soon - timedelta(seconds=1)


@pytest.mark.spec("SRV-090", "SRV-091")
@pytest.mark.parametrize("wish", ["nonsense", "-3"])
def test_a_senseless_wish_is_ignored(
    make_client: MakeClient, recorder: RecordingServer, wish: str
) -> None:
    """A Retry-After that means nothing leaves the usual pause."""
    recorder.answer(Reply(status=503, headers={"Retry-After": wish}))
    client = make_client(recorder.url)
    client.capture("user123", "paid")
    assert client.flush()

    first, second = recorder.deliveries()
    assert 0.1 <= second.arrived - first.arrived < 1.5
