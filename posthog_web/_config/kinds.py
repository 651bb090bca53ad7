"""Kinds of option values: what each takes from code, and how each is written as text.

A kind never guesses. ``accept`` returns the value to keep or raises ValueError; ``parse`` turns
the text of an environment variable into something ``accept`` can judge. Functions have a module of
their own, and so have lists.
"""

from __future__ import annotations

import importlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class Unfit(ValueError):  # noqa: N818 - a verdict on a value, which becomes a ConfigurationError
    """A value of the right type is not what the option takes; the text says why.

    It never quotes the value, which may be a key in the wrong place. Without a text there is
    nothing to say beyond what is expected.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an option takes.

    Attributes:
        expected: The sentence's end in "must be …".
        accept: Returns the value to keep, or raises ValueError: Unfit with the reason, if the type
            alone does not say it.
        parse: Reads the value from text, or raises ValueError in the same way.
        from_text: Whether a setting may be written as text (dotted paths to functions).
    """

    expected: str
    accept: Callable[[object], Any]
    parse: Callable[[str], object] = str
    from_text: bool = False


def require(*, holds: bool) -> None:
    """Raise ValueError unless the value is of the right type."""
    if not holds:
        raise ValueError


def demand(reason: str, *, holds: bool) -> None:
    """Raise Unfit with *reason* unless it *holds*."""
    if not holds:
        raise Unfit(reason)


def accept_each(value: object, accept: Callable[[object], T], what: str) -> tuple[T, ...]:
    """Return the items of a list, each as *accept* keeps it; Unfit tells which is no *what*."""
    require(holds=isinstance(value, Sequence) and not isinstance(value, str | bytes))
    items = []
    for position, item in enumerate(value, 1):  # type: ignore[arg-type, var-annotated]  # checked above
        try:
            items.append(accept(item))
        except Unfit as error:
            reason = f"item {position}: {error}"
            raise Unfit(reason) from None
        except Exception:  # noqa: BLE001 - items and their methods may be anybody's
            reason = f"item {position} is no {what}, but of type {type(item).__name__:.40}"
            raise Unfit(reason) from None
    return tuple(items)


def accept_text(value: object) -> str:
    """Return *value* if it is text."""
    require(holds=isinstance(value, str))
    return str(value)


def _path(value: object) -> str:
    require(holds=isinstance(value, str | os.PathLike))
    return os.fspath(value)  # type: ignore[call-overload, no-any-return]  # checked above


def _flag(value: object) -> bool:
    require(holds=isinstance(value, bool))
    return bool(value)


def _word(text: str) -> bool:
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def _host(value: object) -> str:
    host = accept_text(value).strip()
    if not host:
        return host
    begins = host.lower().startswith(("https://", "http://"))
    demand("it must begin with https:// or http://", holds=begins)
    try:
        parts = urlsplit(host)
    except ValueError:
        raise Unfit("it is no address") from None  # noqa: EM101, TRY003 - urlsplit's would quote it
    try:
        port = parts.port
    except ValueError:
        port = 0
    demand("its port must be a number from 1 to 65535", holds=port != 0)
    demand("there is no name of a host in it", holds=bool(parts.hostname))
    demand("there is a blank in it", holds=not any(map(str.isspace, host)))
    demand("it must end before any ? or #", holds=not parts.query and not parts.fragment)
    return host


def _mapping(value: object) -> Mapping[str, Any]:
    require(holds=isinstance(value, Mapping))
    mapping: dict[Any, Any] = dict(value)  # type: ignore[call-overload]  # checked above
    for position, key in enumerate(mapping, 1):
        demand(f"key {position} is no text", holds=isinstance(key, str))
    return mapping


def _read_mapping(text: str) -> object:
    return read_json(text, dict, '{"region": "eu"}')


def read_json(text: str, kind: type, example: str) -> object:
    """Return what *text* holds as JSON, which must be of *kind*; else say how it is written."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    demand(f"it is written as JSON: '{example}'", holds=isinstance(found, kind))
    return found


def whole(minimum: int) -> Kind:
    """Return the kind of whole numbers of at least *minimum*."""

    def accept(value: object) -> int:
        require(holds=isinstance(value, int) and not isinstance(value, bool) and value >= minimum)
        return int(value)  # type: ignore[call-overload, no-any-return]  # checked above

    return Kind(expected=f"a whole number of at least {minimum}", accept=accept, parse=int)


def seconds(*, above_zero: bool = False, endless: bool = False) -> Kind:
    """Return the kind of durations in seconds; *endless* ones may be ``math.inf``."""

    def accept(value: object) -> float:
        require(holds=isinstance(value, int | float) and not isinstance(value, bool))
        number = float(value)  # type: ignore[arg-type]  # checked above
        require(holds=number > 0 if above_zero else number >= 0)
        require(holds=endless or number <= threading.TIMEOUT_MAX)
        return number

    bound = "more than 0" if above_zero else "0 or more"
    return Kind(expected=f"a number of seconds, {bound}", accept=accept, parse=float)


def _share(value: object) -> float:
    require(holds=isinstance(value, int | float) and not isinstance(value, bool))
    number = float(value)  # type: ignore[arg-type]  # checked above
    require(holds=0 <= number <= 1)
    return number


def one_of(*choices: object) -> Kind:
    """Return the kind of a value out of *choices*."""

    def accept(value: object) -> object:
        if any(value is choice or value == choice for choice in choices):
            return value
        # That a text is no text from the list tells nothing by being called one.
        if any(type(value) is type(choice) for choice in choices):
            raise Unfit
        raise ValueError

    def parse(text: str) -> object:
        return text if text in choices else _word(text)

    return Kind(expected="one of " + ", ".join(map(repr, choices)), accept=accept, parse=parse)


def alias_of(aliases: Mapping[str, object], *choices: object) -> Kind:
    """Return the kind of a value out of *choices*, which also go by the names in *aliases*."""
    kind = one_of(*choices)

    def accept(value: object) -> object:
        return kind.accept(aliases.get(value, value) if isinstance(value, str) else value)

    return Kind(expected=kind.expected, accept=accept)


_COMPRESSION = one_of("none", "identity", "gzip", "deflate", "zstd")


def _compression(value: object) -> object:
    if _COMPRESSION.accept(value) == "zstd":
        try:
            importlib.import_module("zstandard")
        except ImportError:
            reason = "zstandard is not installed: pip install 'posthog-web[zstd]'"
            raise Unfit(reason) from None
    return value


COMPRESSION = Kind(expected=_COMPRESSION.expected, accept=_compression)
TEXT = Kind(expected="text", accept=accept_text)
PATH = Kind(expected="a path", accept=_path)
HOST = Kind(expected="an address such as 'https://eu.i.posthog.com'", accept=_host)
FLAG = Kind(expected="True or False", accept=_flag, parse=_word)
MAPPING = Kind(expected="a mapping with text keys", accept=_mapping, parse=_read_mapping)
SHARE = Kind(expected="a number from 0 to 1", accept=_share, parse=float)
