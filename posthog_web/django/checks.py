"""System checks. Their ids are stable: ``SILENCED_SYSTEM_CHECKS`` may name them."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it

from posthog_web._config import judge_key
from posthog_web.django.conf import current_setup, is_installed
from posthog_web.errors import ConfigurationError

_HOW_OPTIONS = (
    'Write options in capitals, such as POSTHOG = {"PROJECT_API_KEY": "phc_…", "FLUSH_AT": 50};'
    " what is left out has its default."
)
_HOW_KEY = (
    'Write POSTHOG = {"PROJECT_API_KEY": "phc_…"}, with the key from the settings of your project'
    " in PostHog, or set POSTHOG_PROJECT_API_KEY in the environment. Where nothing is to be sent,"
    ' write POSTHOG = {"DISABLED": True}.'
)


def check_setting(**_: Any) -> list[CheckMessage]:  # noqa: ANN401 - what Django passes to checks
    """Tell of a setting that cannot be used (posthog_web.E001)."""
    try:
        current_setup()
    except ConfigurationError as error:
        return [Error(str(error), hint=_HOW_OPTIONS, id="posthog_web.E001")]
    return []


def check_key(**_: Any) -> list[CheckMessage]:  # noqa: ANN401 - what Django passes to checks
    """Tell of a key that is missing or odd (posthog_web.W001)."""
    try:
        options = current_setup().client.options
    except ConfigurationError:
        return []
    remark = judge_key(options.project_api_key).remark
    if not remark or options.disabled:
        return []
    return [Warning(f"posthog_web: {remark}.", hint=_HOW_KEY, id="posthog_web.W001")]


def check_middleware(**_: Any) -> list[CheckMessage]:  # noqa: ANN401 - what Django passes to checks
    """Tell of a middleware that is not installed (posthog_web.W002)."""
    if is_installed():
        return []
    return [
        Warning(
            "posthog_web: the middleware is not installed, so there is no request.posthog.",
            hint='Write MIDDLEWARE = ["posthog_web.django.PosthogMiddleware", …].',
            id="posthog_web.W002",
        )
    ]
