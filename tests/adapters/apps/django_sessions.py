"""Views of the Django project that change the session themselves, behind the framework's back."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.adapters.apps.views import SILENT


def posthog_of(request: HttpRequest) -> Any:
    """Return the request's posthog."""
    return getattr(request, "posthog", SILENT)


def flush(request: Any) -> HttpResponse:
    """End the session, whoever's it is, without logging out."""
    posthog_of(request).capture("before")
    request.session.flush()
    posthog_of(request).capture("after")
    return HttpResponse("flushed")


async def flush_async(request: Any) -> HttpResponse:
    """End the session from a coroutine."""
    # Django 4.2 has no coroutine for it.
    end = getattr(request.session, "aflush", None) or sync_to_async(request.session.flush)
    posthog_of(request).capture("before")
    await end()
    posthog_of(request).capture("after")
    return HttpResponse("flushed")


def forget(request: Any) -> HttpResponse:
    """Take the user out of a session that goes on."""
    posthog_of(request).capture("before")
    for name in ("_auth_user_id", "_auth_user_backend", "_auth_user_hash"):
        del request.session[name]
    posthog_of(request).capture("after")
    return HttpResponse("forgotten")


async def forget_async(request: Any) -> HttpResponse:
    """Take the user out of a session that was read before."""
    await sync_to_async(request.session.get)("anything")
    return forget(request)


def cycle(request: Any) -> HttpResponse:
    """Give the session another key, and keep it."""
    posthog_of(request).capture("before")
    request.session.cycle_key()
    posthog_of(request).capture("after")
    return HttpResponse("cycled")


async def cycle_async(request: Any) -> HttpResponse:
    """Give a session another key that was read before."""
    await sync_to_async(request.session.get)("anything")
    posthog_of(request).capture("before")
    await sync_to_async(request.session.cycle_key)()
    posthog_of(request).capture("after")
    return HttpResponse("cycled")


urlpatterns = [
    path("flush", flush),
    path("async/flush", flush_async),
    path("forget", forget),
    path("async/forget", forget_async),
    path("cycle", cycle),
    path("async/cycle", cycle_async),
]
