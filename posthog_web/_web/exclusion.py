"""Requests of which nothing is captured that nobody asked for: excluded paths, and probes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

# What load balancers, orchestrators and uptime monitors ask for, day and night.
PROBES = frozenset(
    {
        "/__heartbeat__",
        "/__lbheartbeat__",
        "/_health",
        "/health",
        "/health-check",
        "/health/live",
        "/health/ready",
        "/healthcheck",
        "/healthz",
        "/heartbeat",
        "/live",
        "/livez",
        "/ping",
        "/ready",
        "/readyz",
        "/up",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """The option ``excluded_paths``, read once.

    Attributes:
        prefixes: Paths that are excluded with all below them.
        patterns: Expressions that are searched for in a path.
        routes: Templates of routes, as ``$request_route`` has them.
    """

    prefixes: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    routes: frozenset[str]

    def excludes(self, path: str, route: str | None) -> bool:
        """Return whether a request for *path*, served by *route*, is excluded, or a probe."""
        return (
            path.rstrip("/").lower() in PROBES
            or route in self.routes
            or any(_lies_below(path, prefix) for prefix in self.prefixes)
            or any(pattern.search(path) for pattern in self.patterns)
        )


@cache
def exclusion_of(paths: Sequence[str | re.Pattern[str]]) -> Exclusion:
    """Sort *paths* by what they are: a route has placeholders, an expression was compiled."""
    texts = [path for path in paths if isinstance(path, str)]
    return Exclusion(
        prefixes=tuple(text.rstrip("/") for text in texts if not _is_route(text)),
        patterns=tuple(path for path in paths if not isinstance(path, str)),
        routes=frozenset(text for text in texts if _is_route(text)),
    )


def _is_route(text: str) -> bool:
    return "<" in text or "{" in text


def _lies_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
