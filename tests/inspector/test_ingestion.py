"""Bytes in, events out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from posthog_web.inspector.ingestion import read_batch, receive
from posthog_web.inspector.refusal import Refusal

from .conftest import a_batch, an_event

NOW = datetime(2026, 11, 22, 12, 2, tzinfo=UTC)

THEIRS = {"function": "send", "in_app": False}


def raised_in(*frames: object) -> dict[str, Any]:
    """Return the properties of an exception with these frames, in the order of calls."""
    return {"$exception_list": [{"type": "E", "stacktrace": {"frames": [*frames]}}]}


def read(payload: object) -> list[Any]:
    """Read *payload* as if it had just come in."""
    return list(read_batch(json.dumps(payload).encode(), NOW).events)


class TestReadBatch:
    """What a delivery may look like."""

    @pytest.mark.parametrize(
        "payload",
        [
            a_batch(an_event()),
            {"token": "phc_x", "batch": [an_event()]},
            [an_event(properties={"token": "phc_x", "distinct_id": "user123"}, distinct_id=None)],
            an_event(api_key="phc_x"),
        ],
    )
    def test_shapes(self, payload: object) -> None:
        """A batch, a bare list and a bare event are all read, wherever the key and person stand."""
        [event] = read(payload)

        assert (event.name, event.distinct_id, event.problems) == ("paid", "user123", ())

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"\xff", b"3", b"{}", b'{"batch": {}}', b'{"api_key": "phc_x", "batch": [3]}']
        + [
            b'{"api_key": "phc_x", "batch": [{"event": ' + number + b"}]}"
            for number in (b"NaN", b"1e999")
        ]
        + [b"[" * 100_000],
    )
    def test_unreadable(self, body: bytes) -> None:
        """What is not a list of events in strict JSON is refused with 400."""
        with pytest.raises(Refusal) as caught:
            read_batch(body, NOW)

        assert (caught.value.status, caught.value.body()["type"]) == (400, "validation_error")

    @pytest.mark.parametrize("key", [None, "", "  ", 3, "phx_secret"])
    def test_key(self, key: object) -> None:
        """No project key, and a personal one, are refused with 401."""
        with pytest.raises(Refusal) as caught:
            read(a_batch(an_event(), api_key=key))

        assert caught.value.status == 401

    def test_a_secret_key_is_not_repeated(self) -> None:
        """The refusal of a personal key does not contain it."""
        with pytest.raises(Refusal) as caught:
            read(a_batch(an_event(), api_key="phx_secret"))

        assert "secret" not in caught.value.detail


class TestReceive:
    """What is said about one event."""

    def test_flawless(self) -> None:
        """An event as it should be has no problems, and is described by its own properties."""
        event = receive(an_event(), NOW)

        assert (event.problems, event.library, event.personless) == ((), "posthog-web 0.1.0", False)

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"event": None}, "no name"),
            ({"event": " "}, "name is empty"),
            ({"event": 3}, "a number"),
            ({"event": "x" * 201}, "201 characters"),
            ({"distinct_id": None}, "names nobody"),
            ({"distinct_id": ""}, "distinct id is empty"),
            ({"distinct_id": 7}, "a number"),
            ({"distinct_id": " Undefined "}, "names nobody"),
            ({"distinct_id": "x" * 201}, "201 characters"),
            ({"uuid": None}, "no `uuid`"),
            ({"uuid": "x"}, "not a uuid"),
            ({"timestamp": None}, "no `timestamp`"),
            ({"timestamp": "yesterday"}, "ISO 8601"),
            ({"timestamp": "2026-11-22"}, "ISO 8601"),
            ({"timestamp": "2026-11-22T12:00:00"}, "time zone"),
            ({"timestamp": "2026-11-24T12:00:00Z"}, "ahead"),
            ({"properties": ["a"]}, "a list"),
            ({"$set": "a"}, "a text"),
            ({"event": "$exception"}, "$exception_list"),
        ],
    )
    def test_problems(self, changes: dict[str, Any], word: str) -> None:
        """Each flaw is named in one sentence."""
        [problem] = receive(an_event(**changes), NOW).problems

        assert word in problem

    def test_body_is_as_sent(self) -> None:
        """The event is kept unchanged, big numbers and lone surrogates included."""
        event = an_event(properties={"big": 2**70, "half": "\ud800"}, distinct_id="\ud800")

        received = receive(event, NOW)

        assert json.loads(received.body) == event
        assert received.distinct_id == "?"

    @pytest.mark.parametrize(
        ("name", "properties", "hint"),
        [
            ("$exception", {"$exception_list": [{"type": "E", "value": "boom"}]}, "E: boom"),
            ("$exception", {"$exception_list": [None]}, ""),
            (
                "$feature_flag_called",
                {"$feature_flag": "f", "$feature_flag_response": True},
                "f = true",
            ),
            ("$pageview", {"$current_url": "http://x/y"}, "http://x/y"),
            ("paid", {"$pathname": "/y"}, ""),
        ],
    )
    def test_hint(self, name: str, properties: dict[str, Any], hint: str) -> None:
        """The hint tells an event from others of its name."""
        assert receive(an_event(name, properties=properties), NOW).hint == hint

    @pytest.mark.parametrize(
        ("name", "properties", "place"),
        [
            ("paid", {"$request_method": "POST", "$request_path": "/pay/"}, "POST /pay/"),
            ("paid", {"$pathname": "/y"}, "/y"),
            ("$pageview", {"$pathname": "/y"}, ""),
            ("paid", {}, ""),
            ("$exception", raised_in({"function": "pay", "in_app": True}), "in pay"),
            ("$exception", raised_in({"function": "own"}, THEIRS), "in own"),
            ("$exception", raised_in({"function": 7, "in_app": False}, THEIRS), "in send"),
            ("$exception", raised_in(THEIRS) | {"$request_path": "/pay/"}, "/pay/"),
            ("$exception", raised_in(None, "odd"), ""),
            ("$exception", {"$exception_list": [{"stacktrace": {"frames": 7}}]}, ""),
        ],
    )
    def test_place(self, name: str, properties: dict[str, Any], place: str) -> None:
        """An event came from a request, or else from where its exception was raised."""
        assert receive(an_event(name, properties=properties), NOW).place == place
