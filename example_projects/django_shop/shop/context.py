"""What every page is given."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def inspector(_request: HttpRequest) -> dict[str, str]:
    """Return the address that the footer links to."""
    return {"inspector": settings.POSTHOG["HOST"]}
