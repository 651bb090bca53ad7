"""Options: what they are, which values they take, and where the values come from."""

from __future__ import annotations

from posthog_web._config.destination import ingestion_host, judge_key, without_credentials
from posthog_web._config.options import ClientOptions, WebOptions
from posthog_web._config.sources import ALIASES, Resolved, check, names, resolve

__all__ = [
    "ALIASES",
    "ClientOptions",
    "Resolved",
    "WebOptions",
    "check",
    "ingestion_host",
    "judge_key",
    "names",
    "resolve",
    "without_credentials",
]
