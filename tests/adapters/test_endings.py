"""The end: what an application captured has left before its server is gone."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from posthog_web import Client
from posthog_web.inspector import Inspector
from tests.adapters.apps.application import PATIENCE, AsgiApplication, Call, Lifespan
from tests.adapters.apps.views import STAGE
from tests.adapters.situation import VISITOR, Starter
from tests.adapters.table import Adapter

ROOT = Path(__file__).parents[2]

# Only the end can send within this time.
SLOW = {"POSTHOG_FLUSH_INTERVAL": "60", "POSTHOG_FLUSH_AT": "1000"}

# What a server takes for its own end.
AT_MOST = 3.0

GUNICORN = ["gunicorn", "--bind", "fd://{fd}", "--workers", "1", "--no-control-socket"]
COMMANDS = {
    "gunicorn": GUNICORN,
    "gunicorn with gevent": [*GUNICORN, "--worker-class", "gevent"],
    "uvicorn": ["uvicorn", "--fd", "{fd}", "--log-level", "warning"],
}


async def use(application: AsgiApplication) -> None:
    """Start an application, send it a request, stop it."""
    async with Lifespan(application.app):
        await application.send_async(Call(path="/async/capture", headers=VISITOR))


def test_what_was_captured_before_the_lifespan_ends_has_left(
    start: Starter, inspector: Inspector
) -> None:
    """Start and stop reach the application; the stop waits until its events are delivered."""
    client = Client("phc_test", inspector.url, flush_interval=60)
    STAGE.on_stop = lambda: client.capture("stopping", distinct_id="server")
    application = start(client=client)
    assert isinstance(application, AsgiApplication)
    try:
        asyncio.run(use(application))
        assert [event["event"] for event in inspector.events()] == ["seen", "stopping"]
    finally:
        client.shutdown()


def test_an_application_may_live_twice(start: Starter, inspector: Inspector) -> None:
    """The end of one lifespan does not end the client: a second one delivers as well."""
    client = Client("phc_test", inspector.url, flush_interval=60)
    application = start(client=client)
    assert isinstance(application, AsgiApplication)
    try:
        for count in (1, 2):
            asyncio.run(use(application))
            assert len(inspector.events("seen")) == count
    finally:
        client.shutdown()


class Server:
    """A real server, in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], address: tuple[str, int]) -> None:
        self.process = process
        self._address = address

    def get(self, path: str) -> int:
        """Send a visitor's GET and return the status of the answer."""
        status, _body = self._ask(path, VISITOR)
        return status

    def read(self, path: str, headers: Sequence[tuple[str, str]]) -> bytes:
        """Send a GET and return the body of the answer, which is a good one."""
        status, body = self._ask(path, headers)
        assert status == 200, body
        return body

    def _ask(self, path: str, headers: Sequence[tuple[str, str]]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(
    adapter: Adapter, inspector: Inspector, at_most: float = 2 * PATIENCE, **variables: str
) -> Iterator[Server]:
    """Serve an adapter's application, for which requests wait until it is there.

    After *at_most* seconds it is ended, whatever happens.
    """
    server, served = adapter.served
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [word.format(fd=listener.fileno()) for word in COMMANDS[server]]
        with subprocess.Popen(
            [sys.executable, "-m", *command, f"tests.adapters.apps.{adapter.module}:{served}"],
            cwd=ROOT,
            env={**environment(inspector), **SLOW, **variables},
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            watchdog = threading.Timer(at_most, process.kill)
            watchdog.start()
            try:
                yield Server(process, listener.getsockname())
            finally:
                watchdog.cancel()
                process.kill()


def environment(inspector: Inspector) -> dict[str, str]:
    """Return what a server's process may know of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "PATH"} or name.startswith("COVERAGE_")
    }
    return {
        **kept,
        "POSTHOG_PROJECT_API_KEY": "phc_served",
        "POSTHOG_HOST": inspector.url,
        "PYTHONPATH": str(ROOT),
    }


def names_and_people(inspector: Inspector) -> list[tuple[Any, Any]]:
    """Return what arrived."""
    return [(event["event"], event["distinct_id"]) for event in inspector.events()]


def test_a_server_told_to_stop_delivers(adapter: Adapter, inspector: Inspector) -> None:
    """SIGTERM to a real gunicorn or uvicorn: what its worker captured arrives, once."""
    with serving(adapter, inspector) as server:
        assert server.get("/capture") == 200
        assert server.get("/raises") == 500
        code = server.stop()

    # uvicorn ends by the signal it was sent, once it has stopped.
    assert code in {0, -signal.SIGTERM}
    assert names_and_people(inspector) == [("seen", "visitor-7"), ("$exception", "visitor-7")]
    assert {event["deliveries"] for event in inspector.events()} == {1}
    assert inspector.problems() == []


@pytest.mark.slow
def test_a_server_streams_for_the_person(adapter: Adapter, inspector: Inspector) -> None:
    """Bodies that a real server asks for, one of them failing, are the visitor's to the end."""
    with serving(adapter, inspector) as server:
        assert server.get("/stream/numbers") == 200
        with pytest.raises(http.client.HTTPException):
            server.get("/stream/fails")
        assert server.get("/nothing") == 200
        server.stop()

    by_name = Counter(name for name, _ in names_and_people(inspector))
    assert by_name == {
        "in body": 3, "in body, on the module": 3, "before": 1, "$exception": 1
    }  # fmt: skip
    assert {person for _, person in names_and_people(inspector)} == {"visitor-7"}


@pytest.mark.slow
def test_a_server_interrupted_delivers(adapter: Adapter, inspector: Inspector) -> None:
    """The same for SIGINT, which is the developer's Ctrl-C."""
    with serving(adapter, inspector) as server:
        assert server.get("/capture") == 200
        server.stop(signal.SIGINT)

    assert names_and_people(inspector) == [("seen", "visitor-7")]


@pytest.mark.slow
def test_a_server_stops_though_nobody_listens(adapter: Adapter, inspector: Inspector) -> None:
    """With PostHog down the worker ends within its shutdown_timeout."""
    with serving(
        adapter, inspector, POSTHOG_HOST="http://127.0.0.1:9", POSTHOG_SHUTDOWN_TIMEOUT="1"
    ) as server:
        assert server.get("/capture") == 200
        told = monotonic()
        server.stop()
        assert monotonic() - told < 1 + AT_MOST

    assert inspector.events() == []
