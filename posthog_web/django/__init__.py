"""PostHog for Django.

::

    INSTALLED_APPS = [..., "posthog_web.django"]
    MIDDLEWARE = [..., "posthog_web.django.PosthogMiddleware"]
    POSTHOG = {"PROJECT_API_KEY": "phc_…"}

and, if you like, in ``asgi.py``: ``application = lifespan(get_asgi_application())``.

Then, in a view: ``request.posthog.capture("order paid", {"plan": "pro"})``. The ``HttpRequest``
exported here is Django's own, typed with that attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest as _HttpRequest

from posthog_web._web.request_posthog import RequestPosthog
from posthog_web.django.lifespan import lifespan
from posthog_web.django.middleware import PosthogMiddleware

if TYPE_CHECKING:

    class HttpRequest(_HttpRequest):
        """A request, as a view behind the middleware sees it."""

        posthog: RequestPosthog
else:
    HttpRequest = _HttpRequest

__all__ = ["HttpRequest", "PosthogMiddleware", "RequestPosthog", "lifespan"]
