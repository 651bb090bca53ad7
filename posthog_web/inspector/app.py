"""The application: which path leads where."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from posthog_web.inspector.answers import AnswerScript
from posthog_web.inspector.api import Api
from posthog_web.inspector.collect import Collector
from posthog_web.inspector.connections import Connections
from posthog_web.inspector.guard import Guard
from posthog_web.inspector.page import Page
from posthog_web.inspector.refusal import Refusal, error_body
from posthog_web.inspector.store import Store
from posthog_web.inspector.stream import Stream

# With and without the slash, as PostHog has it; the last ones are the browser library's.
BATCH_PATHS = ("/batch/", "/batch", "/capture/", "/capture", "/e/", "/e", "/i/v0/e/", "/i/v0/e")
AI_PATHS = ("/i/v0/ai/batch/", "/i/v0/ai/batch")
V1_PATHS = ("/i/v1/analytics/events", "/i/v1/analytics/events/")
FLAGS_PATHS = ("/flags/", "/flags")


def create_app(
    *, store: Store, answers: AnswerScript, stream: Stream, connections: Connections
) -> Starlette:
    """Return the inspector as an ASGI application over the given parts."""
    collector = Collector(store=store, answers=answers, stream=stream, connections=connections)
    page = Page()
    api = Api(store=store, answers=answers, stream=stream)
    return Starlette(
        routes=[
            *_ingestion_routes(collector),
            *_api_routes(api),
            Route("/", page.index),
            Route("/static/{name}", page.part),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={Refusal: _refuse, HTTPException: _refuse_politely},
    )


def _ingestion_routes(collector: Collector) -> list[BaseRoute]:
    # A page served from another local port posts here: its browser asks for permission first.
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    endpoints = [(path, collector.batch) for path in BATCH_PATHS]
    endpoints += [(path, collector.ai_batch) for path in AI_PATHS]
    endpoints += [(path, collector.v1_batch) for path in V1_PATHS]
    endpoints += [(path, collector.flags) for path in FLAGS_PATHS]
    return [
        Route(path, endpoint, methods=["POST", "OPTIONS"], middleware=[cors])
        for path, endpoint in endpoints
    ]


def _api_routes(api: Api) -> list[BaseRoute]:
    return [
        Route("/api/events", api.events, methods=["GET"]),
        Route("/api/events", api.clear, methods=["DELETE"]),
        Route("/api/events/{uuid}", api.event, methods=["GET"]),
        Route("/api/requests", api.requests, methods=["GET"]),
        Route("/api/stream", api.stream, methods=["GET"]),
        Route("/api/answers", api.answers, methods=["GET"]),
        Route("/api/answers", api.script, methods=["POST"]),
        Route("/api/answers", api.tell_the_truth, methods=["DELETE"]),
    ]


async def _refuse(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return JSONResponse(error.body(), error.status)


async def _refuse_politely(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    body = error_body(error.status_code, "not_here", f"{error.detail}.")
    return JSONResponse(body, error.status_code, headers=error.headers)
