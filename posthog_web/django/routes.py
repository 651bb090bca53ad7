"""Where a Django request leads: the pattern that matched, in a readable form."""

from __future__ import annotations

import re
from functools import lru_cache

from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, get_resolver
from django.urls.converters import get_converters

from posthog_web._web.paths import Parameter, Route, Shape, make_shape, shape_of_template

_SIGNS_OF_REGEX = re.compile(r"[\^$\\(]")
# A parameter as path() has it.
_PARAMETER = re.compile(r"<(?:(?P<converter>[^>:\s]+):)?(?P<name>[^>\s]+)>")
# What stands for a part of a regular expression that has no name.
_UNNAMED = "<var>"

# The pieces of a pattern; the first kind that fits counts.
_PIECE = re.compile(
    r"""
    (?P<parameter><(?:(?P<converter>[^>:\s]+):)?(?P<called>\w+)>)
    | \(\?P<(?P<named>\w+)>
    | (?P<flags>\(\?[aiLmsux]+\))
    | (?P<unseen>\(\?(?:[=!#]|<[=!]))
    | (?P<plain>\(\?(?:[aiLmsux-]*:|>))
    | (?P<unnamed>\()
    | (?P<close>\))
    | (?P<anchor>\^|\$|\\[AbBzZ])
    | (?P<any>\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dDsSwW]|\.(?=[*+{]))
    | \\(?P<escaped>.)
    | (?P<quantifier>[*+?]|\{\d*,?\d*\})
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def find_route(request: HttpRequest) -> Route | None:
    """Return the route that matched; before that, the one that would, as things are now.

    Asking Django's resolver leaves no trace; converters of the application's own are run.
    """
    start = len(request.path) - len(request.path_info)
    match = request.resolver_match
    if match is not None:
        return _route(match, start, matched=True)
    path = request.path_info
    match = _resolve(request, path)
    if match is not None:
        return _route(match, start, matched=True)
    # Django may be about to answer with a redirect to the path with a slash.
    match = None if path.endswith("/") else _resolve(request, f"{path}/")
    return None if match is None else _route(match, start, matched=False)


def _resolve(request: HttpRequest, path: str) -> ResolverMatch | None:
    try:
        return get_resolver(getattr(request, "urlconf", None)).resolve(path)
    except Resolver404:
        return None


def _route(match: ResolverMatch, start: int, *, matched: bool) -> Route | None:
    if match.route is None:  # a match that the application made by hand
        return None
    shape = shape_of(str(match.route))
    return Route(shape=shape, start=start, matched=matched, values=match.kwargs)


@lru_cache(maxsize=1024)
def shape_of(route: str) -> Shape:
    """Return the shape of what Django calls a match's route: patterns of both kinds, joined."""
    if _SIGNS_OF_REGEX.search(route):
        return _of_regex(route)
    return shape_of_template(f"/{route}", _PARAMETER, _regex_of)


def _regex_of(parameter: Parameter) -> str:
    return str(get_converters()[parameter.converter or "str"].regex)


def _of_regex(route: str) -> Shape:
    """Return the shape of a route that has a regular expression in it.

    It reads best with a placeholder for each group, and nothing else of the notation.
    """
    source = "/"
    flags = template = ""
    parameters: list[Parameter] = []
    # Of each bracket that is open: whether what is in it is shown.
    shown = [True]
    for piece in _PIECE.finditer(route):
        kind = piece.lastgroup
        if shown[-1]:
            template += _readable(piece)
        if kind == "flags":
            flags += piece[0]
        elif kind in {"called", "parameter"}:
            parameter = Parameter(name=piece["called"], converter=piece["converter"] or "")
            source += f"(?P<p{len(parameters)}>{_regex_of(parameter)})"
            parameters.append(parameter)
        elif kind == "named":
            source += f"(?P<p{len(parameters)}>"
            parameters.append(Parameter(name=piece["named"]))
        elif kind != "anchor":
            source += piece[0]
        _bracket(shown, kind)
    source = source.removesuffix("/")
    return make_shape(f"/{template}", f"{flags}{source}/?", parameters)


def _bracket(shown: list[bool], kind: str | None) -> None:
    """Note a bracket that opens or closes."""
    if kind in {"named", "unnamed", "unseen"}:
        shown.append(False)
    elif kind == "plain":
        shown.append(shown[-1])
    elif kind == "close" and len(shown) > 1:
        shown.pop()


def _readable(piece: re.Match[str]) -> str:
    """Return what a piece of a pattern is shown as."""
    for name in ("parameter", "literal", "escaped"):
        if piece[name] is not None:
            return str(piece[name])
    if piece["named"] is not None:
        return f"<{piece['named']}>"
    return _UNNAMED if piece["unnamed"] or piece["any"] else ""
