"""How batches are written for the server, and its answers read: protocol v0 (protocol §1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from posthog_web._delivery.batch import Batch
from posthog_web._delivery.retry import Results, asks_again
from posthog_web._moments import now_text
from posthog_web._serialization import dumps


class Wire(Protocol):
    """A protocol of PostHog's."""

    @property
    def path(self) -> str:
        """Where batches are posted, below the host."""

    @property
    def longest_answer(self) -> int:
        """How many bytes of an answer are worth reading."""

    @property
    def tells_events_apart(self) -> bool:
        """Whether a success means nothing until its body was read."""

    def headers(self, batch: Batch, now: int) -> Mapping[str, str]:
        """Return what a request says beside its body; *now* is nanoseconds since the epoch."""

    def body(self, batch: Batch, now: int) -> bytes:
        """Return the body of a request."""

    def asks_again(self, status: int) -> bool:
        """Return whether *status* asks for another try."""

    def read(self, batch: Batch, said: bytes) -> Results:
        """Return what a success says of the events of *batch*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireV0:
    """A batch is taken or refused as a whole. Both analytics and AI events travel so.

    Attributes:
        api_key: The project's key.
        path: Where batches are posted.
        historical_migration: Whether batches are marked as an import.
    """

    api_key: str
    path: str = "/batch/"
    historical_migration: bool = False

    # A proxy's page may be long, and is nobody's business.
    longest_answer = 16 * 1024
    tells_events_apart = False

    def headers(self, batch: Batch, now: int) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """Return nothing: all is in the body."""
        return {}

    def body(self, batch: Batch, now: int) -> bytes:
        """Return the events, and the time of this attempt."""
        rest = dumps(
            {
                "historical_migration": self.historical_migration,
                "sent_at": now_text(now),
                "api_key": self.api_key,
            }
        )
        return b'{"batch":[%b],%b' % (b",".join(batch.events), rest[1:])

    def asks_again(self, status: int) -> bool:
        """Return the general rule."""
        return asks_again(status)

    def read(self, batch: Batch, said: bytes) -> Results:  # noqa: ARG002 - as above
        """Return that all were taken, whatever was said."""
        return Results()
