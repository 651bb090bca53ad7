"""Routes, and the parts of a path that must not be told.

The template of a route names its parameters. Where a name says that the value is a secret, the
value is replaced by the name, at the very place where the template has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from posthog_web._web.text import clean

SECRET_WORDS = frozenset(
    {
        "accesstoken", "apikey", "auth", "authtoken", "code", "credential", "credentials", "digest",
        "email", "hash", "hmac", "invitation", "jwt", "key", "magic", "mail", "nonce", "otp",
        "passcode", "passwd",
        "password", "pin", "pwd", "secret", "session", "sessionid", "sig", "signature", "signed",
        "ticket", "token", "uidb64",
    }
)  # fmt: skip

# What a parameter matches where the framework does not tell.
ANY_SEGMENT = "[^/]+"

_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a route: its name, and its converter's if it has one."""

    name: str
    converter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What paths of a route look like.

    Attributes:
        template: The route as it was written, or a readable form of it, with a leading slash.
        pattern: Matches the whole path; None if it is not known.
        parameters: What the groups ``p0``, ``p1``, … of the pattern stand for.
    """

    template: str
    pattern: re.Pattern[str] | None
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The route of one request.

    Attributes:
        shape: What it looks like.
        start: Where in the request's path it begins: after what the application is mounted under.
        matched: False if the path only comes close: it lacks a slash, or ends inside a mount.
        values: What the framework read from the path, by name.
    """

    shape: Shape
    start: int = 0
    matched: bool = True
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def template(self) -> str | None:
        """The route as it was written; None if the path does not lead there."""
        return clean(self.shape.template) if self.matched else None


# What stands for a route that cannot be told, for a fault of ours or of the application's: whether
# there are secrets in the path nobody knows, so none of it is shown.
UNTOLD = Route(
    shape=Shape(template="", pattern=None, parameters=(Parameter(name="secret"),)), matched=False
)


def make_shape(template: str, source: str, parameters: Collection[Parameter]) -> Shape:
    """Return the shape of *template*; *source* is the regular expression of its paths."""
    try:
        pattern = re.compile(source)
    except re.error:
        pattern = None
    return Shape(template=template, pattern=pattern, parameters=tuple(parameters))


def shape_of_template(
    template: str, placeholder: re.Pattern[str], regex_of: Callable[[Parameter], str]
) -> Shape:
    """Return the shape of a *template* that has a *placeholder* for each parameter.

    The groups ``name`` and ``converter`` of *placeholder* say which parameter, and *regex_of* what
    it matches.
    """
    source, parameters, end = "", [], 0
    for number, match in enumerate(placeholder.finditer(template)):
        parameter = Parameter(name=match["name"], converter=match["converter"] or "")
        source += f"{re.escape(template[end : match.start()])}(?P<p{number}>{regex_of(parameter)})"
        parameters.append(parameter)
        end = match.end()
    source += re.escape(template[end:].rstrip("/"))
    return make_shape(template, f"{source}/?", parameters)


def split_secrets(path: str, route: Route | None, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return *path* in pieces: every second one stands for a secret, as ``<name>``.

    Where a secret is known to be, but not its place, the route's template stands for the path.

    Args:
        path: The whole path, decoded.
        route: Its route; None if there is none, which leaves the path as it is.
        names: Names of secret parameters, beside those that say so themselves.
    """
    secrets = () if route is None else _find_secrets(route.shape.parameters, names)
    if route is None or not secrets:
        return (path,)
    spans = _find_spans(path, route, secrets)
    if spans is None:
        return ("", route.shape.template, "")
    pieces, end = [], 0
    for start, stop, name in sorted(spans):
        pieces += [path[end:start], f"<{name}>"]
        end = stop
    return (*pieces, path[end:])


def _find_spans(
    path: str, route: Route, secrets: Collection[int]
) -> list[tuple[int, int, str]] | None:
    """Return where the secrets are; None if that is not what the framework found."""
    match = route.shape.pattern and route.shape.pattern.fullmatch(path, route.start)
    if not match:
        return None
    spans = []
    for number in secrets:
        group, name = f"p{number}", route.shape.parameters[number].name
        text, value = match[group], route.values.get(name)
        if text is None:
            continue
        if isinstance(value, str) and value != text:
            return None
        spans.append((*match.span(group), name))
    return spans


@lru_cache(maxsize=1024)
def _find_secrets(parameters: tuple[Parameter, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the parameters that are secrets."""
    asked_for = {name.lower() for name in names}
    return tuple(
        number
        for number, parameter in enumerate(parameters)
        if parameter.name.lower() in asked_for
        or sounds_secret(parameter.name)
        or sounds_secret(parameter.converter)
    )


def sounds_secret(name: str) -> bool:
    """Return whether a word in *name*, with digits after it or not, means a secret."""
    words = (word.lower() for word in _BETWEEN_WORDS.split(name))
    return any(word in SECRET_WORDS or word.rstrip(_DIGITS) in SECRET_WORDS for word in words)
