"""What becomes of the events of a delivery that could be read, and what is answered about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from posthog_web.inspector.answers import Answer, Result
from posthog_web.inspector.ingestion import ReceivedEvent

OK = Result()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to a delivery.

    Attributes:
        kept: The events that are stored.
        content: The JSON to answer.
        headers: The headers that belong to it.
        detail: What the log says about events not kept; empty when all were.
    """

    kept: Sequence[ReceivedEvent]
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""


def take_all(events: Sequence[ReceivedEvent], _answer: Answer | None) -> Verdict:
    """Take every event: protocol v0 has one answer for the whole delivery."""
    return Verdict(kept=events, content={"status": 1})


def judge(events: Sequence[ReceivedEvent], answer: Answer | None) -> Verdict:
    """Give each event of protocol v1 its result: the scripted one of *answer*, or ok."""
    script = {} if answer is None else answer.results
    judged = [(event, _result(event, script)) for event in events]
    named = [(event, result) for event, result in judged if result is not None]
    counts = Counter(result.result for _, result in named)
    lost = [f"{counts[code]} {code}" for code in ("drop", "retry") if counts[code]]
    return Verdict(
        kept=[event for event, result in judged if result is None or result.takes_event],
        content={"results": {event.uuid: result.describe() for event, result in named}},
        headers={"Retry-After": "1"} if counts["retry"] else {},
        detail=f"Scripted results: {', '.join(lost)}." if lost else "",
    )


def _result(event: ReceivedEvent, script: Mapping[str, Result | None]) -> Result | None:
    for name in (event.uuid, event.name, "*"):
        if name in script:
            return script[name]
    return OK
