"""uWSGI, which forks without telling Python: what its workers captured arrives."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.servers import free_port
from tests.process.program import run

PATIENCE = 30.0

# The client is made where the module is loaded: before the fork, unless the application is lazy.
SITE = """
import logging, os, time
from posthog_web import Client
logging.basicConfig(format="%(message)s")
client = Client("phc_test", os.environ["SITE_HOST"], flush_at=1000, flush_interval=60)
if "SITE_CAPTURES_EARLY" in os.environ:
    client.capture("user123", "loading")
def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open("serving", "w").close()
        while not os.path.exists("go on"):
            time.sleep(0.02)
    uuid = client.capture("user123", "seen", {"worker": os.getpid()})
    start_response("200 OK", [])
    return [f"{os.getpid()} {uuid}".encode()]
"""

# One worker each, which has answered before it is stopped: one that has only just been forked does
# not heed the signal, and its master waits for it (so does one whose application has no client).
WAYS = {
    "forked": ["--master"],
    "forked, told of it": ["--master", "--py-call-uwsgi-fork-hooks"],
    "lazy": ["--master", "--lazy-apps"],
    "threads": ["--master", "--enable-threads", "--threads", "2"],
    "no master": ["--enable-threads"],
}
RECYCLED = ["--master", "--max-requests", "5", "--min-worker-lifetime", "0"]
SIGNALS = {
    "SIGINT": (signal.SIGINT, []),
    "SIGTERM": (signal.SIGTERM, ["--die-on-term"]),
}


class Site:
    """A site that uWSGI serves."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self._port = port
        self._log = log
        self._pause = threading.Event()
        self._answers = 0

    def get(self, path: str = "/") -> tuple[int, str]:
        """Return the worker that answered, and its event's uuid; wait until there is one."""
        deadline = monotonic() + PATIENCE
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.request("GET", path)
                worker, uuid = connection.getresponse().read().decode().split()
                self._answers += 1
                return int(worker), uuid
            except (ConnectionError, http.client.HTTPException):
                assert monotonic() < deadline, "nobody answers"
                self._pause.wait(0.05)
            finally:
                connection.close()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        deadline = monotonic() + PATIENCE
        while not condition():
            assert monotonic() < deadline, self._log.read_text()
            self._pause.wait(0.02)

    def is_idle(self) -> bool:
        """Return whether all answered requests are over for their workers, too."""
        logged = self._log.read_text().count("=> generated")
        # It writes the log a moment before the request is over.
        return logged == self._answers and not self._pause.wait(0.05)

    def stop(self, number: signal.Signals) -> str:
        """Send it a signal once it is idle, wait for its end and return what it said.

        uWSGI cuts off a worker that is busy, be it with the log, and then runs no exit handler.
        """
        self.wait_until(self.is_idle)
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return self._log.read_text()


@contextmanager
def serving(inspector: Inspector, folder: Path, *options: str, **variables: str) -> Iterator[Site]:
    """Serve the site."""
    folder.joinpath("site_of_uwsgi.py").write_text(SITE)
    log = folder / "log"
    port = free_port()
    uwsgi = Path(sys.prefix, "bin", "uwsgi")
    assert uwsgi.exists(), "There is no uWSGI here: `make test-slow` installs it."
    with log.open("wb") as output, subprocess.Popen(
        [
            uwsgi, "--http-socket", f"127.0.0.1:{port}", "--module", "site_of_uwsgi",
            "--home", sys.prefix, "--need-app", *options,
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SITE_HOST": inspector.url, **variables},
        stdout=output,
        stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        watchdog = threading.Timer(3 * PATIENCE, process.kill)
        watchdog.start()
        try:
            yield Site(process, port, log)
        finally:
            watchdog.cancel()
            # Its way of ending at once, workers and all.
            process.send_signal(signal.SIGQUIT)
            process.wait(PATIENCE)


def uuids(inspector: Inspector, name: str = "seen") -> list[str]:
    """Return the ids of what arrived, sorted; fail if anything came twice."""
    assert {event["deliveries"] for event in inspector.events()} <= {1}
    return sorted(event["uuid"] for event in inspector.events(name))


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("way", WAYS)
def test_a_graceful_stop_delivers(
    inspector: Inspector, tmp_path: Path, way: str, number: str
) -> None:
    """Every answered request's event arrives, once, though no worker was told of the fork."""
    inspector.answer(status=200, delay=0.2)
    sent, options = SIGNALS[number]

    with serving(inspector, tmp_path, *WAYS[way], *options) as site:
        captured = [site.get()[1] for _ in range(10)]
        said = site.stop(sent)

    assert uuids(inspector) == sorted(captured), said
    assert "Traceback" not in said
    assert "posthog_web" not in said


@pytest.mark.slow
@pytest.mark.parametrize("way", ["forked", "lazy", "threads"])
def test_a_reload_delivers(inspector: Inspector, tmp_path: Path, way: str) -> None:
    """SIGHUP replaces the workers: what the old ones captured arrives, and the new ones' too."""
    with serving(inspector, tmp_path, *WAYS[way]) as site:
        answers = [site.get() for _ in range(10)]
        site.process.send_signal(signal.SIGHUP)
        old = {worker for worker, _ in answers}
        site.wait_until(lambda: answers.append(site.get()) or answers[-1][0] not in old)
        said = site.stop(signal.SIGINT)

    assert uuids(inspector) == sorted(uuid for _, uuid in answers)
    assert "Traceback" not in said


@pytest.mark.slow
def test_workers_that_are_recycled_deliver(inspector: Inspector, tmp_path: Path) -> None:
    """With max-requests a worker goes after five requests: its events have left by then."""
    with serving(inspector, tmp_path, *RECYCLED) as site:
        answers = [site.get() for _ in range(12)]
        site.stop(signal.SIGINT)

    assert len({worker for worker, _ in answers}) > 1
    assert uuids(inspector) == sorted(uuid for _, uuid in answers)


@pytest.mark.slow
@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("way", ["forked", "no master"])
def test_a_further_signal_while_it_ends_changes_nothing(
    inspector: Inspector, tmp_path: Path, way: str, again: signal.Signals
) -> None:
    """As with Ctrl-C, or systemd: a worker that is told of its end again delivers, and is gone."""
    with serving(inspector, tmp_path, *WAYS[way], "--die-on-term") as site:
        worker, uuid = site.get()
        inspector.answer(status=200, delay=1.5)
        site.wait_until(site.is_idle)
        site.process.send_signal(signal.SIGTERM)
        for number in (again, signal.SIGINT, signal.SIGTERM):
            with pytest.raises(subprocess.TimeoutExpired):
                site.process.wait(0.3)
            os.kill(worker, number)
        site.process.wait(PATIENCE)

    assert uuids(inspector) == [uuid]


@pytest.mark.slow
def test_a_busy_worker_delivers_when_asked_to_finish(inspector: Inspector, tmp_path: Path) -> None:
    """The q of its master's FIFO lets requests finish, as signals do not: all events arrive."""
    with serving(inspector, tmp_path, "--master", "--master-fifo", "fifo") as site:
        captured = [site.get()[1]]
        request = threading.Thread(target=lambda: captured.append(site.get("/slow")[1]))
        request.start()
        site.wait_until(tmp_path.joinpath("serving").exists)
        tmp_path.joinpath("fifo").write_text("q")
        tmp_path.joinpath("go on").touch()
        request.join()
        site.process.wait(PATIENCE)

    assert uuids(inspector) == sorted(captured)


@pytest.mark.slow
def test_what_the_master_captured_leaves_once(inspector: Inspector, tmp_path: Path) -> None:
    """Events captured while the application was loaded are the master's: its workers send none."""
    with serving(
        inspector, tmp_path, *WAYS["forked"], "--enable-threads", SITE_CAPTURES_EARLY="1"
    ) as site:
        captured = [site.get()[1] for _ in range(10)]
        site.stop(signal.SIGINT)

    assert uuids(inspector) == sorted(captured)
    assert len(uuids(inspector, "loading")) == 1


OLD_UWSGI = """
import types
sys.modules["uwsgi"] = types.SimpleNamespace(
    opt={options!r}, version_info={version!r}, worker_id=lambda: 1)
logging.basicConfig(format="%(message)s")
for _ in range(2):
    client = Client("phc_test", url, flush_interval=60)
    client.capture("user123", "seen")
"""


@pytest.mark.parametrize(
    ("options", "version", "missing"),
    [
        ({}, (2, 0, 23, 0, b""), "--enable-threads"),
        ({"enable-threads": True}, (2, 0, 23, 0, b""), None),
        ({"threads": b"2"}, (2, 0, 23, 0, b""), None),
        ({"master": True}, (2, 0, 27, 0, b""), None),
        ({"enable-threads": True, "skip-atexit": True}, (2, 0, 31, 0, b""), "skip-atexit"),
    ],
)
def test_a_missing_option_is_named_once(
    inspector: Inspector, options: dict[str, object], version: tuple[object, ...], missing: str
) -> None:
    """An old uWSGI without threads, or one that skips exit handlers: one line names the option."""
    text = OLD_UWSGI.format(options={"module": b"site", **options}, version=version)

    ended = run(text, inspector.url)

    assert len(ended.errors.splitlines()) == (missing is not None)
    assert (missing or "") in ended.errors
    assert len(uuids(inspector)) == 2
