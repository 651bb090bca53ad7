"""Exceptions of which Django makes a 500, wherever in its stack that is."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.exception import handle_uncaught_exception
from django.http import HttpRequest

from posthog_web._guard import safely
from posthog_web.django.conf import current_setup, is_installed
from posthog_web.django.serving import begin, serving_of
from posthog_web.django.source import patiently

SOURCE = "django.middleware"


@safely
def report_uncaught(*, request: HttpRequest | None = None, **_: Any) -> None:  # noqa: ANN401 - what the signal passes
    """Report the exception Django is about to answer with a 500."""
    error = sys.exception()
    if error is None or request is None or _is_echo(error):
        return
    serving = serving_of(request)
    if serving is None:
        if not is_installed():
            return
        # It fails before it gets to our middleware.
        serving = begin(request, current_setup(), asynchronous=isinstance(request, ASGIRequest))
    lifetime, source = serving
    # In an asynchronous stack Django sends the signal from a thread of no account, where a query
    # would open a connection; what the middleware still waits for can be asked on a better one.
    waits = source.asynchronous and lifetime.under_way
    with patiently() if waits else nullcontext():
        lifetime.note_status(500)
        lifetime.report(error, SOURCE)


def _is_echo(error: BaseException) -> bool:
    """Return whether *error* only repeats that the handler of errors fails.

    Each middleware around it asks the handler again, to answer the error it failed with.
    """
    return _is_of_handler(error) and any(map(_is_of_handler, _contexts(error)))


def _is_of_handler(error: BaseException) -> bool:
    code = handle_uncaught_exception.__code__
    return any(frame.f_code is code for frame, _ in traceback.walk_tb(error.__traceback__))


def _contexts(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    context = error.__context__
    while context is not None and id(context) not in seen:
        seen.add(id(context))
        yield context
        context = context.__context__
