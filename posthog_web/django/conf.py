"""The ``POSTHOG`` setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from posthog_web._web.setup import WebSetup, configure
from posthog_web.errors import ConfigurationError

_MIDDLEWARE = "posthog_web.django.middleware"
_made: list[tuple[object, WebSetup]] = []


def current_setup() -> WebSetup:
    """Return what the setting says now; made once for each value it has.

    Raises:
        ConfigurationError: The setting is no mapping, or one of its options is wrong.
    """
    value = getattr(settings, "POSTHOG", None)
    for known, setup in _made:
        if known is value:
            return setup
    setup = configure(arguments={}, settings=_options(value), label='POSTHOG["{NAME}"]')
    # Only the latest is kept: settings that tests override come and go.
    _made[:] = [(value, setup)]
    return setup


def _options(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"POSTHOG must be a mapping, not {type(value).__name__}"
        raise ConfigurationError(msg)
    return {str(name).lower(): option for name, option in value.items()}


def is_installed() -> bool:
    """Return whether the middleware, or one derived from it, is among those of the setting."""
    return any(_is_ours(path) for path in settings.MIDDLEWARE)


def _is_ours(path: str) -> bool:
    try:
        found = import_string(path)
    except ImportError:  # Django tells of this itself
        return False
    return any(base.__module__ == _MIDDLEWARE for base in getattr(found, "__mro__", ()))
