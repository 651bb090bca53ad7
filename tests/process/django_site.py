"""A Django site for servers that test_django_endings starts; variables say what it is like."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from posthog_web.django import lifespan


class KnowsNoAsync:
    """A middleware as there are many: Django runs it, and those above it, in a thread."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)


async def capture(request: HttpRequest) -> HttpResponse:
    """Capture an event, which waits."""
    posthog: Any = getattr(request, "posthog")  # noqa: B009 - Django has no such attribute
    posthog.capture("seen", {"worker": os.getpid()})
    return HttpResponse(str(os.getpid()))


async def capture_late(request: HttpRequest) -> HttpResponse:
    """Say that the request is being served, and capture when the server is told to stop."""
    posthog: Any = getattr(request, "posthog")  # noqa: B009 - as above
    folder = Path(os.environ["SITE_FOLDER"])
    folder.joinpath("serving").touch()
    async with asyncio.timeout(10):
        while not folder.joinpath("go on").exists():  # noqa: ASYNC110 - another process says so
            await asyncio.sleep(0.02)
    posthog.capture("late")
    return HttpResponse("late")


logging.basicConfig(format="%(message)s")

urlpatterns = [path("capture", capture), path("late", capture_late)]

settings.configure(
    SECRET_KEY="not a secret",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["posthog_web.django"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        *[f"{__name__}.KnowsNoAsync"] * (os.environ.get("SITE_SYNC") == "above"),
        "posthog_web.django.PosthogMiddleware",
        *[f"{__name__}.KnowsNoAsync"] * (os.environ.get("SITE_SYNC") == "below"),
    ],
    ROOT_URLCONF=__name__,
    POSTHOG={
        "PROJECT_API_KEY": "phc_test",
        "HOST": os.environ["SITE_HOST"],
        "FLUSH_AT": 1000,
        "FLUSH_INTERVAL": 60,
        "SHUTDOWN_TIMEOUT": float(os.environ.get("SITE_BUDGET", "4")),
        "HANDLE_SIGNALS": os.environ.get("SITE_SIGNALS", "auto") == "auto" and "auto",
    },
)
django.setup()
application: Any = get_asgi_application()
if "SITE_LIFESPAN" in os.environ:
    application = lifespan(application)
