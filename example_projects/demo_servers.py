"""Starts servers and ends them: by process id, with their output at hand when one fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

HERE = Path(__file__).parent

START_SECONDS = 20.0
# Servers get this long to send what they hold and to end; what is left is killed.
STOP_SECONDS = 3.0

# gunicorn, uvicorn and the inspector all say where they listen; so port 0 is enough for them.
_ADDRESS = re.compile(r"(?:Listening at:|running on|inspector:) (http://\S+)")


class ServerFailedError(Exception):
    """A server did not start; the message holds what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one server is started.

    Attributes:
        name: What it is called.
        command: What to run; `python -m` stands in front.
        folder: Where to run it.
        preparation: Commands to run before, to their end.
        environment: What it needs beside our own environment.
    """

    name: str
    command: Sequence[str]
    folder: Path
    preparation: Sequence[Sequence[str]] = ()
    environment: Mapping[str, str]


class Server:
    """A server that runs, in a process group of its own: Ctrl+C reaches us alone."""

    def __init__(self, plan: Plan) -> None:
        """Start it; `wait_for_address` waits until it listens."""
        self.name = plan.name
        self.address = ""
        self._said: deque[str] = deque(maxlen=200)
        self._listens = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", *plan.command],
            cwd=plan.folder,
            env={**os.environ, **plan.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """The last of what it printed."""
        return "".join(self._said)

    def wait_for_address(self) -> str:
        """Return where it listens.

        Raises:
            ServerFailedError: It ended, or it is not there in time.
        """
        if not self._listens.wait(START_SECONDS) or not self.address:
            msg = f"{self.name} did not start. It said:\n\n{self.output}"
            raise ServerFailedError(msg)
        return self.address

    def ask_to_stop(self) -> None:
        """Send SIGTERM, which lets it finish."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float) -> bool:
        """Wait until *deadline*, kill what is left of it; return whether it ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - monotonic()))
        ended = self._process.poll() is not None
        # Its workers too: the group is ours, made when it was started.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(1.0)
        return ended

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._said.append(line)
                if not self.address and (found := _ADDRESS.search(line)):
                    self.address = found[1]
                    self._listens.set()
        # Without an address by now, there will be none.
        self._listens.set()


@contextmanager
def running(plans: Sequence[Plan]) -> Iterator[dict[str, Server]]:
    """Run servers, started and ended side by side; yield them by name once all of them listen."""
    servers: list[Server] = []
    try:
        for plan in plans:
            _prepare(plan)
        servers.extend(Server(plan) for plan in plans)
        for server in servers:
            server.wait_for_address()
        yield {server.name: server for server in servers}
    finally:
        stop(servers)


def stop(servers: Sequence[Server]) -> None:
    """End servers; whoever has ended already is left in peace."""
    for server in servers:
        server.ask_to_stop()
    deadline = monotonic() + STOP_SECONDS
    for server in servers:
        if not server.end(deadline):
            print(f"{server.name} did not end in time and was killed.", file=sys.stderr)


def _prepare(plan: Plan) -> None:
    ...
