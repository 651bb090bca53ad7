"""Decides what an answer means for a batch: done, again and when, in halves, or given up.

Pure: reads no clock and never waits. The worker does the waiting.

Two kinds of failure are told apart. An *answer* that asks for another try says something about this
batch, so attempts are counted. *No answer* says the endpoint is down, which is no fault of the
batch: it is kept until it is too old.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

_TOO_LARGE = 413

FIRST_DELAY = 0.5
MAX_DELAY = 30.0
MIN_DELAY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a success says of single events; most say nothing, which means all were taken.

    Attributes:
        readable: False where each event's result was to be told, and was not.
        refused: Why events were refused though others were taken, by their index.
        asked_again: Indices of events the server wants once more.
    """

    readable: bool = True
    refused: Mapping[int, str] = field(default_factory=dict)
    asked_again: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request.

    Attributes:
        status: HTTP status; None when nobody answered.
        detail: The server's own words, shortened; empty if none.
        retry_after: Seconds the server asked to wait.
        error: Why nobody answered.
        sent_bytes: Size of the request's body on the wire.
        results: What a success says of single events.
    """

    status: int | None = None
    detail: str = ""
    retry_after: float | None = None
    error: Exception | None = None
    sent_bytes: int = 0
    results: Results = field(default_factory=Results)

    @property
    def is_success(self) -> bool:
        """Whether the server took what it was sent, or most of it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers


def asks_again(status: int) -> bool:
    """Return whether a server that answers *status* asks for another try.

    Any other 4xx is our mistake and will not get better (SRV-097).
    """
    return status in {408, 429} or status >= 500  # noqa: PLR2004 - HTTP's own numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often a batch was tried so far.

    Attributes:
        made: All attempts.
        answered: Those that were answered.
        unanswered: Those since the last answer.
    """

    made: int = 0
    answered: int = 0
    unanswered: int = 0

    def after(self, answer: Answer) -> Attempts:
        """Return the count with *answer* in it."""
        heard = answer.status is not None
        return Attempts(
            made=self.made + 1,
            answered=self.answered + heard,
            unanswered=0 if heard else self.unanswered + 1,
        )


class Verdict(Enum):
    """What becomes of a batch."""

    DELIVERED = auto()
    AGAIN = auto()
    SPLIT = auto()
    REFUSED = auto()
    GIVEN_UP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict, and for AGAIN the seconds to wait first."""

    verdict: Verdict
    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently a batch is tried.

    Attributes:
        max_retries: Attempts after the first that are made on answers asking for one.
        max_age: Seconds a batch is kept while nobody answers. None: such attempts count like any
            other, for nobody can be kept waiting on their own thread.
        asks_again: Tells a status that asks for another try.
    """

    max_retries: int
    max_age: float | None
    asks_again: Callable[[int], bool] = asks_again

    def decide(
        self,
        attempts: Attempts,
        answer: Answer,
        *,
        age: float,
        events: int = 1,
        jitter: Callable[[], float] = random.random,
    ) -> Decision:
        """Return what *answer*, the last of *attempts*, means for a batch.

        *age* is the batch's, in seconds; *events* is how many it holds.
        """
        verdict = self._judge(attempts, answer, age, events)
        if verdict is not Verdict.AGAIN:
            return Decision(verdict=verdict)
        return Decision(verdict=verdict, delay=self._delay(attempts, answer, jitter))

    def _judge(self, attempts: Attempts, answer: Answer, age: float, events: int) -> Verdict:
        if answer.status is None:
            return Verdict.AGAIN if self._waits_out(attempts, age) else Verdict.GIVEN_UP
        if answer.is_success and not answer.results.asked_again:
            return Verdict.DELIVERED if answer.results.readable else Verdict.REFUSED
        if answer.status == _TOO_LARGE and events > 1:
            return Verdict.SPLIT
        if not answer.is_success and not self.asks_again(answer.status):
            return Verdict.REFUSED
        counted = attempts.made if self.max_age is None else attempts.answered
        return Verdict.AGAIN if counted <= self.max_retries else Verdict.GIVEN_UP

    def _waits_out(self, attempts: Attempts, age: float) -> bool:
        """Return whether silence is met with another try."""
        if self.max_age is None:
            return attempts.made <= self.max_retries
        return self.max_retries > 0 and age < self.max_age

    @staticmethod
    def _delay(attempts: Attempts, answer: Answer, jitter: Callable[[], float]) -> float:
        """Return an exponential pause, jittered between half and all of it.

        Fleets that failed together must not come back together. The server's own wish can only
        lengthen the pause (SRV-098).
        """
        tried = attempts.unanswered or attempts.answered
        # The exponent is capped too: 2.0**1024 overflows after enough attempts.
        longest = min(FIRST_DELAY * 2.0 ** min(tried - 1, 10), MAX_DELAY)
        pause = max(longest * (0.5 + jitter() / 2), MIN_DELAY)
        return max(pause, min(answer.retry_after or 0.0, MAX_DELAY))
