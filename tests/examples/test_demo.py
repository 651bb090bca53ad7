"""The demo shows what it promises, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
import requests

from tests.examples.running_demo import DEMO, EXAMPLES, running_demo


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path) -> Iterator[None]:
    """Fail a test that leaves a file or, where that can be known, a process."""
    os.environ["TMPDIR"] = str(tmp_path)
    yield
    assert not list(tmp_path.iterdir())
    marked = f"TMPDIR={tmp_path}".encode()
    assert not [name for name in Path("/proc").glob("[0-9]*/environ") if marked in read(name)]


@pytest.fixture(scope="module")
def arrivals() -> ModuleType:
    """Return the module that compares what arrived with what was expected."""
    spec = spec_from_file_location("demo_arrivals", EXAMPLES / "demo_arrivals.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_check_finds_everything() -> None:
    """With --check it runs all examples under real servers, verifies what arrived and ends."""
    done = subprocess.run(
        [sys.executable, DEMO, "--check"], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "as expected" in done.stdout
    for name in ("first_event", "django_shop", "flask_notes", "fastapi_chat"):
        assert f"\n{name}\n" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_stays_until_it_is_told_to_end(number: signal.Signals) -> None:
    """It prints addresses that answer; when it ends, in time, none of them does any more."""
    with running_demo("--port", "0") as demo:
        assert set(demo.addresses) == {"inspector", "django_shop", "flask_notes", "fastapi_chat"}
        for address in demo.addresses.values():
            assert requests.get(address, timeout=10).status_code == 200

        assert demo.end(number) == 0

    assert not [address for address in demo.addresses.values() if answers(address)]


def test_it_ends_while_it_is_starting() -> None:
    """Told to end before it is ready, it does, and prints no traceback."""
    with subprocess.Popen(
        [sys.executable, DEMO, "--check"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "now the examples" in process.stdout.readline()
        process.terminate()
        said, _ = process.communicate(timeout=6.0)

    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in said


def test_it_shows_why_a_server_did_not_start() -> None:
    """It ends at once, with what the server printed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, DEMO, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert done.returncode == 1
    assert "The inspector did not start. It said:" in done.stderr
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr


def test_every_difference_is_found(arrivals: ModuleType) -> None:
    """What is missing, too often, of somebody else or of nobody's expecting is named."""
    arrived = {
        application: {person: Counter(counts) for person, counts in people.items()}
        for application, people in arrivals.EXPECTED.items()
    }
    assert arrivals.differences(arrived) == []

    arrived["flask_notes"]["grace"]["note written"] += 1
    del arrived["fastapi_chat"]["hedy"]["message sent"]
    arrived["django_shop"]["2"]["$exception PaymentDeclinedError"] -= 1
    arrived["django_shop"]["visitor-1"]["$exception PaymentDeclinedError"] += 1
    arrived["another"] = {"nobody": Counter({"surprise": 1})}

    assert arrivals.differences(arrived) == [
        "another, nobody: surprise: 1, expected 0",
        "django_shop, 2: $exception PaymentDeclinedError: 0, expected 1",
        "django_shop, visitor-1: $exception PaymentDeclinedError: 1, expected 0",
        "fastapi_chat, hedy: message sent: 0, expected 2",
        "flask_notes, grace: note written: 3, expected 2",
    ]


def read(path: Path) -> bytes:
    """Return what is in a file, nothing if it is gone or not ours to read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def answers(address: str) -> bool:
    """Return whether anybody listens at *address*."""
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=1.0).close()
    except OSError:
        return False
    return True
