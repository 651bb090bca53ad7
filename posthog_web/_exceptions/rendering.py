"""Values as text: of one variable, as JSON where it has parts, masked, within its room."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from posthog_web._exceptions import dissection
from posthog_web._exceptions.budget import Limits, Stopwatch
from posthog_web._exceptions.dissection import Items, Members, Tag, TooLargeError
from posthog_web._exceptions.masking import Mask
from posthog_web._exceptions.origins import Origins
from posthog_web._exceptions.redaction import REDACTED
from posthog_web._serialization import dumps

TOO_LONG = "$$_posthog_value_too_long_$$"
CIRCULAR = "<circular ref>"
CUT = "..."

# Characters that a number is counted as.
_NUMBER = 8

# A request by another name: its headers, cookies and query are nobody's business either.
_REQUESTS = (
    (frozenset({"REQUEST_METHOD", "SERVER_NAME"}), "<WSGI environ>"),
    (frozenset({"type", "path", "headers"}), "<ASGI scope>"),
)

# Names under which a record keeps a name, and those under which it keeps what goes with it.
_NAMING = (
    *("name", "key", "field", "header", "id", "type"),
    *("label", "loc", "param", "parameter", "setting"),
)
_LONGEST_NAMING = max(map(len, _NAMING))
_NAMED = frozenset(
    {
        *("value", "values", "val", "content", "default", "raw", "data", "text", "input"),
        *("current", "new", "old", "previous", "original", "initial", "given", "actual"),
        *("expected", "before", "after", "from", "to"),
    }
)

# Between a name and what goes with it.
_OPERATORS = frozenset({"=", "==", "!=", ":", ":=", "=>", "->", "is", "eq", "exact", "like"})

# What programs take a user and a password by, as one word.
_USER_ARGUMENTS = frozenset({"-u", "-U", "--user", "--proxy-user"})
_USER_AND_PASSWORD = re.compile(r"(?!\d+:\d+\Z)[^\s:/]{1,64}:\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What all readers of a client have in common."""

    mask: Mask
    origins: Origins
    limits: Limits


class Rendering:
    """One value on its way to text."""

    __slots__ = ("_keys", "_known", "_names", "_nodes", "_path", "_room", "_rules", "_watch")

    def __init__(
        self,
        rules: Rules,
        names: frozenset[str],
        known: dict[str, bool],
        watch: Stopwatch,
        room: int,
    ) -> None:
        """Read by *rules*, with *names* that are secret, too, and names *known* from before."""
        self._rules = rules
        self._known = known
        self._names = names
        self._watch = watch
        self._room = room
        self._nodes = rules.limits.nodes
        self._path: set[int] = set()
        self._keys = 0

    def tell(self, name: str, value: object) -> int | float | str:
        """Return what *value*, the variable *name*, becomes."""
        room = self._room
        told = self._member(name, value, 0)
        if type(told) is int or (type(told) is float and math.isfinite(told)):
            return told
        text = told if type(told) is str else _written(told)
        return text if len(text) <= room else f"{text[: max(room - len(CUT), 0)]}{CUT}"

    def _member(self, name: str, value: object, depth: int) -> object:
        """Return what *value* becomes where it is known as *name*."""
        is_marked = name in self._names or name.rpartition(".")[2] in self._names
        if is_marked or (_is_telling(value) and self._is_secret(name)):
            return self._said(REDACTED)
        return self._tree(value, depth)

    def _is_secret(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._rules.mask.names_secret(name)
        return known

    def _tree(self, value: object, depth: int) -> object:
        """Return *value* as lists, dicts and what JSON has beside them."""
        self._nodes -= 1
        if self._nodes < 0 or depth > self._rules.limits.depth or self._is_spent():
            return TOO_LONG
        try:
            part = dissection.read(value, self._rules.origins)
        except TooLargeError:
            part = Tag(TOO_LONG)
        except Exception:  # noqa: BLE001 - another thread may be changing it
            part = Tag(f"<unreadable {dissection.class_name(type(value))}>")
        if isinstance(part, Items | Members):
            return self._branch(value, part, depth + 1)
        if isinstance(part, Tag):
            return self._said(part.text)
        if isinstance(part, str):
            return self._said(self._text(value, part))
        if type(part) is int and self._rules.mask.hide_parts(str(part)) == REDACTED:
            return self._said(REDACTED)  # a card's number
        self._room -= _NUMBER
        return part

    def _text(self, value: object, text: str) -> str:
        kind = type(value)
        # Text of a class of its own, one named Password say.
        if kind is not str and self._announces(dissection.class_name(kind)):
            return REDACTED
        hide = self._rules.mask.hide
        if "\0" in text and hide(plain := text.replace("\0", "")) != plain:  # wide characters
            return REDACTED
        return hide(text)

    def _branch(self, value: object, part: Items | Members, depth: int) -> object:
        if id(value) in self._path:
            return self._said(CIRCULAR)
        self._path.add(id(value))
        try:
            return (
                self._pairs(part, depth) if isinstance(part, Members) else self._items(part, depth)
            )
        finally:
            self._path.discard(id(value))

    def _items(self, part: Items, depth: int) -> list[object]:
        told: list[object] = []
        announced = False
        last = ""
        for item in part.items:
            if self._nodes <= 0 or self._is_spent():
                told.append(TOO_LONG)
                break
            name = _as_name(item)
            # ["--password", "hunter2"], ("authorization", "…"): the first announces the second.
            is_hidden = (announced and _is_telling(item)) or (
                last in _USER_ARGUMENTS and _USER_AND_PASSWORD.match(name) is not None
            )
            if announced and name in _OPERATORS:
                told.append(self._said(name))
                continue
            told.append(self._said(REDACTED) if is_hidden else self._tree(item, depth))
            announced = not announced and self._announces(item)
            last = name
        return told

    def _pairs(self, part: Members, depth: int) -> dict[str, object] | str:
        if (what := _request_of(part)) is not None:
            return self._said(what)
        told: dict[str, object] = {} if part.kind is None else {"__class__": part.kind}
        hidden = _NAMED if self._names_a_secret(part) else ()
        for key, item in part.pairs:
            if self._nodes <= 0 or self._is_spent():
                told[CUT] = TOO_LONG
                break
            name = _as_name(key)
            shown = self._key(key, name, depth)
            # What is no text shows as one, an Enum's member or a tuple, and that names the rest.
            name = name or shown
            goes_along = name.lstrip("_").lower() in hidden
            is_hidden = goes_along or (REDACTED in shown and _is_telling(item))
            told[shown] = self._said(REDACTED) if is_hidden else self._member(name, item, depth)
        return told

    def _names_a_secret(self, part: Members) -> bool:
        """Return whether this is a record such as ``{"name": "password", "value": "hunter2"}``.

        An object of a class ``Secret`` is one, too.
        """
        if part.kind and self._announces(part.kind.rpartition(".")[2]):
            return True
        return any(
            type(key) is str
            and len(key) <= _LONGEST_NAMING
            and key.lower() in _NAMING
            and any(map(self._announces, _path(item)))
            for key, item in part.pairs
        )

    def _announces(self, item: object) -> bool:
        name = _as_name(item)
        return bool(name) and (name in self._names or self._rules.mask.announces_secret(name))

    def _key(self, key: object, name: str, depth: int) -> str:
        """Return the key of a dict as text; one that is a secret itself is only counted."""
        if not name:
            read = self._tree(key, depth)
            return read if type(read) is str else _written(read)
        # A name may speak of secrets: that is what names are for.
        if len(name) < dissection.MAX_TEXT and self._rules.mask.hide_parts(name) == name:
            return self._said(name)
        self._keys += 1
        return self._said(f"$$_posthog_redacted_key_{self._keys}_$$")

    def _said(self, text: str) -> str:
        self._room -= len(text) + 4
        return text

    def _is_spent(self) -> bool:
        # Reading the clock costs as much as reading a value.
        return self._room <= 0 or (self._nodes % 8 == 0 and self._watch.is_over())


def _request_of(part: Members) -> str | None:
    """Return what stands for a request that is known by the names it has; None for all else."""
    names = {key for key, _ in part.pairs if type(key) is str}
    return next((what for wanted, what in _REQUESTS if wanted <= names), None)


def _is_telling(value: object) -> bool:
    """Return whether a secret's value tells anything.

    That it is missing is no secret, and often the whole story.
    """
    return value is not None and type(value) is not bool


def _path(naming: object) -> Iterable[object]:
    """Return the names in what a record keeps a name in: pydantic's is a way to a field."""
    return naming[: dissection.MAX_MEMBERS] if type(naming) in {tuple, list} else (naming,)  # type: ignore[index]


def _as_name(key: object) -> str:
    """Return a key as the name it may be; empty if it is none."""
    if issubclass(type(key), str):
        return str.__getitem__(key, slice(dissection.MAX_TEXT))  # type: ignore[index]
    if type(key) is bytes:
        return key[: dissection.MAX_TEXT].decode("utf-8", "replace")
    return ""


def _written(told: object) -> str:
    return str(told) if told is None or type(told) in {bool, float} else dumps(told).decode()
