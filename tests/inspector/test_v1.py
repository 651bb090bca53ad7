"""Protocol v1, over real HTTP."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import requests
import zstandard

from posthog_web.inspector import Inspector

from .conftest import KEY, a_batch, a_v1_batch, a_v1_event, an_event, v1_headers

PATIENCE = 10.0
PATH = "/i/v1/analytics/events"


def deliver(
    inspector: Inspector,
    *events: dict[str, Any],
    headers: dict[str, str] | None = None,
    **body: Any,
) -> requests.Response:
    """Post *events* as one batch of protocol v1."""
    return requests.post(
        inspector.url + PATH,
        data=json.dumps(a_v1_batch(*events, **body)),
        headers=v1_headers() if headers is None else headers,
        timeout=PATIENCE,
    )


def results(answer: requests.Response) -> Any:
    """Return the results of *answer*."""
    return answer.json()["results"]


class TestDeliveries:
    """What comes in."""

    def test_taken(self, inspector: Inspector) -> None:
        """Events are kept as sent, each has its result, and the request id comes back."""
        events = [
            a_v1_event(session_id="s"),
            a_v1_event("other", options={"cookieless_mode": True}),
        ]
        answer = deliver(inspector, *events)

        assert answer.status_code == 200
        assert results(answer) == {event["uuid"]: {"result": "ok"} for event in events}
        assert answer.headers["PostHog-Request-Id"] == v1_headers()["PostHog-Request-Id"]
        assert "Retry-After" not in answer.headers
        assert inspector.events() == [event | {"deliveries": 1} for event in events]
        assert inspector.problems() == []

    def test_request_log(self, inspector: Inspector) -> None:
        """The log tells the headers, and what stands beside the batch."""
        deliver(inspector, a_v1_event(), headers=v1_headers(PostHog_Attempt="2"))
        [request] = inspector.requests()

        assert request["path"] == PATH
        assert request["headers"]["posthog-attempt"] == "2"
        assert request["headers"]["authorization"] == f"Bearer {KEY}"
        assert request["headers"].items() >= {
            (name.lower(), value) for name, value in v1_headers(PostHog_Attempt="2").items()
        }
        assert request["envelope"] == {"created_at": a_v1_batch()["created_at"]}

    def test_labels(self, inspector: Inspector) -> None:
        """The library is the one the header names, and an option makes an event personless."""
        event = a_v1_event(options={"process_person_profile": False})
        deliver(inspector, event)
        answer = requests.get(f"{inspector.url}/api/events?summary=1", timeout=PATIENCE)
        [row] = answer.json()["events"]

        assert (row["library"], row["personless"]) == ("posthog-web 0.1.0", True)
        assert (row["distinct_id"], row["name"]) == (event["distinct_id"], event["event"])

    def test_again(self, inspector: Inspector) -> None:
        """A uuid delivered again is one event with two deliveries."""
        event = a_v1_event()
        deliver(inspector, event)
        deliver(inspector, event)

        assert inspector.events() == [event | {"deliveries": 2}]

    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)],
    )
    def test_compressed(
        self, inspector: Inspector, encoding: str, pack: Callable[[bytes], bytes]
    ) -> None:
        """A compressed delivery is stored, and logged with its encoding and both its sizes."""
        event = a_v1_event()
        plain = json.dumps(a_v1_batch(event)).encode()
        headers = v1_headers(Content_Encoding=encoding)
        requests.post(inspector.url + PATH, data=pack(plain), headers=headers, timeout=PATIENCE)
        [request] = inspector.requests()

        assert inspector.events() == [event | {"deliveries": 1}]
        assert (request["status"], request["content_encoding"]) == (200, encoding)
        assert (request["wire_bytes"], request["plain_bytes"]) == (len(pack(plain)), len(plain))

    def test_unknown_encoding(self, inspector: Inspector) -> None:
        """An encoding the inspector cannot unpack is answered 415 in the form of protocol v1."""
        answer = deliver(inspector, a_v1_event(), headers=v1_headers(Content_Encoding="br"))

        assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_encoding")


class TestRefusals:
    """What PostHog refuses as a whole."""

    @pytest.mark.parametrize(
        "name",
        [
            "Content-Type",
            "PostHog-Sdk-Info",
            "PostHog-Attempt",
            "PostHog-Request-Id",
            "PostHog-Request-Timestamp",
        ],
    )
    def test_missing_header(self, inspector: Inspector, name: str) -> None:
        """A missing header is named, in the error body of protocol v1."""
        headers = v1_headers(**{name: None})
        answer = deliver(inspector, a_v1_event(), headers=headers)
        error = answer.json()

        assert (answer.status_code, error["error"]) == (400, "missing_required_headers")
        assert name in error["error_description"]
        assert error.keys() == {"error", "error_description", "error_uri"}
        assert inspector.requests()[0]["detail"] == error["error_description"]
        assert inspector.events() == []

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"Authorization": None}, 401, "missing_authorization"),
            ({"Authorization": "Basic eA=="}, 400, "invalid_header_value"),
            ({"Authorization": "Bearer "}, 400, "invalid_header_value"),
            ({"Authorization": "Bearer phx_secret"}, 401, "invalid_api_token"),
            ({"Content_Type": "text/plain"}, 415, "unsupported_content_type"),
            ({"PostHog_Attempt": "0"}, 400, "invalid_header_value"),
            ({"PostHog_Attempt": "1.0"}, 400, "invalid_header_value"),
            ({"PostHog_Attempt": "9" * 4_000}, 400, "invalid_header_value"),
            ({"PostHog_Request_Id": "7"}, 400, "invalid_header_value"),
            ({"PostHog_Request_Timestamp": "2026-11-22"}, 400, "invalid_header_value"),
            ({"PostHog_Request_Timestamp": "2026-11-22T12:00:00"}, 400, "invalid_header_value"),
        ],
    )
    def test_wrong_header(
        self, inspector: Inspector, changes: dict[str, str | None], status: int, error: str
    ) -> None:
        """A wrong header is refused with PostHog's tag, and a secret key is not repeated."""
        answer = deliver(inspector, a_v1_event(), headers=v1_headers(**changes))

        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert "secret" not in answer.text + json.dumps(inspector.requests())

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"", "empty_body"),
            (b"{", "request_parsing_error"),
            (b"[]", "request_parsing_error"),
            (a_v1_batch(), "empty_batch"),
            (a_v1_batch(a_v1_event(), created_at=None), "request_parsing_error"),
            (a_v1_batch(a_v1_event(), created_at="today"), "invalid_batch"),
            (a_v1_batch(a_v1_event(), batch={}), "request_parsing_error"),
            (a_v1_batch(batch=[3]), "request_parsing_error"),
            (a_v1_batch(a_v1_event(uuid=None)), "request_parsing_error"),
            (a_v1_batch(a_v1_event(timestamp=None)), "request_parsing_error"),
            (a_v1_batch(a_v1_event(distinct_id=7)), "request_parsing_error"),
            (a_v1_batch(a_v1_event(uuid="x")), "invalid_event_uuid"),
            (a_v1_batch(*[a_v1_event()] * 2), "duplicate_event_uuid"),
        ],
    )
    def test_body(self, inspector: Inspector, body: Any, error: str) -> None:
        """A body PostHog cannot take apart is refused with 400 and its tag."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        answer = requests.post(
            inspector.url + PATH, data=data, headers=v1_headers(), timeout=PATIENCE
        )

        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert inspector.events() == []


class TestResults:
    """Scripted results of single events."""

    def test_by_name(self, inspector: Inspector) -> None:
        """What is dropped or to be sent again is not stored, and a retry brings Retry-After."""
        names = ("paid", "drop me", "again", "careful", "new")
        paid, dropped, again, careful, new = events = [a_v1_event(name) for name in names]
        inspector.answer(
            200,
            times=1,
            results={
                "drop me": {"result": "drop", "details": "billing_limit_exceeded"},
                "again": "retry",
                "careful": "warning",
                new["uuid"]: "limited",
            },
        )
        answer = deliver(inspector, *events)
        [request] = inspector.requests()

        assert results(answer) == {
            paid["uuid"]: {"result": "ok"},
            dropped["uuid"]: {"result": "drop", "details": "billing_limit_exceeded"},
            again["uuid"]: {"result": "retry"},
            careful["uuid"]: {"result": "warning"},
            new["uuid"]: {"result": "limited"},
        }
        assert answer.headers["Retry-After"] == "1"
        assert [event["event"] for event in inspector.events()] == ["paid", "careful", "new"]
        assert (request["detail"], request["scripted"]) == (
            "Scripted results: 1 drop, 1 retry.",
            True,
        )
        assert request["uuids"] == [event["uuid"] for event in events]
        assert results(deliver(inspector, again)) == {again["uuid"]: {"result": "ok"}}

    def test_all_others(self, inspector: Inspector) -> None:
        """`*` means all that are not named; None leaves an event out of the answer, but stored."""
        named, silent, other = a_v1_event("named"), a_v1_event("silent"), a_v1_event("other")
        inspector.answer(200, results={"named": "ok", "silent": None, "*": "drop"})
        answer = deliver(inspector, named, silent, other)
        inspector.answer_normally()

        assert results(answer) == {
            named["uuid"]: {"result": "ok"},
            other["uuid"]: {"result": "drop"},
        }
        assert [event["event"] for event in inspector.events()] == ["named", "silent"]

    def test_own_retry_after(self, inspector: Inspector) -> None:
        """A scripted Retry-After goes before the usual one."""
        inspector.answer(200, times=1, results={"*": "retry"}, headers={"retry-after": "0"})
        answer = deliver(inspector, a_v1_event())

        assert answer.headers["Retry-After"] == "0"
        assert inspector.events() == []

    def test_over_http(self, inspector: Inspector) -> None:
        """Results can be scripted and read over HTTP."""
        answers = f"{inspector.url}/api/answers"
        wanted = {"status": 200, "times": 1, "results": {"paid": "drop"}}
        written = requests.post(answers, json=wanted, timeout=PATIENCE).json()
        event = a_v1_event()

        assert written["answers"][0]["results"] == {"paid": {"result": "drop"}}
        assert results(deliver(inspector, event)) == {event["uuid"]: {"result": "drop"}}

    @pytest.mark.parametrize("body", ["", "nonsense", "{}", '{"results": 3}'])
    def test_own_body(self, inspector: Inspector, body: str) -> None:
        """A scripted body is answered as it is, and the events are stored."""
        inspector.answer(200, times=1, body=body)
        answer = deliver(inspector, a_v1_event())

        assert (answer.status_code, answer.text) == (200, body)
        assert len(inspector.events()) == 1

    def test_own_body_of_a_failure(self, inspector: Inspector) -> None:
        """A failure may have a body of its own; a delivery refused in truth keeps its reason."""
        inspector.answer(502, times=1, body="<h1>Bad gateway</h1>", headers={"Content-Type": "x/y"})
        inspector.answer(200, times=1, body="nonsense")
        failed = deliver(inspector, a_v1_event())
        refused = deliver(inspector)

        assert (failed.status_code, failed.text) == (502, "<h1>Bad gateway</h1>")
        assert failed.headers["Content-Type"] == "x/y"
        assert (refused.status_code, refused.json()["error"]) == (400, "empty_batch")

    def test_outage(self, inspector: Inspector) -> None:
        """A scripted failure has the error body of protocol v1 and repeats the request's id."""
        inspector.answer(503, times=1)
        answer = deliver(inspector, a_v1_event())

        assert (answer.status_code, answer.json()["error"]) == (503, "scripted_answer")
        assert answer.headers["PostHog-Request-Id"] == v1_headers()["PostHog-Request-Id"]

    def test_protocol_v0(self, inspector: Inspector) -> None:
        """Protocol v0 has no results: its delivery is taken as a whole."""
        inspector.answer(200, times=1, results={"*": "drop"})
        answer = requests.post(
            f"{inspector.url}/batch/", json=a_batch(an_event()), timeout=PATIENCE
        )

        assert answer.json() == {"status": 1}
        assert len(inspector.events()) == 1


class TestProblems:
    """What PostHog takes, drops or overlooks without a word."""

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"options": None}, "no `options`"),
            ({"options": []}, "drops the event"),
            ({"options": {"x": 1}}, "no option `x`"),
            ({"options": {"cookieless_mode": None}}, "null, not a boolean"),
            ({"options": {"product_tour_id": 7}}, "a number, not a text"),
            ({"properties": None}, "no `properties`"),
            ({"properties": {"$lib": "x"}}, "`PostHog-Sdk-Info`"),
            ({"properties": {"$session_id": "x"}}, "`session_id`"),
            ({"properties": {"$process_person_profile": False}}, "process_person_profile"),
            ({"properties": {"distinct_id": "x"}}, "beside the properties"),
            ({"properties": {"$set": 3}}, "not an object"),
            ({"$set": {"a": 1}}, "inside them"),
            ({"sent_at": "x"}, "means nothing"),
            ({"session_id": 3}, "a number, not a text"),
            ({"distinct_id": "anonymous"}, "names nobody"),
        ],
    )
    def test_event(self, inspector: Inspector, changes: dict[str, Any], word: str) -> None:
        """Each flaw of an event is named in one sentence, and the event kept."""
        deliver(inspector, a_v1_event(**changes))
        [problem] = inspector.problems()

        assert word in problem
        assert len(inspector.events()) == 1

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"api_key": KEY}, "`Authorization`"),
            ({"token": KEY}, "`Authorization`"),
            ({"sent_at": "2026-11-22T12:01:56Z"}, "`PostHog-Request-Timestamp`"),
            ({"mode": "x"}, "overlooks"),
            ({"historical_migration": "yes"}, "a text, not a boolean"),
        ],
    )
    def test_body(self, inspector: Inspector, changes: dict[str, Any], word: str) -> None:
        """A field that does not belong beside the batch is a problem of its events."""
        deliver(inspector, a_v1_event(), **changes)
        [problem] = inspector.problems()

        assert word in problem

    def test_identity(self, inspector: Inspector) -> None:
        """An encoding PostHog has no name for is taken all the same, and told."""
        deliver(inspector, a_v1_event(), headers=v1_headers(Content_Encoding="identity"))
        [problem] = inspector.problems()

        assert "415" in problem

    @pytest.mark.parametrize("value", ["posthog-web", "/1", "posthog-web/", f"x/{'1' * 200}"])
    def test_sdk_info(self, inspector: Inspector, value: str) -> None:
        """Without a usable name and version PostHog cannot say which library it was."""
        deliver(inspector, a_v1_event(), headers=v1_headers(PostHog_Sdk_Info=value))
        [problem] = inspector.problems()

        assert "cannot set `$lib`" in problem
