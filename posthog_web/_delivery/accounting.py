"""What became of every event: the ledger a lane keeps, and the snapshot users see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A consistent snapshot of a client's figures, in this process, since it was made.

    Whenever nobody is inside ``capture``, ``captured == sent + queued + in_flight + dropped``.

    Attributes:
        captured: Events that passed validation, consent and before_send.
        queued: Events that wait, those of asynchronous Django views included that wait for their
            person, and then for before_send; a flush does not wait for these.
        queued_bytes: Their size, within an event or so while others capture.
        in_flight: Events of batches a worker holds: being sent, or waiting for another try.
        sent: Events the server took.
        retried: Requests beyond the first of their batch.
        dropped: Captured events that will never arrive, by reason.
        declined: Calls that made no event, by reason: bad input, or a hook's decision.
        sent_bytes: Bytes of all request bodies, as on the wire.
        last_error: The last failure of delivery, in words; None if there was none.
        last_success: When the server last took a batch (UTC); None if it never did.
    """

    captured: int = 0
    queued: int = 0
    queued_bytes: int = 0
    in_flight: int = 0
    sent: int = 0
    retried: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    declined: Mapping[str, int] = field(default_factory=dict)
    sent_bytes: int = 0
    last_error: str | None = None
    last_success: datetime | None = None

    @property
    def dropped_total(self) -> int:
        """Return the number of dropped events, whatever the reason."""
        return sum(self.dropped.values())


def add_up(every: Sequence[Stats]) -> Stats:
    """Return the figures of several lanes as one; of what happened last, the last."""
    succeeded = [stats.last_success for stats in every if stats.last_success is not None]
    failed = [stats.last_error for stats in every if stats.last_error is not None]
    return Stats(
        **{name: sum(getattr(stats, name) for stats in every) for name in _SUMS},
        dropped=_add_up_counts(stats.dropped for stats in every),
        declined=_add_up_counts(stats.declined for stats in every),
        last_error=failed[-1] if failed else None,
        last_success=max(succeeded, default=None),
    )


_SUMS = ("captured", "queued", "queued_bytes", "in_flight", "sent", "retried", "sent_bytes")


def _add_up_counts(every: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counts in every:
        total.update(counts)
    return dict(total)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The running figures. Whoever writes holds the buffer's lock.

    *turned_away* counts events that were captured and not accepted.
    """

    turned_away: int = 0
    sent: int = 0
    retried: int = 0
    sent_bytes: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)
    last_error: str | None = None
    last_success: datetime | None = None

    def snapshot(self, *, captured: int, queued: int, queued_bytes: int, in_flight: int) -> Stats:
        """Return the figures together with what came in, what waits and what is under way."""
        return Stats(
            captured=captured,
            queued=queued,
            queued_bytes=queued_bytes,
            in_flight=in_flight,
            sent=self.sent,
            retried=self.retried,
            dropped=dict(self.dropped),
            declined=dict(self.declined),
            sent_bytes=self.sent_bytes,
            last_error=self.last_error,
            last_success=self.last_success,
        )
