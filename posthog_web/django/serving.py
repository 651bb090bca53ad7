"""What belongs to one request of Django's, kept on the request itself."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest

from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import WebSetup
from posthog_web.django.source import DjangoSource

# Some of it comes when the middleware is done.
_ATTRIBUTE = "_posthog_lifetime"


class Serving(NamedTuple):
    """A request that is being served: its lifetime, and what can be read of it."""

    lifetime: Lifetime
    source: DjangoSource


def begin(request: HttpRequest, setup: WebSetup, *, asynchronous: bool) -> Serving:
    """Give *request* a lifetime, of which nothing is current yet."""
    source = DjangoSource(request, asynchronous=asynchronous)
    serving = Serving(Lifetime(setup, source), source)
    setattr(request, _ATTRIBUTE, serving)
    return serving


def serving_of(request: object) -> Serving | None:
    """Return what was begun for *request*; None if nothing was."""
    return getattr(request, _ATTRIBUTE, None)


def lifetime_of(request: object) -> Lifetime | None:
    """Return the lifetime of *request*; None if it has none."""
    serving = serving_of(request)
    return None if serving is None else serving.lifetime
