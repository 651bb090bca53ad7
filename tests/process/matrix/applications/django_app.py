"""The application in Django, for WSGI and for ASGI."""

from __future__ import annotations

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

from posthog_web.django import HttpRequest
from tests.process.matrix.applications.captures import capture, capture_at_import

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["posthog_web.django"],
    MIDDLEWARE=["posthog_web.django.PosthogMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not a secret",
)


def index(request: HttpRequest) -> JsonResponse:
    """Capture."""
    return JsonResponse({**capture(request.posthog), "loaded": loaded})


async def index_async(request: HttpRequest) -> JsonResponse:
    """Capture, in a coroutine."""
    return index(request)


urlpatterns = [path("", index), path("async", index_async)]

wsgi = get_wsgi_application()
asgi = get_asgi_application()
loaded = capture_at_import()
