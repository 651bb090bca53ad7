"""A failed answer in words: for the log, and as the error ``on_error`` is given."""

from __future__ import annotations

from posthog_web._delivery.batch import Batch
from posthog_web._delivery.retry import Answer
from posthog_web._serialization import loads
from posthog_web.errors import DeliveryError, RefusedError, UnansweredError


def describe(answer: Answer) -> str:
    """Return a failed *answer* in words that quote nothing."""
    if answer.status is None:
        return f"no answer ({type(answer.error).__name__})"
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own numbers
        return f"redirected (HTTP {answer.status}); set host to the address it leads to"
    if answer.results.refused:
        return "refused one by one"
    if answer.results.asked_again:
        return "asked for again, too often"
    if not answer.results.readable:
        return f"HTTP {answer.status} without results; does host speak protocol v1?"
    return f"HTTP {answer.status}"


def error_of(answer: Answer, batch: Batch) -> DeliveryError:
    """Return what ``on_error`` is told when all of *batch* has failed."""
    words = describe(answer)
    if answer.status is None:
        error: DeliveryError = UnansweredError(words)
        error.__cause__ = answer.error
        return error
    if answer.detail and not answer.is_success:
        words = f"{words}: {answer.detail}"
    return _refused(words, answer, batch)


def error_of_some(answer: Answer, batch: Batch) -> RefusedError:
    """Return what ``on_error`` is told of those events of *batch* that were refused alone."""
    reasons = {
        str(loads(batch.events[index])["uuid"]): reason
        for index, reason in answer.results.refused.items()
    }
    words = ", ".join(sorted(set(reasons.values())))
    return _refused(f"refused: {words:.200}", answer, batch, reasons)


def _refused(
    words: str, answer: Answer, batch: Batch, reasons: dict[str, str] | None = None
) -> RefusedError:
    return RefusedError(
        words,
        status=answer.status,
        retry_after=answer.retry_after,
        request_id=batch.request_id,
        attempts=batch.attempts.made,
        reasons=reasons or {},
    )
