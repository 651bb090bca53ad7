"""The endpoints PostHog's libraries post to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from posthog_web.inspector.answers import Answer, AnswerScript
from posthog_web.inspector.connections import Connections
from posthog_web.inspector.dialects import AI, V0, V1, Dialect
from posthog_web.inspector.encodings import MAX_BODY_BYTES, TOO_LARGE, decompress
from posthog_web.inspector.envelope import logged_headers
from posthog_web.inspector.ingestion import EMPTY, Delivery, ReceivedEvent, read_json
from posthog_web.inspector.refusal import Refusal
from posthog_web.inspector.store import Request, Store
from posthog_web.inspector.stream import Stream

# A body too large is still read to its end, or the library would see a broken pipe, not a 413.
MAX_DRAINED_BYTES = 4 * MAX_BODY_BYTES

_SCRIPTED_DETAIL = "The inspector practises an outage: this answer was scripted."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What could be made of a delivery's body."""

    delivery: Delivery = EMPTY
    plain_bytes: int = 0
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What becomes of a delivery.

    Attributes:
        status: None closes the connection instead of answering.
        headers: Those of the answer that are not the script's.
    """

    status: int | None
    content: Mapping[str, Any]
    scripted: bool = False
    detail: str = ""
    kept: Sequence[ReceivedEvent] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Collector:
    """Takes deliveries: keeps events, logs requests, and answers by the script or the truth."""

    def __init__(
        self, *, store: Store, answers: AnswerScript, stream: Stream, connections: Connections
    ) -> None:
        self._store = store
        self._answers = answers
        self._stream = stream
        self._connections = connections

    async def batch(self, http: HttpRequest) -> Response:
        """Take a delivery of events."""
        return await self._take(http, V0)

    async def ai_batch(self, http: HttpRequest) -> Response:
        """Take a delivery of events on the AI lane."""
        return await self._take(http, AI)

    async def v1_batch(self, http: HttpRequest) -> Response:
        """Take a delivery of events by protocol v1."""
        return await self._take(http, V1)

    async def flags(self, http: HttpRequest) -> Response:
        """Answer that there are no flags."""
        try:
            body, _ = await _read_body(http)
            read_json(decompress(_within_limit(body), http.headers.get("content-encoding", "")))
        except ClientDisconnect:
            return Response(status_code=400)
        except Refusal as refusal:
            return JSONResponse(refusal.body(), refusal.status)
        answer = {
            "flags": {},
            "errorsWhileComputingFlags": False,
            "requestId": str(uuid4()),
            "evaluatedAt": int(time.time() * 1000),
        }
        return JSONResponse(answer)

    async def _take(self, http: HttpRequest, dialect: Dialect) -> Response:
        received_at = time.time()
        try:
            body, wire_bytes = await _read_body(http)
        except ClientDisconnect:
            return Response(status_code=400)
        reading = _read(dialect, http.headers, body, received_at)
        answer = self._answers.take()
        outcome = _decide(dialect, reading, answer)
        request = Request(
            received_at=received_at,
            path=http.url.path,
            status=outcome.status,
            detail=outcome.detail,
            scripted=outcome.scripted,
            content_encoding=http.headers.get("content-encoding", ""),
            user_agent=http.headers.get("user-agent", ""),
            wire_bytes=wire_bytes,
            plain_bytes=reading.plain_bytes,
            uuids=tuple(event.uuid for event in reading.delivery.events),
            headers=logged_headers(http.headers.items()),
            envelope=reading.delivery.envelope,
        )
        # Kept before the wait: a server that is slow to answer has the events all the same.
        self._store.record(request, outcome.kept)
        if answer is not None:
            await self._stream.pause(answer.delay)
            if answer.close:
                await self._connections.abort(http)
        return _response(outcome, answer, dialect.echo(http.headers))


def _read(dialect: Dialect, headers: Headers, body: bytes | None, received_at: float) -> _Reading:
    plain = b""
    try:
        dialect.check(headers)
        plain = dialect.decompress(_within_limit(body), headers.get("content-encoding", ""))
        delivery = dialect.read(plain, headers, datetime.fromtimestamp(received_at, UTC))
    except Refusal as refusal:
        return _Reading(plain_bytes=len(plain), refusal=refusal)
    return _Reading(delivery=delivery, plain_bytes=len(plain))


def _decide(dialect: Dialect, reading: _Reading, answer: Answer | None) -> _Outcome:
    if answer is not None and not answer.takes_events:
        return _Outcome(
            status=None if answer.close else answer.status,
            content=dialect.error_body(Refusal(answer.status, "scripted_answer", _SCRIPTED_DETAIL)),
            scripted=True,
            detail=_SCRIPTED_DETAIL,
        )
    refusal = reading.refusal
    if refusal is not None:
        return _Outcome(
            status=refusal.status, content=dialect.error_body(refusal), detail=refusal.detail
        )
    verdict = dialect.judge(reading.delivery.events, answer)
    return _Outcome(
        status=200,
        content=verdict.content,
        scripted=answer is not None,
        detail=verdict.detail,
        kept=verdict.kept,
        headers=verdict.headers,
    )


def _response(outcome: _Outcome, answer: Answer | None, echo: Mapping[str, str]) -> Response:
    status = outcome.status or 503  # Nobody hears the answer on a closed connection.
    response: Response
    if status in {204, 304}:
        response = Response(status_code=status)
    elif outcome.scripted and answer is not None and answer.body is not None:
        response = Response(answer.body, status, media_type="application/json")
    else:
        response = JSONResponse(outcome.content, status)
    for headers in (echo, outcome.headers, answer.headers if answer is not None else {}):
        response.headers.update(headers)
    return response


async def _read_body(http: HttpRequest) -> tuple[bytes | None, int]:
    """Return the body, None when it is too large, and its size on the wire."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in http.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        else:
            chunks.clear()
        if size > MAX_DRAINED_BYTES:
            break
    return (b"".join(chunks) if size <= MAX_BODY_BYTES else None), size


def _within_limit(body: bytes | None) -> bytes:
    if body is None:
        raise TOO_LARGE
    return body
