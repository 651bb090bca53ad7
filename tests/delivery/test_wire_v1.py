"""Protocol v1: its headers, its shape of event, and a result for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from posthog_web._delivery.wire_v1 import reshape
from posthog_web._runtime.system import user_agent
from posthog_web.errors import RefusedError
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient, Told
from tests.delivery.servers import Delivery, RecordingServer, Reply

AT_ONCE = {"Retry-After": "0"}


def results(verdicts: Mapping[str | None, str], **headers: str) -> Reply:
    """Return an answer with these results, by the event's uuid."""
    told = {uuid: {"result": verdict, "details": "because"} for uuid, verdict in verdicts.items()}
    return Reply(headers=headers, body=json.dumps({"results": told}).encode())


def an_event(properties: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return an event as it is captured."""
    return {
        "event": "paid",
        "distinct_id": "user123",
        "properties": dict(properties or {}),
        "timestamp": "2026-11-22T12:00:00+00:00",
        "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
        **fields,
    }


def test_a_request_says_what_v1_demands(make_client: MakeClient, recorder: RecordingServer) -> None:
    """The key is in a header; the body has when the batch was made, and the events alone."""
    recorder.answer(results({}))
    client = make_client(recorder.url, capture_mode="v1")
    uuid = client.capture("user123", "paid", {"plan": "pro"})
    assert client.flush()

    [delivery] = recorder.deliveries()

    assert delivery.path == "/i/v1/analytics/events"
    assert delivery.headers["authorization"] == "Bearer phc_test"
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["user-agent"] == user_agent()
    assert delivery.headers["posthog-sdk-info"] == user_agent()
    assert delivery.headers["posthog-attempt"] == "1"
    assert UUID(delivery.headers["posthog-request-id"]).version == 4
    assert _seconds_apart(delivery, delivery.headers["posthog-request-timestamp"]) < 5
    body = delivery.json()
    assert set(body) == {"batch", "created_at"}
    assert _seconds_apart(delivery, body["created_at"]) < 5
    [event] = body["batch"]
    assert (event["uuid"], event["properties"]["plan"]) == (uuid, "pro")
    assert not {"$lib", "$lib_version", "$process_person_profile"} & set(event["properties"])


def test_an_import_is_marked(make_client: MakeClient, recorder: RecordingServer) -> None:
    """With historical_migration the body says so; without, it says nothing."""
    recorder.answer(results({}))
    client = make_client(recorder.url, capture_mode="v1", historical_migration=True)
    client.capture("user123", "paid")
    assert client.flush()

    assert recorder.deliveries()[0].json()["historical_migration"] is True


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_bodies_are_compressed_as_chosen(
    make_client: MakeClient, recorder: RecordingServer, encoding: Any
) -> None:
    """The header names the encoding, and the body is in it."""
    recorder.answer(results({}))
    client = make_client(recorder.url, capture_mode="v1", capture_compression=encoding)
    client.capture("user123", "paid")
    assert client.flush()

    [delivery] = recorder.deliveries()
    assert delivery.headers["content-encoding"] == encoding
    assert delivery.names() == ["paid"]


@pytest.mark.parametrize(
    ("options", "encoding"),
    [
        ({"gzip": True}, "gzip"),
        ({"gzip": True, "capture_compression": "none"}, None),
        ({"gzip": True, "capture_compression": "deflate"}, "deflate"),
        ({"capture_compression": "identity"}, None),
        ({}, None),
    ],
)
def test_the_choice_of_compression_wins_over_gzip(
    make_client: MakeClient, recorder: RecordingServer, options: Any, encoding: str | None
) -> None:
    """capture_compression decides; without it, gzip does."""
    recorder.answer(results({}))
    client = make_client(recorder.url, capture_mode="v1", **options)
    client.capture("user123", "paid")
    assert client.flush()

    assert recorder.deliveries()[0].headers.get("content-encoding") == encoding


def test_v0_compresses_with_gzip_whatever_is_chosen(
    make_client: MakeClient, recorder: RecordingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked for zstd, the old protocol uses what it knows, and one line says so."""
    client = make_client(recorder.url, capture_compression="zstd")
    client.capture("user123", "paid")
    assert client.flush()

    assert recorder.deliveries()[0].headers["content-encoding"] == "gzip"
    assert [message for message in caplog.messages if "capture_mode='v1'" in message]


@pytest.mark.spec("SRV-105")
def test_only_what_is_asked_for_again_is_sent_again(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """The next attempt of the same request has those events alone, unchanged, and a new time."""
    client = make_client(recorder.url, capture_mode="v1", flush_at=100)
    uuids = [client.capture("user123", f"event {number}") for number in range(4)]
    recorder.answer(
        results(
            {uuids[0]: "ok", uuids[1]: "retry", uuids[2]: "warning", uuids[3]: "retry"}, **AT_ONCE
        ),
        results({uuids[1]: "ok", uuids[3]: "some_new_code"}),
    )

    assert client.flush()

    first, second = recorder.deliveries()
    assert second.json()["batch"] == [first.json()["batch"][index] for index in (1, 3)]
    assert second.json()["created_at"] == first.json()["created_at"]
    assert second.headers["posthog-request-id"] == first.headers["posthog-request-id"]
    assert second.headers["posthog-attempt"] == "2"
    time = "posthog-request-timestamp"
    assert second.headers[time] > first.headers[time]
    assert (client.stats().sent, client.stats().retried) == (4, 1)


def test_what_is_dropped_by_name_is_told(
    make_client: MakeClient, recorder: RecordingServer, told: Told
) -> None:
    """A dropped event is counted and handed to on_error with the reason; the others are sent."""
    client = make_client(recorder.url, capture_mode="v1", on_error=told)
    uuids = [client.capture("user123", name) for name in ("good", "bad", "fine")]
    recorder.answer(results({uuids[0]: "ok", uuids[1]: "drop"}))

    assert not client.flush()

    stats = client.stats()
    assert (stats.sent, stats.dropped) == (2, {"refused": 1})
    [(error, batch)] = told.all
    assert isinstance(error, RefusedError)
    assert error.reasons == {uuids[1]: "because"}
    assert str(error) == "refused: because"
    assert [event["event"] for event in batch] == ["bad"]


def test_events_asked_for_without_end_are_given_up(
    make_client: MakeClient, recorder: RecordingServer, told: Told
) -> None:
    """After max_retries + 1 answers that want an event again, it is dropped and told."""
    client = make_client(recorder.url, capture_mode="v1", max_retries=1, on_error=told)
    uuids = [client.capture("user123", name) for name in ("good", "bad")]
    recorder.answer(*[results({uuids[1]: "retry"}, **AT_ONCE)] * 2)

    assert not client.flush()

    assert [delivery.headers["posthog-attempt"] for delivery in recorder.deliveries()] == ["1", "2"]
    assert (client.stats().sent, client.stats().dropped) == (1, {"given_up": 1})
    assert told.lost == ["bad"]
    assert isinstance(told.all[0][0], RefusedError)
    assert told.all[0][0].attempts == 2


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"[]", b"{}", b'{"results": 1}', b'{"results": {"u": "ok"}}']
)
def test_a_success_without_results_is_final(
    make_client: MakeClient, recorder: RecordingServer, told: Told, body: bytes
) -> None:
    """An answer that says nothing of the events is told as a loss, and asks for host."""
    recorder.answer(Reply(body=body))
    client = make_client(recorder.url, capture_mode="v1", on_error=told)
    client.capture("user123", "paid")

    assert not client.flush()

    assert len(recorder.deliveries()) == 1
    assert client.stats().dropped == {"refused": 1}
    assert "protocol v1" in str(told.all[0][0])


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(404, 2), (408, 2), (429, 2), (500, 2), (502, 2), (503, 2), (504, 2)]
    + [(status, 1) for status in (301, 400, 401, 402, 403, 413, 415, 501)],
)
def test_a_status_decides(
    make_client: MakeClient, recorder: RecordingServer, status: int, attempts: int
) -> None:
    """404 asks for another try in v1, and 501 does not; otherwise it is as in v0."""
    recorder.answer(Reply(status=status, headers=AT_ONCE))
    client = make_client(recorder.url, capture_mode="v1", max_retries=1)
    recorder.answer(results({}))
    client.capture("user123", "paid")

    assert client.flush() is (attempts == 2)

    assert len(recorder.deliveries()) == attempts


@pytest.mark.parametrize("sync_mode", [True, False])
def test_a_refusal_by_name_is_none_in_sync_mode(
    make_client: MakeClient, recorder: RecordingServer, *, sync_mode: bool
) -> None:
    """In sync_mode a uuid means that the server took the event; else that it was queued."""
    client = make_client(recorder.url, capture_mode="v1", sync_mode=sync_mode)
    uuid = "01890a5d-ac96-774b-bcce-b302099a8057"
    recorder.answer(results({uuid: "drop"}))

    assert client.capture("user123", "paid", uuid=uuid) == (None if sync_mode else uuid)


@pytest.mark.parametrize(
    ("before", "options"),
    [
        ({"$process_person_profile": False}, {"process_person_profile": False}),
        ({"$process_person_profile": "true"}, {"process_person_profile": True}),
        ({"$process_person_profile": " 0 "}, {"process_person_profile": False}),
        ({"$process_person_profile": 2}, {"process_person_profile": True}),
        ({"$process_person_profile": "perhaps"}, {}),
        ({"$process_person_profile": None}, {}),
        ({"$process_person_profile": [1]}, {}),
        ({"$cookieless_mode": 1}, {"cookieless_mode": True}),
        ({"$ignore_sent_at": True}, {"disable_skew_correction": True}),
        ({"$product_tour_id": "tour"}, {"product_tour_id": "tour"}),
        ({"$product_tour_id": 7}, {}),
        ({}, {}),
    ],
)
def test_what_steers_the_server_is_an_option(before: Any, options: Any) -> None:
    """Such properties become options if they can be read as such, and are gone either way."""
    reshaped = reshape(an_event({**before, "plan": "pro"}))

    assert reshaped["options"] == options
    assert reshaped["properties"] == {"plan": "pro"}


@pytest.mark.parametrize(
    ("event", "reshaped"),
    [
        (an_event({"$session_id": "s", "$window_id": "w"}), {"session_id": "s", "window_id": "w"}),
        (an_event({"$session_id": 7}), {}),
        (an_event({"$lib": "x", "$lib_version": "1"}), {}),
        (
            an_event({"distinct_id": "user123", "alias": "new"}),
            {"properties": {"alias": "new"}},
        ),
        (
            an_event({"distinct_id": "another"}),
            {"properties": {"distinct_id": "another"}},
        ),
        (
            an_event({"$set": {"a": 1}}, **{"$set": {"a": 2, "b": 2}, "$set_once": {"c": 3}}),
            {"properties": {"$set": {"a": 1, "b": 2}, "$set_once": {"c": 3}}},
        ),
        (an_event({"$set": "odd"}, **{"$set": {"b": 2}}), {"properties": {"$set": {"b": 2}}}),
    ],
)
def test_an_event_takes_the_shape_of_v1(event: dict[str, Any], reshaped: dict[str, Any]) -> None:
    """Session and window stand at the top, persons' properties below, and nothing twice."""
    before = json.dumps(event)

    assert reshape(event) == {**an_event(), "options": {}, **reshaped}

    assert json.dumps(event) == before


@pytest.mark.parametrize(
    ("mode", "path"),
    [
        ("v0", "/batch/"),
        ("legacy", "/batch/"),
        ("v1", "/i/v1/analytics/events"),
        ("analytics_v1", "/i/v1/analytics/events"),
    ],
)
def test_a_protocol_has_two_names(
    make_client: MakeClient, recorder: RecordingServer, mode: Any, path: str
) -> None:
    """Both ways of naming a protocol lead to its endpoint."""
    recorder.answer(results({}))
    client = make_client(recorder.url, capture_mode=mode)
    client.capture("user123", "paid")
    assert client.flush()

    assert recorder.deliveries()[0].path == path


def test_posthog_finds_nothing_wrong(make_client: MakeClient, inspector: Inspector) -> None:
    """Every kind of event arrives as v1 has it; the local PostHog finds no problem with any."""
    client = make_client(capture_mode="v1", capture_compression="deflate")
    client.capture("user123", "paid", {"$session_id": "s", "$set": {"a": 1}}, groups={"team": "x"})
    client.capture("by nobody")
    client.set("user123", {"plan": "pro"})
    client.set_once("user123", {"plan": "pro"})
    client.identify("user123", {"plan": "pro"})
    client.alias("before", "user123")
    client.group_identify("team", "x", {"size": 3})
    client.page("user123", "https://example.org/")
    client.capture_exception(LookupError("boom"), "user123")

    assert client.flush()

    assert inspector.problems() == []
    assert len(inspector.events()) == 9
    [nobodys] = inspector.events("by nobody")
    assert nobodys["options"] == {"process_person_profile": False}
    [request] = inspector.requests()
    assert request["content_encoding"] == "deflate"


def test_single_events_are_told_apart_end_to_end(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """One taken, one dropped by name, one asked for again: each ends as the server said."""
    inspector.answer(
        status=200, times=1, headers=AT_ONCE, results={"bad": "drop", "later": "retry"}
    )
    client = make_client(capture_mode="v1", on_error=told)
    for name in ("good", "bad", "later"):
        client.capture("user123", name)

    assert not client.flush()

    assert [event["event"] for event in inspector.events()] == ["good", "later"]
    assert told.lost == ["bad"]
    assert (client.stats().sent, client.stats().dropped) == (2, {"refused": 1})


def _seconds_apart(delivery: Delivery, moment: str) -> float:
    return abs((delivery.received - datetime.fromisoformat(moment)).total_seconds())
