"""Views of a Django project as users write them, for the type checkers. Never run."""

from __future__ import annotations

from typing import assert_type

from django.http import HttpResponse  # pyright: ignore[reportMissingTypeStubs]

from posthog_web.django import HttpRequest, PosthogMiddleware


def checkout(request: HttpRequest, number: int) -> HttpResponse:
    """Capture what happened, and who bought it."""
    posthog = request.posthog
    assert_type(posthog.capture("order paid", {"number": number}), str | None)
    posthog.capture("order paid", groups={"company": "acme"}, distinct_id=7, disable_geoip=True)
    posthog.identify("user-1")
    posthog.identify("user-1", {"plan": "pro"}, set_once={"first order": number})
    posthog.set({"plan": "pro"})
    posthog.set_once({"first order": number})
    posthog.alias("anonymous-1")
    posthog.group("company", "acme", {"seats": 5})
    posthog.tag("shop", "north")
    assert_type(posthog.distinct_id, str | None)
    assert_type(posthog.session_id, str | None)
    return HttpResponse(b"paid")


async def refund(request: HttpRequest) -> HttpResponse:
    """Do the same in a coroutine, and report what went wrong."""
    try:
        request.posthog.capture("order refunded")
    except ValueError as error:
        assert_type(request.posthog.capture_exception(error, {"fatal": False}), str | None)
    return HttpResponse()


def pay(request: HttpRequest) -> HttpResponse:
    """Pay whatever there is."""
    return checkout(request, 7)


async def call() -> None:
    """Call views as tests do that have no client."""
    assert PosthogMiddleware(pay)(HttpRequest()).status_code
    assert (await PosthogMiddleware(refund)(HttpRequest())).status_code


def mistaken(request: HttpRequest) -> None:
    """Call what is refused: the person is the request's own."""
    request.posthog.capture("user-1", "order paid")  # type: ignore[arg-type]
