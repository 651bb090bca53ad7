"""Requests to a server, one after the other or all the time, and what their answers say."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from time import monotonic

from tests.process.matrix.serving import PATIENCE, Running

# Seconds between two attempts to reach a server that is starting.
PAUSE = 0.05

# Threads that keep a server busy while it replaces its workers.
VISITORS = 2

REQUEST = "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

# How a connection ends that the server has closed without an answer.
CUT = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


class Traffic:
    """What the requests to one server have come to.

    Attributes:
        accepted: The ids of all events whose capture returned one.
        pids: The processes that answered, in the order of their first answer.
        cut: Requests whose connection was closed without an answer.
        failures: What else went wrong with requests, in words.
    """

    def __init__(self, server: Running, path: str) -> None:
        self.accepted: set[str] = set()
        self.pids: list[int] = []
        self.cut = 0
        self.failures: list[str] = []
        self._server = server
        self._path = path
        self._changed = threading.Condition()

    def wait_until_served(self) -> None:
        """Send a request as soon as the server takes one."""
        deadline = monotonic() + PATIENCE
        while not self._reached():
            assert monotonic() < deadline, f"no answer: {self._server.log}"
            gone = self._server.is_gone_after(PAUSE)
            assert not gone, f"the server ended: {self._server.log}"

    def _reached(self) -> bool:
        try:
            self._send()
        except ConnectionRefusedError:
            return False
        return True

    def request(self, times: int = 1) -> None:
        """Send requests, one after the other."""
        for _ in range(times):
            try:
                self._send()
            except CUT:
                self._note_cut()
            except (OSError, http.client.HTTPException) as error:
                self._note_failure(f"{type(error).__name__}: {error}")

    def _send(self) -> None:
        with socket.create_connection(("127.0.0.1", self._server.port), PATIENCE) as line:
            line.sendall(REQUEST.format(path=self._path).encode())
            response = http.client.HTTPResponse(line)
            response.begin()
            body = response.read()
            # It closes when it is done with the request, which may be after the last byte.
            line.recv(1)
        if response.status == http.client.OK:
            self._note_answer(**json.loads(body))
        else:
            self._note_failure(f"{response.status}: {body.decode(errors='replace')[:500]}")

    def _note_answer(self, *, pid: int, accepted: list[str], loaded: str | None) -> None:
        with self._changed:
            self.accepted.update(accepted, [loaded] if loaded else [])
            if pid not in self.pids:
                self.pids.append(pid)
            self._changed.notify_all()

    def _note_cut(self) -> None:
        with self._changed:
            self.cut += 1

    def _note_failure(self, words: str) -> None:
        with self._changed:
            self.failures.append(words)
            self._changed.notify_all()

    def flow_until_answered_by(self, count: int) -> None:
        """Keep requests coming until *count* processes have answered, or a request has failed."""
        enough = threading.Event()

        def visit() -> None:
            while not enough.is_set() and not self.failures:
                self.request()

        visitors = [threading.Thread(target=visit) for _ in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        with self._changed:
            answered = self._changed.wait_for(
                lambda: bool(self.failures) or len(self.pids) >= count, PATIENCE
            )
        enough.set()
        for visitor in visitors:
            visitor.join()
        assert answered, f"{len(self.pids)} processes have answered: {self._server.log}"
