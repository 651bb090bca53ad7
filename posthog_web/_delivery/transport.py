"""Posts batches to PostHog over HTTP, and reads what comes back."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from posthog_web._delivery.batch import Batch
from posthog_web._delivery.compression import Compress
from posthog_web._delivery.retry import Answer
from posthog_web._delivery.wire import Wire
from posthog_web._runtime import http
from posthog_web._serialization import loads

if TYPE_CHECKING:
    import requests

_DETAIL_LENGTH = 200
# Where servers and proxies put their reasons, the best one first (protocol §1.2, §1.5).
_REASONS = ("error_description", "detail", "error")


class Connection(Protocol):
    """A way to the server for one thread."""

    def post(self, batch: Batch, *, timeout: float) -> Answer:
        """Send *batch* within *timeout* seconds; never raise."""

    def close(self) -> None:
        """Give back what is held open."""


class Transport(Protocol):
    """Makes connections; the seam between deciding and sending."""

    def connect(self) -> Connection:
        """Return a new connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTransport:
    """Sends batches over HTTP.

    Attributes:
        host: The server's address, without a slash at its end.
        wire: The protocol spoken.
        encoding: How bodies are compressed; None: they are not.
        compress: Does it.
    """

    host: str
    wire: Wire
    encoding: str | None = None
    compress: Compress | None = None

    def connect(self) -> HttpConnection:
        """Return a connection with a session of its own."""
        return HttpConnection(self)

    def write(self, batch: Batch) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of a request made now."""
        now = time.time_ns()
        headers = {"Content-Type": "application/json", **self.wire.headers(batch, now)}
        body = self.wire.body(batch, now)
        if self.encoding is not None and self.compress is not None:
            body = self.compress(body)
            headers["Content-Encoding"] = self.encoding
        return body, headers


class HttpConnection:
    """One session, for one thread."""

    def __init__(self, transport: HttpTransport) -> None:
        """Open nothing yet."""
        self._transport = transport
        self._session: requests.Session | None = None
        self._is_kept = False

    def post(self, batch: Batch, *, timeout: float) -> Answer:
        """Send *batch* and return what came back.

        A server may close a kept connection in the moment it is used again. That says nothing about
        the server, so it is tried once more at once, on a new connection.
        """
        deadline = time.monotonic() + timeout
        was_kept = self._is_kept
        answer = self._post(batch, timeout)
        if was_kept and answer.status is None and _is_stale(answer.error):
            self.close()
            answer = self._post(batch, max(deadline - time.monotonic(), 0.001))
        return answer

    def _post(self, batch: Batch, timeout: float) -> Answer:
        body = b""
        self._is_kept = False
        transport = self._transport
        try:
            body, headers = transport.write(batch)
            if self._session is None:
                self._session = http.new_session()
            with self._session.post(
                transport.host + transport.wire.path,
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                said = self._read(response)
        except Exception as error:  # noqa: BLE001 - whatever stops a request, nobody answered it
            _forget_frames(error)
            return Answer(error=error, sent_bytes=len(body))
        answer = Answer(
            status=response.status_code,
            detail=_detail(said),
            retry_after=read_retry_after(response.headers.get("Retry-After"), time.time()),
            sent_bytes=len(body),
        )
        return (
            replace(answer, results=transport.wire.read(batch, said))
            if answer.is_success
            else answer
        )

    def _read(self, response: requests.Response) -> bytes:
        """Return the body of an answer, or nothing of a broken one where the status says enough.

        A short one is read to its end, which keeps the connection; the rest of a long one stays
        unread.
        """
        wire = self._transport.wire
        try:
            said: bytes = response.raw.read(wire.longest_answer, decode_content=True)
        except Exception:
            if response.ok and wire.tells_events_apart:
                raise
            return b""
        self._is_kept = True
        return said

    def close(self) -> None:
        """Close the session."""
        self._is_kept = False
        if self._session is not None:
            self._session.close()
            self._session = None


def _is_stale(error: BaseException | None) -> bool:
    """Return whether *error* says that the other side had closed the connection."""
    import ssl  # noqa: PLC0415 - requests has loaded it; `import posthog_web` need not

    signs = (
        BrokenPipeError,
        ConnectionResetError,
        ConnectionAbortedError,
        ssl.SSLEOFError,
        ssl.SSLZeroReturnError,
    )
    while error is not None:
        # urllib3 puts what happened into what it raises; Python remembers where it was raised.
        inside = [one for one in error.args if isinstance(one, BaseException)]
        if any(isinstance(one, signs) for one in (error, *inside)):
            return True
        error = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(error, BaseException):
            return False
    return False


def _detail(said: bytes) -> str:
    """Return the server's own words: its reason, if the answer is JSON with one, else its text."""
    try:
        answer = loads(said)
        reasons = (answer.get(name) for name in _REASONS)
        words = next((reason for reason in reasons if reason and isinstance(reason, str)), None)
    except (ValueError, TypeError, AttributeError):
        words = None
    return str(words or said[: 4 * _DETAIL_LENGTH].decode(errors="replace")).strip()[
        :_DETAIL_LENGTH
    ]


def _forget_frames(error: BaseException) -> None:
    """Take the tracebacks off *error* and what is behind it.

    urllib3's frames hold the error in turn: the connections would be garbage that only the
    collector finds, at the very end of the process perhaps, where gevent lets nobody close them.
    """
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        behind.__traceback__ = None
        behind = behind.__context__


def read_retry_after(header: str | None, now: float) -> float | None:
    """Return the seconds a Retry-After *header* asks for; *now* is epoch seconds (SRV-091)."""
    if not header:
        return None
    try:
        seconds = float(header)
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.fromtimestamp(now, UTC)).total_seconds(), 0.0)
