"""Programs that tests run to their end, as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

# Every program ends within this many seconds, or is ended, unless its test knows better.
DEADLINE = 20.0

# What every program begins with; the address of the server is its first argument.
PRELUDE = """\
import atexit, json, logging, os, signal, sys, threading, time
from posthog_web import Client
# Whoever runs the tests in the background has it ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
url = sys.argv[1]
def say(**values):
    print(json.dumps(values), flush=True)
def say_stats(client):
    stats = client.stats()
    say(captured=stats.captured, sent=stats.sent, queued=stats.queued,
        in_flight=stats.in_flight, dropped=dict(stats.dropped))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A program that has ended.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        said: What it said, a mapping for each line.
        errors: Its standard error.
        at: When it had ended, in monotonic seconds, which all processes share.
    """

    code: int
    said: list[dict[str, Any]]
    errors: str
    at: float


class Program:
    """A program that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._said: list[str] = []

    def hear(self) -> dict[str, Any]:
        """Wait for the next thing it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the program ended: {self.end().errors}"
        self._said.append(line)
        heard: dict[str, Any] = json.loads(line)
        return heard

    def end(self) -> Ended:
        """Wait for its end."""
        output, errors = self.process.communicate()
        lines = [*self._said, *output.splitlines()]
        return Ended(
            code=self.process.returncode,
            said=[json.loads(line) for line in lines],
            errors=errors,
            at=monotonic(),
        )


@contextmanager
def running(
    text: str,
    url: str,
    *options: str,
    saved_in: Path | None = None,
    deadline: float = DEADLINE,
) -> Iterator[Program]:
    """Run a program, after the prelude, with *options* for the interpreter; end it afterwards.

    It is saved in a folder, *saved_in*, if its children have to import it. It is ended after
    *deadline* seconds at the latest.
    """
    text = PRELUDE + textwrap.dedent(text)
    start = ["-c", text]
    if saved_in is not None:
        saved_in.joinpath("program.py").write_text(text)
        start = [str(saved_in / "program.py")]
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "PATH"} or name.startswith("COVERAGE_")
    }
    with subprocess.Popen(
        [sys.executable, *options, *start, url],
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(deadline, process.kill)
        watchdog.start()
        try:
            yield Program(process)
        finally:
            watchdog.cancel()
            process.kill()


def run(
    text: str,
    url: str,
    *options: str,
    saved_in: Path | None = None,
    deadline: float = DEADLINE,
) -> Ended:
    """Run a program to its end."""
    with running(text, url, *options, saved_in=saved_in, deadline=deadline) as program:
        return program.end()
