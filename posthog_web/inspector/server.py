"""The running inspector: in the foreground for a terminal, in a thread for a test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import uvicorn

from posthog_web.inspector.answers import AnswerScript, read_answer
from posthog_web.inspector.app import create_app
from posthog_web.inspector.connections import Connections
from posthog_web.inspector.guard import is_loopback
from posthog_web.inspector.refusal import Refusal
from posthog_web.inspector.store import Query, Store
from posthog_web.inspector.stream import Stream

LOOPBACK = "127.0.0.1"

# Whoever still talks when the server stops has this long to finish.
_GRACE_SECONDS = 1

# How much of what did arrive an error message tells.
_TOLD = 20


def listen(host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """Return a socket that listens on *host* and *port*; port 0 takes a free one.

    Raises:
        ValueError: *host* is not this machine: the inspector keeps personal data, without a login.
        OSError: The port is taken.
    """
    if not is_loopback(host):
        msg = (
            f"The inspector listens on loopback only, not on {host}: "
            "it keeps personal data and has no login."
        )
        raise ValueError(msg)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio turns Nagle's algorithm off only where it is sure of the protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address a browser or a library uses for *listener*."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class InspectorServer(uvicorn.Server):
    """A uvicorn server over a store, which ends its live streams before it stops."""

    def __init__(
        self, store: Store, answers: AnswerScript, *, on_ready: Callable[[], None]
    ) -> None:
        self._stream = Stream(store)
        self._on_ready = on_ready
        connections = Connections()
        app = create_app(store=store, answers=answers, stream=self._stream, connections=connections)
        super().__init__(
            uvicorn.Config(
                app,
                http=connections.protocol(),
                loop="asyncio",
                ws="none",
                lifespan="off",
                # The process may be somebody else's: its logging is none of our business.
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so: from here on signals are handled."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then everything else."""
        self._stream.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        """Stop on a signal; a second one does not wait for anybody.

        Unlike uvicorn's own, the signal is not raised again: being stopped is a good end here.
        """
        self.force_exit = self.should_exit
        self.should_exit = True


class Inspector:
    """A PostHog of one's own for a test: starts at once on a free port, in a thread.

        with Inspector() as inspector:
            client = Posthog("phc_test", host=inspector.url)

    Args:
        port: 0 takes a free one.
        database: Where to keep what arrives; in memory unless given.
    """

    def __init__(self, *, port: int = 0, database: str | Path = ":memory:") -> None:
        self._store = Store(database)
        self._answers = AnswerScript()
        ready = threading.Event()
        self._server = InspectorServer(self._store, self._answers, on_ready=ready.set)
        listener = listen(LOOPBACK, port)
        self.url = url_of(listener)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="posthog-inspector", daemon=True
        )
        self._thread.start()
        ready.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def events(
        self, name: str | None = None, distinct_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the events that arrived, in that order, as they were sent plus `deliveries`."""
        found = self._store.events(Query(name=name, distinct_id=distinct_id))
        return [{**stored.event(), "deliveries": stored.deliveries} for stored in found]

    def problems(self) -> list[str]:
        """Return what is wrong with the events that arrived, a sentence each."""
        return [problem for stored in self._store.events() for problem in stored.problems]

    def requests(self) -> list[dict[str, Any]]:
        """Return the deliveries that arrived, in that order, refused ones too.

        Each has `path`, `status` (None: closed without an answer), `scripted`, `detail`,
        `content_encoding`, `user_agent`, `wire_bytes`, `plain_bytes`, `events` (their number),
        `uuids`, `received_at` (seconds since the epoch), `headers` (by name in lower case; secrets
        but the project's key are hidden) and `envelope` (what the body says beside `batch`:
        `api_key`, `sent_at`, `created_at`, `historical_migration`).
        """
        return self._store.requests()

    def wait_for(
        self, count: int, *, name: str | None = None, timeout: float = 10.0
    ) -> list[dict[str, Any]]:
        """Wait until *count* events (named *name*) have arrived and return all there are.

        Raises:
            AssertionError: *timeout* seconds went by; the message lists what did arrive.
        """
        query = Query(name=name)
        named = f" named {name!r}" if name is not None else ""
        self._wait(lambda: self._store.count(query), count, f"events{named}", timeout)
        return self.events(name)

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[dict[str, Any]]:
        """Wait until *count* deliveries have arrived, refused ones too, and return all there are.

        Raises:
            AssertionError: *timeout* seconds went by; the message lists what did arrive.
        """
        self._wait(lambda: len(self._store.requests()), count, "requests", timeout)
        return self.requests()

    def answer(
        self,
        status: int = 503,
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        *,
        close: bool = False,
        body: str | None = None,
        results: Mapping[str, str | Mapping[str, str] | None] | None = None,
    ) -> None:
        """Script the answer to the next *times* deliveries, None for all until further notice.

        Args:
            status: Anything but 200 leaves the events unstored.
            times: Answers with a number queue up; one without is replaced by the next.
            headers: Extra ones, such as Retry-After, or Location for a redirect.
            delay: Seconds to wait before answering.
            close: Close the connection instead of answering.
            body: What to answer instead of JSON that fits; the events are stored as `status` says.
            results: With status 200, the result of single events, for protocol v1: by uuid, by
                name, or by `*` for all others a code (`ok`, `warning`, `drop`, `retry`, …), or a
                mapping of `result` and `details`, or None to leave the event out of the answer.
                What is dropped or to be sent again is not stored. A retry brings
                `Retry-After: 1`, unless *headers* has another.

        Raises:
            ValueError: A value is impossible.
        """
        wanted = {
            "status": status,
            "times": times,
            "headers": None if headers is None else dict(headers),
            "delay": delay,
            "close": close,
            "body": body,
            "results": None if results is None else _plain(results),
        }
        try:
            answer, times = read_answer(wanted)
        except Refusal as refusal:
            raise ValueError(refusal.detail) from None
        self._answers.add(answer, times)

    def answer_normally(self) -> None:
        """Forget the script."""
        self._answers.clear()

    def clear(self) -> None:
        """Forget all events and requests; the script stays."""
        self._store.clear()

    def close(self) -> None:
        """Stop the server, its thread, and close the store; once is enough."""
        if self._server.should_exit:
            return
        self._server.should_exit = True
        self._thread.join()
        self._store.close()

    def _wait(self, arrived: Callable[[], int], count: int, what: str, timeout: float) -> None:
        with self._store.changed:
            if self._store.changed.wait_for(lambda: arrived() >= count, timeout):
                return
            came = f"{arrived()} came. {self._arrived()}"
        msg = f"Waited {timeout:g} s for {count} {what}; {came}"
        raise AssertionError(msg)

    def _arrived(self) -> str:
        events = self._store.events(Query(newest_first=True, limit=_TOLD))
        requests = self._store.requests(limit=_TOLD)
        told = ", ".join(f"{event.name} ({event.distinct_id})" for event in reversed(events))
        answered = ", ".join(
            f"{request['path']} → {request['status'] or 'closed'} ({request['events']} events)"
            for request in requests
        )
        return (
            f"Events, the last {_TOLD}: {told or 'none'}. "
            f"Requests, the last {_TOLD}: {answered or 'none'}."
        )


def _plain(results: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: dict(result) if isinstance(result, Mapping) else result
        for name, result in results.items()
    }


def serve(
    listener: socket.socket, database: str | Path = ":memory:", *, say: Callable[[str], None]
) -> None:
    """Run in the foreground until SIGINT or SIGTERM; *say* gets the lines for the terminal."""
    url = url_of(listener)

    def greet() -> None:
        say(f"PostHog inspector: {url}")
        say(f"Point an application at it: POSTHOG_HOST={url} POSTHOG_PROJECT_API_KEY=phc_local")

    with closing(listener), closing(Store(database)) as store:
        InspectorServer(store, AnswerScript(), on_ready=greet).run(sockets=[listener])
