"""The JSON interface behind the page, also for scripts."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from posthog_web.inspector.answers import AnswerScript, read_answer
from posthog_web.inspector.ingestion import read_json
from posthog_web.inspector.refusal import Refusal
from posthog_web.inspector.store import Query, Store, StoredEvent
from posthog_web.inspector.stream import Stream, current_position, read_position

DEFAULT_LIMIT = 1_000
_LARGEST_ID = 2**62


class AsciiJSONResponse(Response):
    """JSON that survives hostile events: a lone surrogate stays an escape."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return *content* as bytes."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class Api:
    """Reads and changes what the inspector knows."""

    def __init__(self, *, store: Store, answers: AnswerScript, stream: Stream) -> None:
        self._store = store
        self._answers = answers
        self._stream = stream

    async def events(self, request: Request) -> Response:
        """List events in the order of arrival.

        Query: `after`, `before` (ids), `limit`, `name`, `distinct_id`, `text`, `order=newest`,
        `summary=1` (leaves out the events themselves).
        """
        parameters = request.query_params
        query = Query(
            after=_number(request, "after"),
            before=_number(request, "before"),
            name=parameters.get("name"),
            distinct_id=parameters.get("distinct_id"),
            text=parameters.get("text") or None,
            newest_first=parameters.get("order") == "newest",
            limit=_number(request, "limit", DEFAULT_LIMIT),
        )
        in_full = parameters.get("summary") != "1"
        with self._store.changed:
            listing = {
                "events": [_row(stored, in_full=in_full) for stored in self._store.events(query)],
                "total": self._store.count(),
                "position": str(current_position(self._store)),
            }
        return AsciiJSONResponse(listing)

    async def event(self, request: Request) -> Response:
        """Return one event in full, also as indented text, and the requests that carried it."""
        uuid = request.path_params["uuid"].lower()
        found = self._store.events(Query(uuid=uuid))
        if not found:
            raise Refusal(404, "not_found", "No such event.")
        carried_by = [
            {name: value for name, value in carrier.items() if name != "uuids"}
            for carrier in self._store.requests(uuid=uuid)
        ]
        stored = found[0]
        # As text too: a browser's numbers would round a large id.
        source = json.dumps(stored.event(), indent=2)
        row = _row(stored, in_full=True)
        return AsciiJSONResponse({**row, "source": source, "requests": carried_by})

    async def clear(self, _request: Request) -> Response:
        """Forget events and requests."""
        self._store.clear()
        return Response(status_code=204)

    async def requests(self, request: Request) -> Response:
        """List the newest `limit` requests after id `after`, oldest first."""
        requests = self._store.requests(
            after=_number(request, "after", 0), limit=_number(request, "limit", DEFAULT_LIMIT)
        )
        return AsciiJSONResponse({"requests": requests})

    async def stream(self, request: Request) -> Response:
        """Send what happens from now on, or from `Last-Event-ID` (or `after`) on."""
        wanted = request.headers.get("last-event-id") or request.query_params.get("after", "")
        position = read_position(wanted) or current_position(self._store)
        return StreamingResponse(self._stream.read(position), media_type="text/event-stream")

    async def answers(self, _request: Request) -> Response:
        """Return what the next deliveries will be answered."""
        return AsciiJSONResponse({"answers": self._answers.describe()})

    async def script(self, request: Request) -> Response:
        """Script the answer to the next deliveries."""
        answer, times = read_answer(read_json(await request.body()))
        self._answers.add(answer, times)
        return await self.answers(request)

    async def tell_the_truth(self, request: Request) -> Response:
        """Forget the script."""
        self._answers.clear()
        return await self.answers(request)


def _row(stored: StoredEvent, *, in_full: bool) -> dict[str, Any]:
    return {**stored.summary(), "event": stored.event()} if in_full else stored.summary()


def _number(request: Request, name: str, default: int | None = None) -> Any:  # noqa: ANN401 (int, or None if that is the default)
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < len(str(_LARGEST_ID))):
        raise Refusal(400, "invalid_parameter", f"`{name}` is a whole number.")
    return int(text)
