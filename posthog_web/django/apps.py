"""The Django application: nothing but a name, and system checks."""

from __future__ import annotations

from contextlib import suppress

from django.apps import AppConfig
from django.core.checks import register

from posthog_web._web.setup import WebSetup
from posthog_web.django.checks import check_key, check_middleware, check_setting
from posthog_web.django.conf import current_setup
from posthog_web.errors import ConfigurationError


class PosthogConfig(AppConfig):
    """Makes the client of this process, for management commands and tasks too."""

    name = "posthog_web.django"
    # The last part of the name would be "django".
    label = "posthog_web"
    verbose_name = "PostHog"

    setup: WebSetup | None = None

    def ready(self) -> None:
        """Register the checks; a bad setting is theirs to tell, or the middleware's."""
        for check in (check_setting, check_key, check_middleware):
            register(check)
        with suppress(ConfigurationError):
            # Kept here, so that the client lives as long as the process.
            self.setup = current_setup()
