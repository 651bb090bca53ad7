"""Where a connection leads, as Starlette's and FastAPI's tables of routes tell.

The scope names the endpoint that serves, but of a mount only raw values, and the route itself not
in every version. So the table is searched for the endpoint, along the path; before anything has
matched, by the path alone. Only regular expressions are asked: nothing of the application runs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from posthog_web._web.paths import ANY_SEGMENT, Parameter, Shape, shape_of_template

_PARAMETER = re.compile(r"{(?P<name>[a-zA-Z_]\w*)(?::(?P<converter>[a-zA-Z_]\w*))?}")
# What middleware calls the application it wraps.
_WRAPPED = ("app", "_app", "application")
# Applications wrapped in one another, and mounts in mounts: more is a circle.
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is searched for.

    Attributes:
        endpoint: What serves; None while nothing has matched.
        host: What the client called us.
        method: GET, POST, …; empty for a websocket.
    """

    endpoint: object
    host: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A template, and whether the path leads there or only comes close."""

    template: str
    matched: bool


def find_route(application: object, path: str, goal: Goal) -> Found | None:
    """Return where *path*, as the application sees it, leads."""
    routes = _routes_of(application)
    found = _search(routes, path, goal, "", MAX_DEPTH)
    if (found is None or not found.matched) and path != "/":
        # The application, or one mounted in it, may be about to redirect to the other spelling.
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        near = _search(routes, other, goal, "", MAX_DEPTH)
        if near is not None and (near.matched or found is None):
            found = Found(template=near.template.rstrip("/"), matched=False)
    return found


def read_selected(route: Any, endpoint: object, path: str) -> Found | None:  # noqa: ANN401 - any framework's route
    """Return what *route*, which a router selected, tells; None if it is not the endpoint's."""
    if endpoint is None or getattr(route, "endpoint", None) is not endpoint:
        return None
    return None if _match(route, path) is None else Found(template=route.path, matched=True)


def read_noted(template: object) -> Found | None:
    """Return what Litestar, whose routes are in no table, notes in the scope; None elsewhere."""
    return (
        Found(template=template, matched=True) if template and isinstance(template, str) else None
    )


@lru_cache(maxsize=1024)
def shape_of(template: str) -> Shape:
    """Return the shape of a template in Starlette's syntax."""
    return shape_of_template(template, _PARAMETER, _regex_of)


def _regex_of(parameter: Parameter) -> str:
    module = sys.modules.get("starlette.convertors")
    known: Mapping[str, Any] = getattr(module, "CONVERTOR_TYPES", {})
    return str(getattr(known.get(parameter.converter or "str"), "regex", ANY_SEGMENT))


def _routes_of(application: object) -> Iterable[Any]:
    """Return the routes of *application*, which other middleware may be wrapped around."""
    for _ in range(MAX_DEPTH):
        routes = getattr(application, "routes", None)
        if routes:
            return routes  # type: ignore[no-any-return]  # whatever it is, it is only read
        inner = (getattr(application, name, None) for name in _WRAPPED)
        application = next((one for one in inner if one is not None), None)
        if application is None:
            break
    return ()


def _search(routes: Iterable[Any], path: str, goal: Goal, prefix: str, depth: int) -> Found | None:
    """Return the first route that leads to the goal, else what comes nearest."""
    nearest = None
    if not depth:
        return None
    for route in _unfold(routes):
        found = _try(route, path, goal, prefix, depth)
        if found is not None and found.matched:
            return found
        nearest = nearest or found
    return nearest


def _unfold(routes: Iterable[Any]) -> Iterator[Any]:
    """Yield the routes, those of routers that FastAPI includes without copying among them."""
    for route in routes:
        included = getattr(route, "effective_route_contexts", None)
        if included is None:
            yield route
        else:
            for context in included():
                yield getattr(context, "starlette_route", None) or context


def _try(route: Any, path: str, goal: Goal, prefix: str, depth: int) -> Found | None:  # noqa: ANN401 - any framework's route
    endpoint = getattr(route, "endpoint", None)
    if endpoint is not None:
        return _try_leaf(route, path, goal, prefix)
    host = getattr(route, "host_regex", None)
    if host is not None:
        if goal.endpoint is None and not host.match(goal.host):
            return None
        return _search(_routes_of(route), path, goal, prefix, depth - 1)
    match = _match(route, path)
    if match is None or "path" not in match.groupdict():
        return None
    under = f"{prefix}{route.path}"
    if goal.endpoint is not None and goal.endpoint is getattr(route, "app", None):
        # It serves, and nothing inside it has matched yet.
        goal = replace(goal, endpoint=None)
    inside = _search(_routes_of(route), f"/{match['path']}", goal, under, depth - 1)
    return inside or Found(template=f"{under}/{{path:path}}", matched=False)


def _try_leaf(route: Any, path: str, goal: Goal, prefix: str) -> Found | None:  # noqa: ANN401 - the same
    if goal.endpoint is not None and route.endpoint is not goal.endpoint:
        return None
    if _match(route, path) is None:
        return None
    methods = getattr(route, "methods", None)
    fits = goal.endpoint is not None or not methods or goal.method in methods
    return Found(template=f"{prefix}{route.path}", matched=fits)


def _match(route: Any, path: str) -> re.Match[str] | None:  # noqa: ANN401 - the same
    regex = getattr(route, "path_regex", None)
    return regex.match(path) if isinstance(regex, re.Pattern) else None
