"""Which requests are excluded from what is captured by itself."""

from __future__ import annotations

import re

import pytest

from posthog_web._web.exclusion import PROBES, exclusion_of


@pytest.mark.parametrize(
    ("excluded", "path", "route", "expected"),
    [
        ("/admin", "/admin", None, True),
        ("/admin", "/admin/users", None, True),
        ("/admin/", "/admin/users", None, True),
        ("/admin", "/administer", None, False),
        ("/admin", "/shop/admin", None, False),
        (re.compile(r"^/api/v\d+/"), "/api/v2/items", None, True),
        (re.compile(r"^/api/v\d+/"), "/api/items", None, False),
        (re.compile(r"\.map$"), "/static/app.map", None, True),
        ("/item/<int:number>", "/item/7", "/item/<int:number>", True),
        ("/item/{number}", "/item/7", "/item/{number}", True),
        ("/item/{number}", "/item/7", None, False),
    ],
)
def test_paths_patterns_and_routes(
    excluded: str | re.Pattern[str], path: str, route: str | None, *, expected: bool
) -> None:
    """A path excludes what lies below it, by whole segments; a route has placeholders."""
    assert exclusion_of((excluded,)).excludes(path, route) is expected


@pytest.mark.parametrize("path", [*sorted(PROBES), "/healthz/", "/HEALTH"])
def test_health_probes_are_excluded_anyway(path: str) -> None:
    """What orchestrators ask for needs no option."""
    assert exclusion_of(()).excludes(path, None)


@pytest.mark.parametrize("path", ["/", "", "/health/report", "/pings", "/shop/health"])
def test_other_paths_are_not_probes(path: str) -> None:
    """Only exactly those paths are."""
    assert not exclusion_of(()).excludes(path, None)
