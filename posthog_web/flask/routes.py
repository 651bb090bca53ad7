"""Where a Flask request leads: the rule that matched, or nearly did."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect, Rule

from posthog_web._web.paths import ANY_SEGMENT, Route, Shape, shape_of_template

if TYPE_CHECKING:
    from flask import Request

_PARAMETER = re.compile(r"<(?:(?P<converter>[a-zA-Z_]\w*)(?:\(.*?\))?:)?(?P<name>[a-zA-Z_]\w*)>")


def find_route(request: Request, context: Any) -> Route | None:  # noqa: ANN401 - Flask's, of any version
    """Return the route; without a match, the one that stands behind a redirect or a 405.

    Args:
        request: The request.
        context: Its context, None if another one is current.
    """
    start = len(request.root_path.rstrip("/"))
    rule = request.url_rule
    if rule is not None:
        return Route(shape=_shape_of(rule), start=start, values=request.view_args or {})
    near = _find_near(request, getattr(context, "url_adapter", None))
    if near is None:
        return None
    refused = isinstance(request.routing_exception, MethodNotAllowed)
    return Route(shape=_shape_of(near), start=start, matched=refused)


def _find_near(request: Request, adapter: Any) -> Rule | None:  # noqa: ANN401 - as above
    """Return the rule of the path that Werkzeug redirects to, or of another method."""
    error = request.routing_exception
    path, method = request.path, request.method
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        method = next(iter(error.valid_methods))
    elif isinstance(error, RequestRedirect):
        path = unquote(urlsplit(error.new_url).path)[len(request.root_path.rstrip("/")) :]
    else:
        return None
    if adapter is None:
        return None
    try:
        rule, _ = adapter.match(path, method=method, return_rule=True)
    except HTTPException:
        return None
    return rule  # type: ignore[no-any-return]  # Werkzeug's promise for return_rule


def _shape_of(rule: Rule) -> Shape:
    # Werkzeug keeps the converters to itself; without them any segment is one.
    converters = getattr(rule, "_converters", {})
    regexes = tuple((name, str(converter.regex)) for name, converter in converters.items())
    return shape_of(rule.rule, regexes)


@lru_cache(maxsize=1024)
def shape_of(rule: str, regexes: tuple[tuple[str, str], ...]) -> Shape:
    """Return the shape of a rule; *regexes* says what its parameters match."""
    known = dict(regexes)
    return shape_of_template(
        rule, _PARAMETER, lambda parameter: known.get(parameter.name, ANY_SEGMENT)
    )
