"""Starts programs and ends them: only its own, with their output at hand when one fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Never, Self

import requests

START_SECONDS = 20.0
# From being asked to being killed: time to send what is held. Two waves make less than 5 seconds.
STOP_SECONDS = 2.2

# How gunicorn, uvicorn and the inspector say where they listen; all of them may choose the port.
_ADDRESS = re.compile(r"(?:Listening at:|running on|inspector:) (http://\S+)")

# A developer's own settings for these are not meant for the demo.
_NOT_INHERITED = ("POSTHOG_", "DJANGO_", "FLASK_", "GUNICORN_", "UVICORN_", "WEB_CONCURRENCY")


class ProgramFailedError(Exception):
    """A program did not do what it was started for; the message holds what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a program is started.

    Attributes:
        name: What it is called.
        command: What follows `python`.
        folder: Where it runs.
        environment: What it is told beside the environment it inherits.
    """

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Program:
    """A program that runs, in a process group of its own: Ctrl+C reaches the demo alone."""

    def __init__(self, plan: Plan) -> None:
        """Start it."""
        self.name = plan.name
        self.address: str | None = None
        self._said: deque[str] = deque(maxlen=100)
        self._is_over = False
        self._listens_or_ended = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, *plan.command],
            cwd=plan.folder,
            env=_environment(plan),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def finish(self) -> None:
        """Wait until it has done its work.

        Raises:
            ProgramFailedError: It failed, or takes too long.
        """
        try:
            status = self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail("takes too long")
        self._is_over = True
        if status != 0:
            self.fail(f"ended with status {status}")

    def find_address(self) -> str:
        """Return the address it serves, as soon as it answers there.

        Raises:
            ProgramFailedError: It ended instead, or takes too long.
        """
        self._listens_or_ended.wait(START_SECONDS)
        if self.address is None:
            self.fail("did not start")
        with requests.Session() as session:
            session.trust_env = False
            try:
                # gunicorn listens before it knows whether the application can be loaded.
                session.get(self.address, timeout=START_SECONDS)
            except requests.RequestException:
                self.fail("does not answer")
        return self.address

    def ask_to_end(self) -> None:
        """Send it SIGTERM, upon which it may finish what it is at."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for its end until *deadline*, in monotonic seconds; then end what is left of it."""
        if self._is_over:
            # By now its process id may be somebody else's.
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - monotonic()))
        # The group is its own: this reaches its workers too, and nobody else.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join(1.0)
        self._is_over = True

    def fail(self, what: str) -> Never:
        """Say *what* it did, and what it printed.

        Raises:
            ProgramFailedError: Always.
        """
        if self._process.poll() is not None:
            self._listener.join(1.0)
        said = "".join(self._said) or "(nothing)\n"
        msg = f"{self.name} {what}. It said:\n\n{said}"
        raise ProgramFailedError(msg) from None

    def _listen(self) -> None:
        output = self._process.stdout
        if output is not None:
            with output:
                for line in output:
                    self._hear(line)
        self._listens_or_ended.set()

    def _hear(self, line: str) -> None:
        self._said.append(line)
        found = _ADDRESS.search(line)
        if found and self.address is None:
            self.address = found[1]
            self._listens_or_ended.set()


class Fleet:
    """All programs of the demo. Safe to close from another thread, at any time."""

    def __init__(self) -> None:
        """Begin with none."""
        self._turns = threading.Lock()
        self._waves: list[list[Program]] = []
        self.closed = threading.Event()

    def __enter__(self) -> Self:
        """Return the fleet; it is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def start(self, *plans: Plan) -> list[Program]:
        """Start programs side by side; they will be ended before those started earlier.

        Raises:
            ProgramFailedError: The fleet is closed.
        """
        wave: list[Program] = []
        # Nothing can be started between the decision to end all and the end of all.
        with self._turns:
            if self.closed.is_set():
                msg = "The demo is ending."
                raise ProgramFailedError(msg)
            self._waves.append(wave)
            for plan in plans:
                wave.append(Program(plan))  # noqa: PERF401 (kept also if the next one fails)
        return wave

    def run(self, *plans: Plan) -> None:
        """Start programs side by side, and wait until they have done their work."""
        for program in self.start(*plans):
            program.finish()

    def end(self, programs: Sequence[Program]) -> None:
        """End these side by side; those that have ended already are left in peace."""
        for program in programs:
            program.ask_to_end()
        deadline = monotonic() + STOP_SECONDS
        for program in programs:
            program.end(deadline)

    def close(self) -> None:
        """End all programs, the newest wave first; start no more."""
        self.closed.set()
        with self._turns:
            while self._waves:
                self.end(self._waves.pop())


def _environment(plan: Plan) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
    }
    # Nothing of this leaves the machine, whatever proxy its owner has.
    local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
    return {**inherited, **local, **plan.environment}
