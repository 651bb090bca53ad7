"""Kinds of option values: what each takes from code, and how each is written as text.

A kind never guesses. ``accept`` returns the value to keep or raises ValueError; ``parse`` turns
the text of an environment variable into something ``accept`` can judge.
"""

from __future__ import annotations

import importlib
import inspect
import ipaddress
import json
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an option takes.

    Attributes:
        expected: The sentence's end in "must be …".
        accept: Returns the value to keep, or raises ValueError.
        parse: Reads the value from text, or raises ValueError.
        from_text: Whether a setting may be written as text (dotted paths to functions).
    """

    expected: str
    accept: Callable[[object], Any]
    parse: Callable[[str], object] = str
    from_text: bool = False


def _require(*, holds: bool) -> None:
    if not holds:
        raise ValueError


def _text(value: object) -> str:
    _require(holds=isinstance(value, str))
    return str(value)


def _path(value: object) -> str:
    _require(holds=isinstance(value, str | os.PathLike))
    return os.fspath(value)  # type: ignore[call-overload, no-any-return]  # checked above


def _flag(value: object) -> bool:
    _require(holds=isinstance(value, bool))
    return bool(value)


def _word(text: str) -> bool:
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def _host(value: object) -> str:
    host = _text(value).strip()
    if host:
        parts = urlsplit(host)
        _require(holds=parts.scheme in {"http", "https"} and bool(parts.hostname))
        _require(holds=parts.port != 0 and not parts.query and not parts.fragment)
    return host


def _function(value: object) -> Callable[..., Any]:
    _require(holds=callable(value))
    return value  # type: ignore[return-value]  # checked above


def _plain_function(value: object) -> Callable[..., Any]:
    function = _function(value)
    _require(holds=not inspect.iscoroutinefunction(function))
    return function


def _functions(value: object) -> tuple[Callable[..., Any], ...]:
    if callable(value):
        return (value,)
    _require(holds=isinstance(value, Sequence) and not isinstance(value, str | bytes))
    return tuple(_function(item) for item in value)  # type: ignore[attr-defined]  # checked above


def _import(path: str) -> object:
    module, _, name = path.strip().rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise ValueError from None


def _import_all(text: str) -> object:
    if text.lstrip().startswith("["):
        return tuple(_import(path) for path in json.loads(text))
    return _import(text)


def _mapping(value: object) -> Mapping[str, Any]:
    _require(holds=isinstance(value, Mapping) and all(isinstance(key, str) for key in value))
    return dict(value)  # type: ignore[call-overload, no-any-return]  # checked above


def _proxies(value: object) -> int | tuple[str, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        _require(holds=value >= 0)
        return value
    networks = _texts(value)
    for network in networks:
        ipaddress.ip_network(network, strict=False)
    return networks


def _texts(value: object) -> tuple[str, ...]:
    _require(holds=isinstance(value, Sequence) and not isinstance(value, str | bytes))
    return tuple(_text(item) for item in value)  # type: ignore[attr-defined]  # checked above


def _paths(value: object) -> tuple[str | re.Pattern[str], ...]:
    _require(holds=isinstance(value, Sequence) and not isinstance(value, str | bytes))
    return tuple(_path_or_pattern(item) for item in value)  # type: ignore[attr-defined]  # checked above


def _path_or_pattern(value: object) -> str | re.Pattern[str]:
    if isinstance(value, re.Pattern):
        _require(holds=isinstance(value.pattern, str))
        return value
    text = _text(value)
    _require(holds=text.startswith(("/", "^")) and text != "/")
    return re.compile(text) if text.startswith("^") else text


def _exceptions(value: object) -> tuple[object, ...]:
    _require(holds=isinstance(value, Sequence) and not isinstance(value, str | bytes))
    return tuple(_exception(item) for item in value)  # type: ignore[attr-defined]  # checked above


def _exception(value: object) -> object:
    """Return a class of exceptions, the dotted name of one, or a function that judges them."""
    if isinstance(value, type):
        _require(holds=issubclass(value, BaseException))
        return value
    if isinstance(value, str):
        _require(holds=all(part.isidentifier() for part in value.split(".")))
        return value
    return _plain_function(value)


def _patterns(value: object) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError):
            raise ValueError from None
    return patterns


def _statuses(value: object) -> tuple[int, ...]:
    _require(holds=isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes))
    _require(holds=all(_is_status(status) for status in value))  # type: ignore[attr-defined]  # checked above
    return tuple(sorted(value))  # type: ignore[call-overload]  # checked above


def _is_status(value: object) -> bool:
    return type(value) is int and 100 <= value <= 599  # noqa: PLR2004 - HTTP's


def _read_statuses(text: str) -> object:
    """Read ``500-599,429``, or a list in JSON."""
    if text.lstrip().startswith("["):
        return json.loads(text)
    statuses: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        statuses.update(range(int(first), int(last or first) + 1))
    return statuses


def whole(minimum: int) -> Kind:
    """Return the kind of whole numbers of at least *minimum*."""

    def accept(value: object) -> int:
        _require(holds=isinstance(value, int) and not isinstance(value, bool) and value >= minimum)
        return int(value)  # type: ignore[call-overload, no-any-return]  # checked above

    return Kind(expected=f"a whole number of at least {minimum}", accept=accept, parse=int)


def seconds(*, above_zero: bool = False, endless: bool = False) -> Kind:
    """Return the kind of durations in seconds; *endless* ones may be ``math.inf``."""

    def accept(value: object) -> float:
        _require(holds=isinstance(value, int | float) and not isinstance(value, bool))
        number = float(value)  # type: ignore[arg-type]  # checked above
        _require(holds=number > 0 if above_zero else number >= 0)
        _require(holds=endless or number <= threading.TIMEOUT_MAX)
        return number

    bound = "more than 0" if above_zero else "0 or more"
    return Kind(expected=f"a number of seconds, {bound}", accept=accept, parse=float)


def _share(value: object) -> float:
    _require(holds=isinstance(value, int | float) and not isinstance(value, bool))
    number = float(value)  # type: ignore[arg-type]  # checked above
    _require(holds=0 <= number <= 1)
    return number


def one_of(*choices: object) -> Kind:
    """Return the kind of a value out of *choices*."""

    def accept(value: object) -> object:
        _require(holds=any(value is choice or value == choice for choice in choices))
        return value

    def parse(text: str) -> object:
        return text if text in choices else _word(text)

    return Kind(expected="one of " + ", ".join(map(repr, choices)), accept=accept, parse=parse)


def alias_of(aliases: Mapping[str, object], *choices: object) -> Kind:
    """Return the kind of a value out of *choices*, which also go by the names in *aliases*."""
    kind = one_of(*choices)

    def accept(value: object) -> object:
        return kind.accept(aliases.get(value, value) if isinstance(value, str) else value)

    return Kind(expected=kind.expected, accept=accept)


def _compression(value: object) -> str:
    _require(holds=value in _COMPRESSIONS)
    if value == "zstd":
        importlib.import_module("zstandard")
    return str(value)


_COMPRESSIONS = ("none", "identity", "gzip", "deflate", "zstd")

COMPRESSION = Kind(
    expected=f"one of {', '.join(map(repr, _COMPRESSIONS))}"
    " (the last one needs: pip install 'posthog-web[zstd]')",
    accept=_compression,
)
TEXT = Kind(expected="text", accept=_text)
PATH = Kind(expected="a path", accept=_path)
HOST = Kind(expected="an address such as 'https://eu.i.posthog.com'", accept=_host)
FLAG = Kind(expected="True or False", accept=_flag, parse=_word)
FUNCTION = Kind(expected="a function", accept=_function, parse=_import, from_text=True)
PLAIN_FUNCTION = Kind(
    expected="a function that is not asynchronous",
    accept=_plain_function,
    parse=_import,
    from_text=True,
)
FUNCTIONS = Kind(
    expected="a function or a list of functions",
    accept=_functions,
    parse=_import_all,
    from_text=True,
)
MAPPING = Kind(expected="a mapping with text keys", accept=_mapping, parse=json.loads)
TEXTS = Kind(expected="a list of texts", accept=_texts, parse=json.loads)
PATHS = Kind(
    expected="a list of paths such as '/internal', routes such as '/item/<int:number>', or regular"
    " expressions that start with '^'",
    accept=_paths,
    parse=json.loads,
)
EXCEPTIONS = Kind(
    expected="a list of exception classes, dotted names of such, or functions",
    accept=_exceptions,
    parse=json.loads,
)
PATTERNS = Kind(expected="a list of regular expressions", accept=_patterns, parse=json.loads)
STATUSES = Kind(
    expected="a collection of HTTP statuses, such as range(500, 600), or '500-599' as text",
    accept=_statuses,
    parse=_read_statuses,
)
SHARE = Kind(expected="a number from 0 to 1", accept=_share, parse=float)
PROXIES = Kind(
    expected="a number of proxies, or a list of networks such as '10.0.0.0/8'",
    accept=_proxies,
    parse=json.loads,
)
