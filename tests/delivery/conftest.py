"""What tests of delivery share: clients that are ended, servers of every temper, told errors."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Unpack

import pytest

from posthog_web import Client
from posthog_web._guard import loud
from posthog_web.errors import DeliveryError
from posthog_web.inspector import Inspector
from posthog_web.typing import ClientArguments, Event
from tests.delivery.servers import RecordingServer, free_port, silence


class MakeClient(Protocol):
    """Makes a client for the inspector, or for *host*."""

    def __call__(self, host: str | None = None, **options: Unpack[ClientArguments]) -> Client:
        """Return the client; it is ended after the test."""


class Told:
    """An ``on_error`` that remembers what it was told, and lets a test wait for it."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[tuple[DeliveryError, list[Event]]] = queue.SimpleQueue()
        self.all: list[tuple[DeliveryError, list[Event]]] = []

    def __call__(self, error: DeliveryError, batch: Sequence[Event]) -> None:
        entry = (error, list(batch))
        self.all.append(entry)
        self._told.put(entry)

    def wait(self, timeout: float = 5.0) -> tuple[DeliveryError, list[Event]]:
        """Return what is told next."""
        return self._told.get(timeout=timeout)

    @property
    def lost(self) -> list[str]:
        """The names of all events told to be lost."""
        return [event["event"] for _, batch in self.all for event in batch]


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    """Let faults of ours surface, whichever thread they happen on."""
    with loud():
        yield


@pytest.fixture
def make_client(inspector: Inspector) -> Iterator[MakeClient]:
    """Make clients; all are shut down at the end."""
    clients: list[Client] = []

    def make(host: str | None = None, **options: Unpack[ClientArguments]) -> Client:
        defaults: dict[str, Any] = {"timeout": 5, "flush_timeout": 8}
        client = Client("phc_test", host or inspector.url, **{**defaults, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.on_error = None
        client.shutdown(timeout=0.1)


@pytest.fixture
def told() -> Told:
    """An ``on_error`` to hand to a client."""
    return Told()


@pytest.fixture
def recorder() -> Iterator[RecordingServer]:
    """A server that keeps requests as they came."""
    with RecordingServer() as server:
        yield server


@pytest.fixture
def silent_host() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with silence() as url:
        yield url


@pytest.fixture
def dead_host() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"
