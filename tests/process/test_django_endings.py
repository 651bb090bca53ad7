"""Django under ASGI servers that tell it nothing but by a signal."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.servers import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0

SERVERS = {
    "uvicorn": ["uvicorn", "--fd", "{fd}", "--log-level", "warning"],
    "uvicorn, two workers": [
        "uvicorn", "--fd", "{fd}", "--log-level", "warning", "--workers", "2",
    ],
    "gunicorn with uvicorn's worker": [
        "gunicorn", "--bind", "fd://{fd}", "--worker-class", "uvicorn_worker.UvicornWorker",
        "--no-control-socket", "--log-level", "warning",
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What is left of a server: its exit code, its standard error, the seconds it took."""

    code: int
    errors: str
    seconds: float


class Site:
    """A site that is being served."""

    def __init__(self, process: subprocess.Popen[str], address: tuple[str, int]) -> None:
        self.process = process
        self._address = address

    def get(self, path: str) -> str:
        """Return the answer to a GET."""
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read().decode()
            assert response.status == 200, body
            return body
        finally:
            connection.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Stopped:
        """Send the server a signal and wait for its end."""
        told = monotonic()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return Stopped(code=self.process.returncode, errors=errors, seconds=monotonic() - told)


@contextmanager
def serving(server: str, inspector: Inspector | str, **variables: str) -> Iterator[Site]:
    """Serve the site, for which requests wait until it is there."""
    host = inspector if isinstance(inspector, str) else inspector.url
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "PATH"} or name.startswith("COVERAGE_")
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [word.format(fd=listener.fileno()) for word in SERVERS[server]]
        with subprocess.Popen(
            [sys.executable, "-m", *command, "tests.process.django_site:application"],
            cwd=ROOT,
            env={**kept, "SITE_HOST": host, "PYTHONPATH": str(ROOT), **variables},
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            watchdog = threading.Timer(2 * PATIENCE, process.kill)
            watchdog.start()
            try:
                yield Site(process, listener.getsockname())
            finally:
                watchdog.cancel()
                process.kill()


def count(inspector: Inspector, name: str = "seen") -> int:
    """Return how many arrived; fail if one came twice."""
    assert {event["deliveries"] for event in inspector.events()} <= {1}
    return len(inspector.events(name))


@pytest.mark.parametrize("sync", ["nowhere", "above", "below"])
@pytest.mark.parametrize("server", SERVERS)
def test_sigterm_delivers(inspector: Inspector, server: str, sync: str) -> None:
    """uvicorn re-raises SIGTERM: all arrive, wherever a middleware stands that knows no async."""
    inspector.answer(status=200, delay=0.2)
    with serving(server, inspector, SITE_SYNC=sync) as site:
        for _ in range(6):
            site.get("/capture")
        stopped = site.stop()

    assert count(inspector) == 6
    assert "Traceback" not in stopped.errors
    assert stopped.seconds < 8


@pytest.mark.parametrize("signals", ["auto", "never"])
@pytest.mark.parametrize("server", SERVERS)
def test_a_lifespan_delivers_without_signals(
    inspector: Inspector, server: str, signals: str
) -> None:
    """Wrapped in lifespan() it needs no signal handler, and does not mind one."""
    inspector.answer(status=200, delay=0.2)
    with serving(server, inspector, SITE_LIFESPAN="1", SITE_SIGNALS=signals) as site:
        for _ in range(6):
            site.get("/capture")
        stopped = site.stop()

    assert count(inspector) == 6
    assert "Traceback" not in stopped.errors


@pytest.mark.parametrize("options", [{}, {"SITE_LIFESPAN": "1", "SITE_SIGNALS": "never"}])
def test_a_request_that_outlasts_the_signal_delivers(
    inspector: Inspector, tmp_path: Path, options: dict[str, str]
) -> None:
    """What a request captures while the server waits for it arrives, however long that takes."""
    variables = {"SITE_FOLDER": str(tmp_path), "SITE_BUDGET": "0.5", **options}
    with serving("uvicorn", inspector, **variables) as site:
        site.get("/capture")
        request = threading.Thread(target=site.get, args=("/late",))
        request.start()
        deadline = monotonic() + PATIENCE
        pause = threading.Event()
        while not tmp_path.joinpath("serving").exists() and monotonic() < deadline:
            pause.wait(0.02)
        site.process.send_signal(signal.SIGTERM)
        # Longer than all of the budget.
        pause.wait(1.0)
        tmp_path.joinpath("go on").touch()
        request.join()
        _, errors = site.process.communicate(timeout=PATIENCE)

    assert errors == ""
    assert (count(inspector), count(inspector, "late")) == (1, 1)


def test_a_lifespan_says_what_it_could_not_send() -> None:
    """With nobody listening the server stops within the budget, and a warning counts the events."""
    url = f"http://127.0.0.1:{free_port()}"
    options = {"SITE_LIFESPAN": "1", "SITE_SIGNALS": "never", "SITE_BUDGET": "0.5"}
    with serving("uvicorn", url, **options) as site:
        site.get("/capture")
        site.get("/capture")
        stopped = site.stop()

    assert stopped.errors.count("2 event(s) could not be sent") == 1
    assert stopped.seconds < 4
