"""The protocols PostHog's libraries speak, each as what differs between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.datastructures import Headers

from posthog_web.inspector import v1
from posthog_web.inspector.answers import Answer
from posthog_web.inspector.encodings import decompress, decompress_v1
from posthog_web.inspector.ingestion import Delivery, ReceivedEvent, read_ai_batch, read_batch
from posthog_web.inspector.refusal import Refusal
from posthog_web.inspector.verdict import Verdict, judge, take_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one protocol reads a delivery, and how it answers.

    Attributes:
        check: Raises `Refusal` when the headers are not what it asks for.
        decompress: Takes the body and Content-Encoding; returns the plain body.
        read: Takes the plain body and the headers; returns what it brought.
        judge: Takes the events and the scripted answer; returns what becomes of them.
        error_body: Tells a refusal in JSON.
        echo: The headers that every answer repeats from the request.
    """

    check: Callable[[Headers], None]
    decompress: Callable[[bytes, str], bytes]
    read: Callable[[bytes, Headers, datetime], Delivery]
    judge: Callable[[Sequence[ReceivedEvent], Answer | None], Verdict]
    error_body: Callable[[Refusal], dict[str, str]]
    echo: Callable[[Headers], dict[str, str]]


def _anything(_headers: Headers) -> None:
    return None


def _nothing(_headers: Headers) -> dict[str, str]:
    return {}


V0 = Dialect(
    check=_anything,
    decompress=decompress,
    read=lambda plain, _headers, received_at: read_batch(plain, received_at),
    judge=take_all,
    error_body=Refusal.body,
    echo=_nothing,
)

# The lane for AI events speaks protocol v0, with larger events.
AI = replace(V0, read=lambda plain, _headers, received_at: read_ai_batch(plain, received_at))

V1 = Dialect(
    check=v1.check_headers,
    decompress=decompress_v1,
    read=v1.read_v1_batch,
    judge=judge,
    error_body=v1.v1_error_body,
    echo=v1.echo,
)
