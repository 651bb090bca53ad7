"""Posts batches to PostHog: protocol v0, ``POST {host}/batch/`` (protocol §1.2)."""

from __future__ import annotations

import gzip
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from posthog_web._delivery.retry import Answer
from posthog_web._moments import now_text
from posthog_web._runtime import http
from posthog_web._serialization import dumps, loads

if TYPE_CHECKING:
    import requests

# Level 1 costs a ninth of level 9's time for a fifth more bytes on events.
_GZIP_LEVEL = 1
_DETAIL_LENGTH = 200
_LONGEST_ANSWER = 16 * 1024


class Connection(Protocol):
    """A way to the server for one thread."""

    def post(self, events: Sequence[bytes], *, timeout: float) -> Answer:
        """Send *events*, each the JSON of one, within *timeout* seconds; never raise."""

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
        url: Where batches are posted.
        api_key: The project's key.
        historical_migration: Whether batches are marked as an import.
        compress: Whether bodies are compressed with gzip.
    """

    url: str
    api_key: str
    historical_migration: bool
    compress: bool

    def connect(self) -> HttpConnection:
        """Return a connection with a session of its own."""
        return HttpConnection(self)

    def body(self, events: Sequence[bytes]) -> bytes:
        """Return the JSON of a batch, with the time of this attempt (protocol §1.2)."""
        rest = dumps(
            {
                "historical_migration": self.historical_migration,
                "sent_at": now_text(time.time_ns()),
                "api_key": self.api_key,
            }
        )
        return b'{"batch":[%b],%b' % (b",".join(events), rest[1:])


class HttpConnection:
    """One session, for one thread."""

    def __init__(self, transport: HttpTransport) -> None:
        """Open nothing yet."""
        self._transport = transport
        self._session: requests.Session | None = None

    def post(self, events: Sequence[bytes], *, timeout: float) -> Answer:
        """Send *events* and return what came back."""
        body = b""
        headers = {"Content-Type": "application/json"}
        try:
            body = self._transport.body(events)
            if self._transport.compress:
                body = gzip.compress(body, compresslevel=_GZIP_LEVEL)
                headers["Content-Encoding"] = "gzip"
            if self._session is None:
                self._session = http.new_session()
            with self._session.post(
                self._transport.url,
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                # A short answer is read to its end, which keeps the connection; of a long one, a
                # proxy's page say, the rest is nobody's business.
                said = response.raw.read(_LONGEST_ANSWER, decode_content=True)
        except Exception as error:  # noqa: BLE001 - whatever stops a request, nobody answered it
            return Answer(error=error, sent_bytes=len(body))
        return Answer(
            status=response.status_code,
            detail=_detail(said),
            retry_after=read_retry_after(response.headers.get("Retry-After"), time.time()),
            sent_bytes=len(body),
        )

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _detail(said: bytes) -> str:
    """Return the server's own words: ``detail`` of a JSON answer, else its text (protocol §1.2)."""
    try:
        words = loads(said)["detail"]
    except (ValueError, TypeError, KeyError):
        words = None
    return str(words or said.decode(errors="replace")).strip()[:_DETAIL_LENGTH]


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
