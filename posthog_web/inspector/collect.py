"""The endpoints PostHog's libraries post to."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from posthog_web.inspector.answers import Answer, AnswerScript
from posthog_web.inspector.connections import Connections
from posthog_web.inspector.ingestion import (
    MAX_BODY_BYTES,
    TOO_LARGE,
    ReceivedEvent,
    decompress,
    read_batch,
    read_json,
)
from posthog_web.inspector.refusal import Refusal, error_body
from posthog_web.inspector.store import Request, Store
from posthog_web.inspector.stream import Stream

# A body too large is still read to its end, or the library would see a broken pipe, not a 413.
MAX_DRAINED_BYTES = 4 * MAX_BODY_BYTES

_SCRIPTED_DETAIL = "The inspector practises an outage: this answer was scripted."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What could be made of a delivery's body."""

    events: tuple[ReceivedEvent, ...] = ()
    plain_bytes: int = 0
    refusal: Refusal | None = None


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
        received_at = time.time()
        try:
            body, wire_bytes = await _read_body(http)
        except ClientDisconnect:
            return Response(status_code=400)
        encoding = http.headers.get("content-encoding", "")
        reading = _read(body, encoding, received_at)
        answer = self._answers.take()
        request = Request(
            received_at=received_at,
            path=http.url.path,
            status=200,
            content_encoding=encoding,
            user_agent=http.headers.get("user-agent", ""),
            wire_bytes=wire_bytes,
            plain_bytes=reading.plain_bytes,
            uuids=tuple(event.uuid for event in reading.events),
        )
        if answer is None or answer.takes_events:
            return await self._tell_the_truth(request, reading, answer)
        return await self._play_the_outage(http, request, answer)

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

    async def _tell_the_truth(
        self, request: Request, reading: _Reading, answer: Answer | None
    ) -> Response:
        # Kept before the wait: a server that is slow to answer has the events all the same.
        scripted = answer is not None
        refusal = reading.refusal
        response: Response
        if refusal is None:
            self._store.record(replace(request, scripted=scripted), reading.events)
            response = JSONResponse({"status": 1})
        else:
            self._store.record(replace(request, status=refusal.status, detail=refusal.detail))
            response = JSONResponse(refusal.body(), refusal.status)
        if answer is not None:
            response.headers.update(answer.headers)
            await self._stream.pause(answer.delay)
        return response

    async def _play_the_outage(
        self, http: HttpRequest, request: Request, answer: Answer
    ) -> Response:
        status = None if answer.close else answer.status
        self._store.record(replace(request, status=status, scripted=True, detail=_SCRIPTED_DETAIL))
        await self._stream.pause(answer.delay)
        if answer.close:
            await self._connections.abort(http)
        body = error_body(answer.status, "scripted_answer", _SCRIPTED_DETAIL)
        if answer.status in {204, 304}:
            return Response(status_code=answer.status, headers=dict(answer.headers))
        return JSONResponse(body, answer.status, headers=dict(answer.headers))


def _read(body: bytes | None, encoding: str, received_at: float) -> _Reading:
    if body is None:
        return _Reading(refusal=TOO_LARGE)
    plain = b""
    try:
        plain = decompress(body, encoding)
        events = read_batch(plain, datetime.fromtimestamp(received_at, UTC))
    except Refusal as refusal:
        return _Reading(plain_bytes=len(plain), refusal=refusal)
    return _Reading(events=tuple(events), plain_bytes=len(plain))


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
