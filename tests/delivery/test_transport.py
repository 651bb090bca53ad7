"""What goes over the wire, byte for byte, and what comes back from servers of every temper."""

from __future__ import annotations

import gc
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from urllib3 import HTTPConnectionPool

from posthog_web._delivery.batch import Batch
from posthog_web._delivery.retry import Answer
from posthog_web._delivery.transport import HttpTransport
from posthog_web._delivery.wire import WireV0
from posthog_web._runtime.system import library_version
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient
from tests.delivery.fault_server import Exchange, FaultServer
from tests.delivery.servers import RecordingServer, Reply, free_port

DEEP_JSON = b"[" * 200_000


def transport(host: str) -> HttpTransport:
    """Return a transport to *host*."""
    return HttpTransport(host=host, wire=WireV0(api_key="phc_test"))


def post(host: str, timeout: float = 5.0) -> Answer:
    """Send one event to *host* and return the answer."""
    connection = transport(host).connect()
    try:
        return connection.post(Batch(events=[b'{"event":"paid"}'], born=0.0), timeout=timeout)
    finally:
        connection.close()


@pytest.mark.spec("SRV-084", "SRV-085", "SRV-086")
def test_a_request_holds_what_posthog_reads(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """The body is the batch, the key, the migration mark and the time; the headers name us."""
    client = make_client(recorder.url)
    uuid = client.capture("user123", "paid", {"plan": "pro"})
    assert client.flush()

    [delivery] = recorder.deliveries()

    body = delivery.json()
    assert (delivery.method, delivery.path) == ("POST", "/batch/")
    assert set(body) == {"batch", "api_key", "historical_migration", "sent_at"}
    assert (body["api_key"], body["historical_migration"]) == ("phc_test", False)
    [event] = body["batch"]
    assert set(event) == {"event", "distinct_id", "properties", "timestamp", "uuid"}
    assert (event["event"], event["distinct_id"], event["uuid"]) == ("paid", "user123", uuid)
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["user-agent"] == f"posthog-web/{library_version()}"
    assert "authorization" not in delivery.headers
    assert "content-encoding" not in delivery.headers


def test_sent_at_is_the_time_of_sending(make_client: MakeClient, recorder: RecordingServer) -> None:
    """sent_at is UTC with an offset PostHog reads, and as new as the request."""
    client = make_client(recorder.url)
    client.capture("user123", "paid")
    assert client.flush()

    [delivery] = recorder.deliveries()

    text = delivery.json()["sent_at"]
    assert text.endswith("+00:00")
    assert abs(datetime.fromisoformat(text) - delivery.received) < timedelta(seconds=5)


@pytest.mark.spec("SRV-105")
def test_a_retry_sends_the_same_events_at_a_new_time(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """uuid, timestamp and all else of an event stay over a retry; only sent_at is new."""
    recorder.answer(Reply(status=503))
    client = make_client(recorder.url)
    client.capture("user123", "paid")
    client.capture("user123", "shipped")
    assert client.flush()

    first, second = (delivery.json() for delivery in recorder.deliveries())

    assert second["batch"] == first["batch"]
    assert second["sent_at"] > first["sent_at"]
    assert client.stats().retried == 1


@pytest.mark.spec("SRV-086", "SRV-092")
def test_gzip_is_said_and_done(make_client: MakeClient, recorder: RecordingServer) -> None:
    """With gzip=True the header is exactly ``gzip`` and the body decompresses to the batch."""
    client = make_client(recorder.url, gzip=True)
    client.capture("user123", "paid", {"text": "long " * 1_000})
    assert client.flush()

    [delivery] = recorder.deliveries()

    assert delivery.headers["content-encoding"] == "gzip"
    assert delivery.body[:2] == b"\x1f\x8b"
    assert len(delivery.body) < 2_000
    assert delivery.names() == ["paid"]
    assert client.stats().sent_bytes == len(delivery.body)


@pytest.mark.spec("SRV-094")
@pytest.mark.parametrize("sync_mode", [False, True])
def test_the_personal_key_stays_at_home(
    make_client: MakeClient, recorder: RecordingServer, *, sync_mode: bool
) -> None:
    """No part of an ingestion request holds the personal key, on no attempt."""
    recorder.answer(Reply(status=503))
    client = make_client(recorder.url, personal_api_key="phx_personal", sync_mode=sync_mode)
    client.capture("user123", "paid")
    assert client.flush()

    deliveries = recorder.deliveries()

    assert len(deliveries) == 2
    for delivery in deliveries:
        assert "phx_personal" not in f"{delivery.path} {delivery.headers}"
        assert b"phx_personal" not in delivery.body


def test_a_netrc_file_adds_no_credentials(
    make_client: MakeClient, recorder: RecordingServer, tmp_path: Path
) -> None:
    """A password in ~/.netrc for PostHog's host is not sent along."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password hidden\n", encoding="utf-8")
    netrc.chmod(0o600)
    os.environ["NETRC"] = str(netrc)
    client = make_client(recorder.url)
    client.capture("user123", "paid")
    assert client.flush()

    [delivery] = recorder.deliveries()

    assert "authorization" not in delivery.headers


def test_an_import_is_marked(make_client: MakeClient, recorder: RecordingServer) -> None:
    """historical_migration=True stands in the body."""
    client = make_client(recorder.url, historical_migration=True)
    client.capture("user123", "paid")
    assert client.flush()

    assert recorder.deliveries()[0].json()["historical_migration"] is True


@pytest.mark.spec("SRV-093")
def test_a_connection_is_kept(make_client: MakeClient, recorder: RecordingServer) -> None:
    """Batches one after the other travel on the same connection."""
    client = make_client(recorder.url)
    for name in ("one", "two", "three"):
        client.capture("user123", name)
        assert client.flush()

    assert len({delivery.sender for delivery in recorder.deliveries()}) == 1


@pytest.mark.spec("SRV-084")
@pytest.mark.parametrize(
    ("suffix", "path"), [("", "/batch/"), ("/", "/batch/"), ("/ingest", "/ingest/batch/")]
)
def test_the_address_is_made_from_the_host(
    make_client: MakeClient, recorder: RecordingServer, suffix: str, path: str
) -> None:
    """A slash at the end of host does no harm, and a path (a reverse proxy's) is kept."""
    client = make_client(recorder.url + suffix)
    client.capture("user123", "paid")
    assert client.flush()

    assert [delivery.path for delivery in recorder.deliveries()] == [path]


@pytest.mark.spec("SRV-090")
def test_a_closed_port_is_no_answer(dead_host: str) -> None:
    """A refused connection is told as no answer, with its cause."""
    answer = post(dead_host)

    assert answer.status is None
    assert isinstance(answer.error, OSError)
    assert answer.sent_bytes > 0


@pytest.mark.spec("SRV-090")
def test_a_reset_is_no_answer(inspector: Inspector) -> None:
    """A connection closed in the middle is told as no answer."""
    inspector.answer(close=True)

    answer = post(inspector.url)

    assert answer.status is None
    assert isinstance(answer.error, OSError)


@pytest.mark.spec("SRV-087", "SRV-090")
def test_a_hung_server_is_no_answer(silent_host: str) -> None:
    """A server that never answers costs the timeout, and is told as no answer."""
    answer = post(silent_host, timeout=0.1)

    assert answer.status is None
    assert isinstance(answer.error, OSError)


@pytest.mark.spec("SRV-090")
@pytest.mark.parametrize("host", ["http://[::1", "nothing://127.0.0.1", "", "http://:0"])
def test_an_impossible_address_is_no_answer(host: str) -> None:
    """An address that cannot be read raises nothing."""
    answer = post(host)

    assert answer.status is None
    assert answer.error is not None


@pytest.mark.spec("SRV-090", "SRV-091")
def test_an_answer_is_read(recorder: RecordingServer) -> None:
    """Status, the server's words and its wish to wait come back together."""
    recorder.answer(
        Reply(status=429, headers={"Retry-After": "7"}, body=b'{"detail": "slow down"}')
    )

    answer = post(recorder.url)

    assert (answer.status, answer.detail, answer.retry_after) == (429, "slow down", 7.0)


@pytest.mark.spec("SRV-090")
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"plain words", "plain words"),
        (b"", ""),
        (b"[1, 2]", "[1, 2]"),
        (b'{"detail": null}', None),
        (b"\xff\xfe broken", None),
        (b"x" * 100_000, "x" * 200),
    ],
)
def test_any_body_of_an_error_is_read(
    recorder: RecordingServer, body: bytes, detail: str | None
) -> None:
    """Whatever a failing server says is kept as text, shortened."""
    recorder.answer(Reply(status=400, body=body))

    answer = post(recorder.url)

    assert answer.status == 400
    assert len(answer.detail) <= 200
    assert detail is None or answer.detail == detail


@pytest.mark.spec("SRV-090")
def test_a_deeply_nested_body_of_an_error_is_no_fault(recorder: RecordingServer) -> None:
    """JSON nested beyond what Python parses is an answer like any other."""
    recorder.answer(Reply(status=400, body=DEEP_JSON))

    assert post(recorder.url).status == 400


@pytest.mark.spec("SRV-088")
def test_the_body_of_a_success_means_nothing(recorder: RecordingServer) -> None:
    """A success is one whatever its body holds, and however long it is."""
    recorder.answer(Reply(status=200, body=DEEP_JSON))

    assert post(recorder.url).status == 200


def pools() -> int:
    """Return how many of urllib3's pools of connections are alive."""
    # By its type: a proxy, asked for its class, answers with another one, or raises.
    return sum(issubclass(type(one), HTTPConnectionPool) for one in gc.get_objects())


def test_a_request_that_fails_leaves_nothing_to_the_garbage_collector() -> None:
    """Refused or reset: once the connection is closed, urllib3's objects are gone."""
    with FaultServer(Exchange.reset) as server:
        hosts = [server.url, f"http://127.0.0.1:{free_port()}"]
        gc.collect()
        gc.disable()
        try:
            before = pools()
            answers = [post(host) for host in hosts]
            assert [answer.status for answer in answers] == [None, None]
            del answers
            assert pools() == before
        finally:
            gc.enable()
