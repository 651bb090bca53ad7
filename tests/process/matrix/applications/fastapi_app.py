"""The application in FastAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from posthog_web.asgi import PosthogMiddleware, Request
from tests.process.matrix.applications.captures import capture, capture_at_import

app = FastAPI()
app.add_middleware(PosthogMiddleware)


@app.get("/")
async def index(request: Request) -> dict[str, Any]:
    """Capture."""
    return {**capture(request.posthog), "loaded": loaded}


loaded = capture_at_import()
