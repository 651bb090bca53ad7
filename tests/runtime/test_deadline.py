"""A request's timeout bounds all of it, and disturbs nothing that comes in time."""

from __future__ import annotations

import gzip
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
import requests
import trustme
from urllib3.exceptions import HTTPError

from posthog_web._runtime import http
from tests.delivery.fault_server import (
    Exchange,
    Fault,
    FaultServer,
    Unreachable,
    answer,
    drip_body,
    drip_chunks,
    drip_header,
    hang,
    refuse_to_read,
    work,
)
from tests.delivery.servers import silence
from tests.process.program import run

BATCH = b'{"batch":[{"event":"paid"}]}'
LARGE_BATCH = b'{"batch":[{"event":"%b"}]}' % (b"x" * 8_000_000)

DRIPS = [drip_header, drip_body, drip_chunks]


def post(
    session: requests.Session, url: str, timeout: float, body: bytes = BATCH
) -> tuple[int, bytes]:
    """Send *body* the way batches are sent; return the status and what was answered."""
    with session.post(
        url, data=body, timeout=timeout, allow_redirects=False, stream=True
    ) as response:
        return response.status_code, response.raw.read(16 * 1024, decode_content=True)


@contextmanager
def ends_after(seconds: float) -> Iterator[None]:
    """Expect the block to fail, as requests do, after that time and not much later."""
    began = monotonic()
    with pytest.raises((OSError, HTTPError), match=r"(?i)timed out"):
        yield
    assert seconds - 0.1 <= monotonic() - began < seconds + 0.5


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A session as all of this package's."""
    with http.new_session() as session:
        yield session


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Somebody who makes certificates."""
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    """What a server needs for HTTPS; sessions trust it."""
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    os.environ["REQUESTS_CA_BUNDLE"] = str(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "posthog.invalid").configure_cert(context)
    return context


@pytest.mark.spec("SRV-087")
@pytest.mark.parametrize("fault", [*DRIPS, hang], ids=lambda fault: fault.__name__)
def test_a_drip_is_cut_off(session: requests.Session, fault: Fault) -> None:
    """However an answer is spread over time, its last byte comes in time or counts for nothing."""
    with FaultServer(fault) as server, ends_after(0.4):
        post(session, server.url, timeout=0.4)


@pytest.mark.parametrize("fault", [*DRIPS, hang], ids=lambda fault: fault.__name__)
def test_a_drip_is_cut_off_under_tls(
    session: requests.Session, tls: ssl.SSLContext, fault: Fault
) -> None:
    """The same over HTTPS."""
    with FaultServer(fault, tls=tls) as server, ends_after(0.4):
        post(session, server.url, timeout=0.4)


def test_a_handshake_that_does_not_come_is_cut_off(session: requests.Session) -> None:
    """A server that accepts the connection and says nothing to a TLS client holds nobody up."""
    with silence() as url, ends_after(0.4):
        post(session, url.replace("http:", "https:"), timeout=0.4)


def test_a_server_that_does_not_read_is_cut_off(session: requests.Session) -> None:
    """A body that nobody takes off the wire is given up in time."""
    with FaultServer(refuse_to_read) as server, ends_after(0.4):
        post(session, server.url, timeout=0.4, body=LARGE_BATCH)


def test_connecting_shares_its_time_with_sending(session: requests.Session) -> None:
    """What it took to get through is missing from the time for the body."""
    with Unreachable() as host:
        host.come_back_after(0.3)
        # The second knock comes after a second.
        with ends_after(1.6):
            post(session, host.url, timeout=1.6, body=LARGE_BATCH)


def test_a_host_that_is_gone_is_cut_off(session: requests.Session) -> None:
    """A connection that does not come about is given up in time."""
    with Unreachable() as host, ends_after(0.4):
        post(session, host.url, timeout=0.4)


def test_a_server_that_reads_drop_by_drop_is_cut_off(
    session: requests.Session, tls: ssl.SSLContext
) -> None:
    """A body that is taken off the wire ever so slowly is given up in time."""

    def sip(exchange: Exchange) -> None:
        while exchange.read_some(16 * 1024):
            exchange.pause(0.05)

    with FaultServer(sip, tls=tls) as server, ends_after(0.6):
        post(session, server.url, timeout=0.6, body=LARGE_BATCH)


@pytest.mark.parametrize("fault", DRIPS, ids=lambda fault: fault.__name__)
def test_a_drip_through_a_proxy_is_cut_off(session: requests.Session, fault: Fault) -> None:
    """A proxy's answer is bounded like a server's."""
    with FaultServer(fault) as proxy:
        os.environ["HTTP_PROXY"] = proxy.url
        with ends_after(0.4):
            post(session, "http://posthog.invalid/batch/", timeout=0.4)


@pytest.mark.parametrize("fault", [drip_header, hang], ids=lambda fault: fault.__name__)
def test_a_tunnel_that_does_not_open_is_cut_off(session: requests.Session, fault: Fault) -> None:
    """A proxy that drips its answer to CONNECT is bounded too."""
    with FaultServer(fault) as proxy:
        os.environ["HTTPS_PROXY"] = proxy.url
        with ends_after(0.4):
            post(session, "https://posthog.invalid/batch/", timeout=0.4)


def test_a_tunnel_shares_its_time_with_the_request(
    session: requests.Session, tls: ssl.SSLContext
) -> None:
    """What CONNECT took is missing from the time for the answer."""

    def open_late(exchange: Exchange) -> None:
        exchange.pause(0.5)
        exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        exchange.relay(server.url)

    with FaultServer(hang, tls=tls) as server, FaultServer(open_late) as proxy:
        os.environ["HTTPS_PROXY"] = proxy.url
        with ends_after(0.8):
            post(session, "https://posthog.invalid/batch/", timeout=0.8)


def test_a_tunnel_works(session: requests.Session, tls: ssl.SSLContext) -> None:
    """HTTPS through a proxy arrives, twice on one tunnel."""

    def open_up(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        exchange.relay(server.url)

    with FaultServer(work, tls=tls) as server, FaultServer(open_up) as proxy:
        os.environ["HTTPS_PROXY"] = proxy.url
        for _ in range(2):
            assert post(session, "https://posthog.invalid/batch/", 5.0)[0] == 200

        assert (server.requests, proxy.requests) == (2, 1)
        session.close()


WORDS = b"many words " * 100


@pytest.mark.parametrize(
    "raw",
    [
        answer(body=WORDS),
        answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(WORDS)),
        answer(headers={"Transfer-Encoding": "chunked"}, body=b"44c\r\n%b\r\n0\r\n\r\n" % WORDS),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(body=WORDS),
    ],
    ids=["length", "gzip", "chunked", "continue"],
)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_an_answer_in_time_is_read(
    session: requests.Session, tls: ssl.SSLContext, raw: bytes, *, secure: bool
) -> None:
    """However it is encoded, it is read as ever, and the connection is kept."""
    ports: set[int] = set()

    def fault(exchange: Exchange) -> None:
        ports.add(exchange.request.sender[1])
        exchange.send(raw)

    with FaultServer(fault, tls=tls if secure else None) as server:
        assert [post(session, server.url, timeout=5.0) for _ in range(3)] == [(200, WORDS)] * 3
        assert len(ports) == 1


def test_an_answer_that_ends_with_its_connection_is_read(session: requests.Session) -> None:
    """Without a length, the end of the connection is the end of the answer."""

    def fault(exchange: Exchange) -> None:
        _ = exchange.request
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\n" + WORDS)
        exchange.hang_up()

    with FaultServer(fault) as server:
        assert post(session, server.url, timeout=5.0) == (200, WORDS)


def test_a_large_body_arrives(session: requests.Session, tls: ssl.SSLContext) -> None:
    """Eight megabytes arrive byte for byte."""
    with FaultServer(work, tls=tls) as server:
        assert post(session, server.url, timeout=20.0, body=LARGE_BATCH)[0] == 200
        assert [len(name) for name in server.taken] == [8_000_000]


def test_each_request_on_a_connection_has_its_own_time(session: requests.Session) -> None:
    """Short, long, short again: none takes over what the one before had left."""
    ports: set[int] = set()

    def fault(exchange: Exchange) -> None:
        ports.add(exchange.request.sender[1])
        exchange.pause([0.1, 0.7, 9.0][exchange.number - 1])
        exchange.answer()

    with FaultServer(fault) as server:
        assert post(session, server.url, timeout=0.5)[0] == 200
        assert post(session, server.url, timeout=9.0)[0] == 200
        with ends_after(0.3):
            post(session, server.url, timeout=0.3)

        assert (server.requests, len(ports)) == (3, 1)


def test_without_a_timeout_there_is_none(session: requests.Session) -> None:
    """A caller who sets no limit gets none."""

    def fault(exchange: Exchange) -> None:
        exchange.pause(0.1)
        exchange.answer()

    with FaultServer(fault) as server:
        assert session.post(server.url, data=BATCH).status_code == 200


def test_sessions_share_their_classes() -> None:
    """However many sessions are made, no class is made for each."""
    adapters = [http.new_session().get_adapter("https://posthog.invalid") for _ in range(2)]

    first, second = (adapter.poolmanager.pool_classes_by_scheme for adapter in adapters)

    assert first == second


def test_a_drip_is_cut_off_under_gevent() -> None:
    """With gevent's sockets too, while other greenlets go on."""
    with FaultServer(drip_header) as server:
        ended = run(
            """
            from gevent import monkey
            monkey.patch_all()
            import gevent
            from posthog_web._runtime import http
            ticks = []
            def tick():
                while True:
                    ticks.append(1)
                    gevent.sleep(0.01)
            ticking = gevent.spawn(tick)
            session = http.new_session()
            began = time.monotonic()
            try:
                session.post(url, data=b"{}", timeout=0.5)
            except OSError as error:
                say(error=type(error).__name__, took=time.monotonic() - began, ticks=len(ticks))
            ticking.kill()
            """,
            server.url,
        )

    assert (ended.code, ended.errors) == (0, "")
    [said] = ended.said
    assert said["error"] == "ConnectionError" or "Timeout" in said["error"]
    assert 0.4 <= said["took"] < 1.0
    assert said["ticks"] > 5
