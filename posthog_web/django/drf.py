"""Failures that Django REST framework answers by itself, so that nobody else sees them.

::

    REST_FRAMEWORK = {"EXCEPTION_HANDLER": "posthog_web.django.drf.exception_handler"}

With a handler of your own, put ``@reporting`` on it instead. What a handler leaves to Django is
reported without any of this.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.views import exception_handler as _theirs

from posthog_web._guard import safely
from posthog_web.django.serving import lifetime_of

Handler = Callable[[Exception, Mapping[str, Any]], Any]

_SOURCE = "django_rest_framework.exception_handler"


def reporting(handler: Handler) -> Handler:
    """Return *handler*, and report what it answers with one of ``failed_request_status_codes``."""

    @functools.wraps(handler)
    def handle_and_report(exc: Exception, context: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a response, or None
        response = handler(exc, context)
        if response is not None:
            _report(exc, context, response)
        return response

    return handle_and_report


exception_handler = reporting(_theirs)


@safely
def _report(error: Exception, context: Mapping[str, Any], response: Any) -> None:  # noqa: ANN401 - any response
    request = context.get("request")
    # The framework's own request stands in front of Django's.
    lifetime = lifetime_of(getattr(request, "_request", request))
    if lifetime is not None and lifetime.scope.setup.is_failure(response.status_code):
        lifetime.note_status(response.status_code)
        lifetime.report(error, _SOURCE, handled=True)
