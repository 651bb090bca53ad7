"""A server in a process of its own, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.process.matrix.servers import Cell

ROOT = Path(__file__).parents[3]

# Seconds anything may take on a busy machine before the test gives up.
PATIENCE = 40.0

# What a server's environment has of ours.
KEPT = frozenset({"HOME", "PATH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a server ended.

    Attributes:
        seconds: From the signal on, until the last of its processes was gone.
        log: All it wrote.
    """

    seconds: float
    log: str


class Log:
    """All that a server and its workers write; it ends when the last of them does."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            self._lines.extend(stream)

    def has_ended_after(self, seconds: float) -> bool:
        """Wait for the end, and return whether it came."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def __str__(self) -> str:
        return b"".join(self._lines).decode(errors="replace")


class Running:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self.log = Log(process)
        self._process = process

    def is_gone_after(self, seconds: float) -> bool:
        """Wait, and return whether the server has ended meanwhile."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    def tell(self, number: signal.Signals, *, to_all: bool = False) -> None:
        """Send a signal, to the one process that was started or to all that came of it."""
        if to_all:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)

    def end(self, since: float) -> End:
        """Wait for the end; *since* (monotonic) it has been on its way."""
        ended = self.log.has_ended_after(PATIENCE)
        assert ended, f"it did not end: {self.log}"
        return End(seconds=monotonic() - since, log=str(self.log))


@contextmanager
def serving(cell: Cell, variables: Mapping[str, str]) -> Iterator[Running]:
    """Run a server; end it, and whatever came of it, afterwards."""
    with socket.socket() as listener:
        # A server that is told the port shares it; one that is given the socket finds it listening.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        port, fd = listener.getsockname()[1], listener.fileno()
        if cell.server.takes_a_socket:
            listener.listen(128)
        process = subprocess.Popen(
            cell.server.arguments(cell.application, cell.stop, port=port, fd=fd),
            cwd=ROOT,
            env=environment(variables),
            pass_fds=[fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Its port is its own from here on: nobody waits for an answer when it has ended.
    running = Running(process, port)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        running.log.has_ended_after(PATIENCE)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a server's process may know of ours, and *variables*."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith("COVERAGE_")
    }
    return {**kept, "PYTHONPATH": str(ROOT), **variables}
