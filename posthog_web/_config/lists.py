"""Lists as options: which items each takes. What is wrong with one is told by its position."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from posthog_web._config.functions import accept_function
from posthog_web._config.kinds import (
    Kind,
    Unfit,
    accept_each,
    accept_text,
    demand,
    read_json,
    require,
)

_LOWEST, _HIGHEST = 100, 599  # HTTP's statuses
_HOW_STATUSES = "as text it is written like '429,500-599', with statuses from 100 to 599"
_HOW_PROXIES = """it is written as a number, or as JSON: '["10.0.0.0/8"]'"""


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        raise Unfit("it is no regular expression that Python can read") from None  # noqa: EM101, TRY003 - re's own would quote it


def _texts(value: object) -> tuple[str, ...]:
    return accept_each(value, accept_text, "text")


def _paths(value: object) -> tuple[str | re.Pattern[str], ...]:
    return accept_each(value, _path_or_pattern, "path")


def _path_or_pattern(value: object) -> str | re.Pattern[str]:
    if isinstance(value, re.Pattern):
        require(holds=isinstance(value.pattern, str))
        return value
    text = accept_text(value)
    demand("it must begin with / or, as a regular expression, ^", holds=text.startswith(("/", "^")))
    if text.startswith("^"):
        return _compiled(text)
    demand("it would exclude every request", holds=text != "/")
    # A route's template, which has placeholders, is compared as it is.
    demand(
        "a * in a path is no wildcard: a path stands for all below it, and a regular expression"
        " begins with ^",
        holds="*" not in text or "<" in text or "{" in text,
    )
    return text


def _exceptions(value: object) -> tuple[object, ...]:
    return accept_each(value, _exception, "exception class")


def _exception(value: object) -> object:
    """Return a class of exceptions, the dotted name of one, or a function that judges them."""
    if isinstance(value, type):
        demand("it is a class, but not of exceptions", holds=issubclass(value, BaseException))
        return value
    if isinstance(value, str):
        parts = value.split(".")
        demand("it is no dotted name", holds=all(part.isidentifier() for part in parts))
        return value
    demand("it is an exception, not its class", holds=not isinstance(value, BaseException))
    return accept_function(value, ("exception",))


def _patterns(value: object) -> tuple[str, ...]:
    return accept_each(value, lambda item: _compiled(accept_text(item)).pattern, "text")


def _proxies(value: object) -> int | tuple[str, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        require(holds=value >= 0)
        return value
    return accept_each(value, _network, "text")


def _network(value: object) -> str:
    text = accept_text(value)
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Unfit("it is no network such as '10.0.0.0/8'") from None  # noqa: EM101, TRY003 - ipaddress' own would quote it
    return text


def _read_proxies(text: str) -> object:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    demand(_HOW_PROXIES, holds=isinstance(found, list | int))
    return found


def _statuses(value: object) -> tuple[int, ...]:
    if isinstance(value, str):
        value = _read_statuses(value)
    require(holds=isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes))
    for position, status in enumerate(value, 1):  # type: ignore[arg-type, var-annotated]  # checked above
        reason = f"item {position} is no whole number from {_LOWEST} to {_HIGHEST}"
        demand(reason, holds=type(status) is int and _LOWEST <= status <= _HIGHEST)
    return tuple(sorted(value))  # type: ignore[call-overload]  # checked above


def _read_statuses(text: str) -> object:
    """Read ``500-599,429``, or a list in JSON."""
    if text.lstrip().startswith("["):
        return read_json(text, list, "[429, 503]")
    statuses: set[int] = set()
    for part in text.split(","):
        first, _, last = (piece.strip() for piece in part.partition("-"))
        numbers = [first, last or first]
        demand(_HOW_STATUSES, holds=all(re.fullmatch(r"[1-5]\d\d", one) for one in numbers))
        start, stop = map(int, numbers)
        demand("a range begins with the smaller number", holds=start <= stop)
        statuses.update(range(start, stop + 1))
    return statuses


def _listed(expected: str, accept: Callable[[object], Any], example: str) -> Kind:
    """Return the kind of a list, of which *example* is how it is written as text."""
    return Kind(
        expected=expected,
        accept=accept,
        parse=lambda text: read_json(text, list, example),
    )


TEXTS = _listed("a list of texts", _texts, '["one", "two"]')
PATHS = _listed(
    "a list of paths such as '/internal', routes such as '/item/<int:number>', or regular"
    " expressions that start with '^'",
    _paths,
    '["/internal"]',
)
EXCEPTIONS = _listed(
    "a list of exception classes, dotted names of such, or functions",
    _exceptions,
    '["shop.errors.SoldOut"]',
)
PATTERNS = _listed("a list of regular expressions", _patterns, '["pin", "^card"]')
STATUSES = Kind(
    expected="a collection of HTTP statuses, such as range(500, 600), or '500-599' as text",
    accept=_statuses,
    parse=_read_statuses,
)
PROXIES = Kind(
    expected="a number of proxies, or a list of networks such as '10.0.0.0/8'",
    accept=_proxies,
    parse=_read_proxies,
)
