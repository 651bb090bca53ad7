"""The usage examples this package was asked to run, in tests/seed, do what they promise.

Each runs as a program of its own against a real server. Nothing of it is changed but the name of
the package and the address of PostHog; examples without an address take it from ``POSTHOG_HOST``.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from posthog_web.inspector import Inspector

SEED = Path(__file__).parent / "seed"

# Every example ends within this many seconds.
DEADLINE = 15.0

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """One event an example promises.

    Attributes:
        distinct_id: None accepts any.
        properties: Those the event must have, among others.
        holds: What else must be true of the event.
    """

    event: str
    distinct_id: str | None
    properties: Mapping[str, Any] = field(default_factory=dict)
    holds: Callable[[Event], bool] = lambda _: True

    def accepts(self, event: Event) -> bool:
        """Whether *event* is the one that was promised."""
        properties = event["properties"]
        return (
            event["event"] == self.event
            and self.distinct_id in {None, event["distinct_id"]}
            and all(properties.get(name) == value for name, value in self.properties.items())
            and self.holds(event)
        )


def is_the_name_error(event: Event) -> bool:
    """Whether the exception is the example's call of a function that does not exist."""
    [error] = event["properties"]["$exception_list"]
    return error["type"] == "NameError" and "risky_operation" in error["value"]


CAPTURED = Promised(event="event_name", distinct_id="user123")
SET = Promised(
    event="$set",
    distinct_id="user123",
    holds=lambda event: event["$set"] == {"property": "value"},
)
STARTED = Promised(event="started", distinct_id="app")

PROMISES: dict[str, list[Promised]] = {
    "01_basic": [CAPTURED, SET],
    "02_direct": [CAPTURED, SET],
    "03_production": [],
    "04_multi_tenant": [
        Promised(
            event="event_name",
            distinct_id=distinct_id,
            properties={"tenant_id": tenant, "app_name": "multi-tenant-app"},
        )
        for distinct_id, tenant in [("user123", "tenant_a"), ("user456", "tenant_b")]
    ],
    "05_development": [],
    "06_batching": [],
    "07_preprocessing": [
        Promised(
            event="sensitive_event",
            distinct_id="user123",
            properties={
                "email_hash": sha256(b"user@example.com").hexdigest(),
                "amount": 100,
                "_processed": True,
            },
            holds=lambda event: "email" not in event["properties"],
        )
    ],
    "08_exceptions": [Promised(event="$exception", distinct_id=None, holds=is_the_name_error)],
    "09_graceful_shutdown": [STARTED],
    "10_monitoring": [CAPTURED],
    "11_environments": [],
    "12_resource_management": [CAPTURED],
    "13_thread_safety": [
        Promised(
            event="thread_event",
            distinct_id=f"user_{number}",
            properties={"thread_id": number % 5},
        )
        for number in range(100)
    ],
}

# These build another client in each environment; None is the example's own default.
ENVIRONMENTS = {
    "05_development": [None, "development", "testing"],
    "11_environments": [None, "production", "staging", "development", "testing"],
}

RUNS = [
    pytest.param(name, environment, id=name if environment is None else f"{name}-{environment}")
    for name in PROMISES
    for environment in ENVIRONMENTS.get(name, [None])
]

# This one asks for its exception to be logged.
LOGS_A_TRACEBACK = {"08_exceptions"}

# Runs a program to its end and then stays, as a server would, until a signal comes.
STAY = """
import runpy, signal, sys, threading
runpy.run_path(sys.argv[1], run_name="__main__")
print("ready", flush=True)
"""
WAYS_TO_STAY = {
    "in-pause": STAY + "signal.pause()",
    "in-event": STAY + "threading.Event().wait()",
}


def test_no_example_is_forgotten() -> None:
    """Every program in tests/seed has its promises in the table above."""
    assert sorted(PROMISES) == sorted(path.stem for path in SEED.glob("*.py"))


@pytest.mark.parametrize(("name", "environment"), RUNS)
def test_an_example_does_what_it_promises(
    name: str, environment: str | None, inspector: Inspector, tmp_path: Path
) -> None:
    """It ends by itself, complains about nothing, and exactly the promised events arrive."""
    script = adapt(name, inspector.url, tmp_path)

    done = subprocess.run(
        [sys.executable, str(script)],
        env=clean_environment(inspector.url, environment),
        cwd=tmp_path,
        timeout=DEADLINE,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr or name in LOGS_A_TRACEBACK, done.stderr
    assert_kept(PROMISES[name], inspector.events())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
@pytest.mark.parametrize("way", WAYS_TO_STAY)
def test_the_shutdown_example_ends_on_a_signal(
    way: str, number: signal.Signals, inspector: Inspector, tmp_path: Path
) -> None:
    """Held alive and sent a signal, it delivers its event and exits with 0."""
    script = adapt("09_graceful_shutdown", inspector.url, tmp_path)
    command = [sys.executable, "-c", WAYS_TO_STAY[way], str(script)]

    with started(command, clean_environment(inspector.url)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        output, errors = process.communicate()

    assert process.returncode == 0, errors
    assert output == "Shutting down PostHog client...\n"
    assert "Traceback" not in errors, errors
    assert_kept([STARTED], inspector.events())


def adapt(name: str, url: str, folder: Path) -> Path:
    """Write the example to *folder* for our package and the server at *url*."""
    text = SEED.joinpath(f"{name}.py").read_text(encoding="utf-8")
    text = re.sub(r"^import posthog$", "import posthog_web as posthog", text, flags=re.MULTILINE)
    text = text.replace("from posthog import", "from posthog_web import")
    text = text.replace("https://app.posthog.com", url)
    script = folder / f"{name}.py"
    script.write_text(text, encoding="utf-8")
    return script


def clean_environment(url: str, environment: str | None = None) -> dict[str, str]:
    """Return what an example finds in its environment, and nothing of ours but the coverage."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "PATH"} or name.startswith("COVERAGE_")
    }
    chosen = {} if environment is None else {"ENVIRONMENT": environment}
    return {**kept, **chosen, "POSTHOG_API_KEY": "phc_test", "POSTHOG_HOST": url}


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run *command*; end it when it takes longer than it may."""
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(DEADLINE, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def assert_kept(promises: list[Promised], events: list[dict[str, Any]]) -> None:
    """Fail unless each promised event arrived once, and no other."""
    unexpected = list(events)
    for promised in promises:
        found = next((event for event in unexpected if promised.accepts(event)), None)
        assert found is not None, f"{promised} is not among {unexpected}"
        unexpected.remove(found)
    assert not unexpected
