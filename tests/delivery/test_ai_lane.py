"""``capture_ai``: the arguments of capture, a lane of its own."""

from __future__ import annotations

import inspect
from typing import Any
from uuid import UUID

import pytest

from posthog_web import Client
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.delivery.conftest import MakeClient, Told
from tests.delivery.servers import RecordingServer, Reply, free_port

AI = "/i/v0/ai/batch/"
ANALYTICS = "/batch/"
UUID4 = "3d3f4b1c-5a4e-4a55-9d6f-0f8d0f4f4a11"


def sent(recorder: RecordingServer) -> list[tuple[str, list[str]]]:
    """Return the path of each request, and the names of its events."""
    return [(delivery.path, delivery.names()) for delivery in recorder.deliveries()]


@pytest.mark.spec("SRV-338")
def test_it_takes_what_capture_takes() -> None:
    """Every argument of capture is one of capture_ai, those to come included."""
    capture, capture_ai = map(inspect.signature, (Client.capture, Client.capture_ai))

    assert capture_ai == capture


@pytest.mark.spec("SRV-338", "SRV-341")
def test_both_call_generations_work(
    make_client: MakeClient, posthog_events: RecordedEvents
) -> None:
    """Person first or event first; the uuid is returned, and a given one kept."""
    client = make_client()
    first = client.capture_ai("user-1", "$ai_span", {"$ai_model": "m"})
    given = client.capture_ai("$ai_trace", {"$ai_model": "m"}, distinct_id="user-1", uuid=UUID4)

    assert first is not None
    assert UUID(first).version == 7
    assert given == UUID4
    assert [event.distinct_id for event in posthog_events] == ["user-1", "user-1"]
    assert {event.properties["$ai_model"] for event in posthog_events} == {"m"}


@pytest.mark.spec("SRV-339", "SRV-340")
def test_each_lane_has_its_endpoint(make_client: MakeClient, recorder: RecordingServer) -> None:
    """capture_ai goes to the AI endpoint under any name; capture never does."""
    client = make_client(recorder.url)
    client.capture_ai("user-1", "$ai_generation")
    client.capture_ai("user-1", "of another name")
    client.capture("user-1", "$ai_generation")

    assert client.flush()

    assert sorted(sent(recorder)) == [
        (ANALYTICS, ["$ai_generation"]),
        (AI, ["$ai_generation", "of another name"]),
    ]


@pytest.mark.spec("SRV-339")
def test_a_lane_that_fails_does_not_hold_up_the_other(
    make_client: MakeClient, recorder: RecordingServer, told: Told
) -> None:
    """A refusal on one lane costs the other nothing, and on_error hears of it."""
    recorder.answer(Reply(status=400))
    client = make_client(recorder.url, on_error=told)
    client.capture_ai("user-1", "$ai_generation")
    assert not client.flush()
    client.capture("user-1", "paid")

    assert client.flush()

    assert told.lost == ["$ai_generation"]
    assert sent(recorder) == [(AI, ["$ai_generation"]), (ANALYTICS, ["paid"])]


@pytest.mark.spec("SRV-339")
def test_the_lane_is_made_with_its_first_event(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """A client that captures no AI event has one thread, one that does has two."""
    client = make_client(recorder.url, flush_interval=60)
    client.capture("user-1", "paid")
    one = len(client._lanes._every())
    client.capture_ai("user-1", "$ai_span")

    assert (one, len(client._lanes._every())) == (1, 2)
    assert client.queue.qsize() == 2


@pytest.mark.spec("SRV-112", "SRV-113")
@pytest.mark.parametrize("ending", ["flush", "shutdown", "join"])
def test_waiting_covers_both_lanes(
    make_client: MakeClient, recorder: RecordingServer, ending: str
) -> None:
    """After flush, join or shutdown the events of both have left."""
    client = make_client(recorder.url, flush_interval=0.05)
    client.capture("user-1", "paid")
    client.capture_ai("user-1", "$ai_span")

    assert getattr(client, ending)()

    assert {path for path, _ in sent(recorder)} == {ANALYTICS, AI}
    assert (client.stats().captured, client.stats().sent) == (2, 2)


@pytest.mark.spec("SRV-345")
def test_a_dead_endpoint_raises_nothing(make_client: MakeClient, told: Told) -> None:
    """With nobody there the event is given up at the end, told and counted."""
    client = make_client(f"http://127.0.0.1:{free_port()}", on_error=told, max_event_age=0)

    assert client.capture_ai("user-1", "$ai_span")
    assert not client.flush()

    assert told.lost == ["$ai_span"]
    assert client.stats().dropped == {"given_up": 1}


@pytest.mark.spec("SRV-344")
def test_large_events_may_be_larger_here(
    make_client: MakeClient, recorder: RecordingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One of 2 MiB goes; over 8 MiB it is dropped, and the log has its name and size alone."""
    client = make_client(recorder.url)

    assert client.capture_ai("user-1", "$ai_span", {"$ai_input": "x" * 2**21})
    assert client.capture_ai("user-1", "$ai_trace", {"$ai_input": "secret" * 2**21}) is None
    assert client.capture("user-1", "too large", {"$ai_input": "x" * 2**20}) is None

    assert client.flush()
    assert sent(recorder) == [(AI, ["$ai_span"])]
    assert client.stats().dropped == {"too_large": 2}
    [message] = [message for message in caplog.messages if "$ai_trace" in message]
    assert "12288 KiB" in message
    assert "secret" not in message


@pytest.mark.spec("SRV-339", "SRV-344")
def test_a_batch_of_large_events_is_cut(make_client: MakeClient, recorder: RecordingServer) -> None:
    """About 5 MiB go into one request, so ten events of 1 MiB take more than one."""
    client = make_client(recorder.url)
    for _ in range(10):
        client.capture_ai("user-1", "$ai_span", {"$ai_input": "x" * 2**20})

    assert client.flush()

    assert [len(names) for _, names in sent(recorder)] == [4, 4, 2]


@pytest.mark.spec("SRV-343")
def test_a_retry_sends_the_same_events(make_client: MakeClient, recorder: RecordingServer) -> None:
    """After a 503 the identical events come again."""
    recorder.answer(Reply(status=503))
    client = make_client(recorder.url)
    client.capture_ai("user-1", "$ai_span", {"$ai_model": "m"})

    assert client.flush()

    first, second = recorder.deliveries()
    assert first.json()["batch"] == second.json()["batch"]


@pytest.mark.spec("SRV-342", "SRV-347")
@pytest.mark.parametrize("private", [True, False])
def test_prompts_go_as_given_or_not_at_all(
    make_client: MakeClient, posthog_events: RecordedEvents, *, private: bool
) -> None:
    """Without privacy_mode the payload is untouched; with it no input and no output leaves."""
    payload: dict[str, Any] = {"$ai_input": [{"role": "user", "content": "x" * 50_000}]}
    client = make_client(privacy_mode=private)
    client.capture_ai("user-1", "$ai_generation", {**payload, "$ai_model": "m"})

    properties = posthog_events.one("$ai_generation").properties
    assert properties["$ai_model"] == "m"
    assert properties.get("$ai_input") == (None if private else payload["$ai_input"])


def test_it_speaks_v0_whatever_analytics_speaks(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """With capture_mode="v1" AI events keep their endpoint, their shape, and gzip."""
    client = make_client(recorder.url, capture_mode="v1", capture_compression="zstd")
    client.capture_ai("user-1", "$ai_span")

    assert client.flush()

    [delivery] = recorder.deliveries()
    assert (delivery.path, delivery.headers["content-encoding"]) == (AI, "gzip")
    assert delivery.json()["api_key"] == "phc_test"


def test_in_sync_mode_it_is_sent_at_once(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """The uuid means the server took it."""
    client = make_client(recorder.url, sync_mode=True)

    assert client.capture_ai("user-1", "$ai_span")

    assert sent(recorder) == [(AI, ["$ai_span"])]


def test_a_loss_on_one_lane_is_the_answer_of_a_wait_for_both(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """What the AI endpoint refuses while analytics is waited for makes flush answer False."""
    inspector.answer(status=200, delay=0.3, times=1)
    inspector.answer(status=400, times=1)
    client = make_client(flush_interval=60)
    client.capture("user-1", "paid")
    client.flush(timeout=0)
    inspector.wait_for_requests(1)
    client.capture_ai("user-1", "$ai_span")

    assert not client.flush()

    assert client.stats().dropped == {"refused": 1}


def test_a_lane_made_during_a_shutdown_is_closed(make_client: MakeClient) -> None:
    """A capture that was under way when the client ended finds no lane that would never end."""
    client = make_client()
    client.shutdown()

    assert not client._lanes.ai.put(b'{"event":"late"}')
