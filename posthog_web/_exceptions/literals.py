"""Texts in lines of code that are secret for where they stand: in the value of a secret's name.

The lines are cut out of a file, so this reads pieces, not grammar: it may begin in the midst of a
call, or of a text. Each piece is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from posthog_web._exceptions.redaction import REDACTED

# A text in quotes, up to its end or to where it was cut; a verbose expression.
LITERAL = r"""
    \"{3} (?: (?!\"{3}) (?: \\. | . ) )*+ (?: \"{3} )?
  | \'{3} (?: (?!\'{3}) (?: \\. | . ) )*+ (?: \'{3} )?
  | " (?: [^"\\\n] | \\. )*+ "?
  | ' (?: [^'\\\n] | \\. )*+ '?
"""
_PIECE = re.compile(
    rf"""
    (?P<skip> \#[^\n]*+ | \\\n )
  | (?P<text> (?: (?<!\w) [bBrRuUfF]{{1,2}} )?+ (?: {LITERAL} ) )
  | (?P<name> [^\W\d]\w*+ )
  | (?P<mark> [!=]= | [-+|:]?= | [][(){{}},:;.] | \n )
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTE = re.compile("[\"']")
_TRIPLES = ('"""', "'''")

Span = tuple[int, int]

# Brackets within each other. What has more is data, and no name in it is the code's.
_MOST_LEVELS = 100

# What a text may be called by: `"x-api-key"`, not a sentence.
_KEY = re.compile(r"""[bBrRuUfF]{0,2}["']([\w.$-]{1,64})["']""")

# Within a text, of a DSN or a query; what begins like these is filled in, or an example.
_GIVEN = re.compile(
    r"""[\w-]{1,60}=(?![%{<$?:=.]|(?:none|null|true|false)\b)([^\s&;,"'\\{}()<>|\[\]]+)""",
    re.IGNORECASE,
)

# A colon after these begins a block; it does not give a value to a name.
_BLOCKS = frozenset(
    {"case", "class", "def", "elif", "else", "except", "for", "if", "lambda", "while", "with"}
)
# They are asked by a name, and told what to answer if there is none.
_LOOKUPS = frozenset(
    {"config", "env", "get", "getattr", "getenv", "pop", "setattr", "setdefault", "str"}
)
# What is made by these is what they are given.
_MAKERS = frozenset(
    {
        *("b64decode", "b64encode", "bytearray", "bytes", "dict", "frozenset", "list", "set"),
        *("str", "tuple"),
    }
)
# A function that is given a secret, by its name; one that gets a secret is given where it lies.
_TAKES = re.compile(
    r"(?:change|check|compare|encode|encrypt|hash|make|put|save|set|store|test|try|update|use"
    r"|validate|verify|with)(?:_|(?=[A-Z]))|Secret|HTTP\w*Auth$",
)
_COOKIE = re.compile("cookie|csrf|session", re.IGNORECASE)


class _Level:
    """What is known between two brackets, or outside of all."""

    __slots__ = (
        *("always", "asked", "awaiting", "compares", "hides", "is_block", "is_dict", "left"),
        *("named", "otherwise"),
    )

    def __init__(
        self, opener: str, *, always: bool = False, asked: bool = False, otherwise: bool = False
    ) -> None:
        # All texts are secret; else, only those of the value that is being read.
        self.always = always
        # The first text is what is looked for. What follows is secret if that is, or *otherwise*.
        self.asked = asked
        self.otherwise = otherwise
        self.is_dict = opener == "{"
        self.reset()

    def reset(self) -> None:
        """Begin to read something new."""
        self.hides = self.always
        self.named = False
        self.compares = False
        self.is_block = False
        # The text before, and the one that is being compared with what comes.
        self.left: Span | None = None
        self.awaiting: Span | None = None


def mask_values(lines: str, names: list[Span]) -> str:
    """Return *lines* with each text replaced that belongs to a value of a secret's name.

    They are as many lines as before. *names* tells where such names are, in their order.
    """
    places = [start for start, _ in names]
    spans = set(_Reading(lines, places).spans())
    for triple in _TRIPLES:
        # The lines begin within a text, or end in one; which is not to be known.
        if lines.count(triple) % 2:
            start = lines.find(triple) + len(triple)
            spans.update(_Reading(lines, places, start).spans())
    kept: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            quote = '"' if _QUOTE.search(lines, start, end) else ""
            hidden = f"{quote}{REDACTED}{quote}"
            kept += lines[done:start], hidden, "\n" * lines.count("\n", start, end)
            done = end
    return "".join((*kept, lines[done:]))


def map_prose(change: Callable[[str], str], lines: str) -> str:
    """Return *lines* with each comment, and what each text holds, as *change* returns it."""

    def changed(piece: re.Match[str]) -> str:
        whole = piece[0]
        if piece.lastgroup == "skip":
            return change(whole)
        if piece.lastgroup != "text":
            return whole
        # What closes a text opens no other one.
        end = len(whole) - whole.endswith(('"', "'"))
        return change(whole[:end]) + whole[end:]

    return _PIECE.sub(changed, lines)


class _Reading:
    """One pass through lines of code."""

    def __init__(self, lines: str, places: list[int], start: int = 0) -> None:
        self._lines = lines
        self._places = places
        self._start = start
        self._next = 0
        self._levels = [_Level("")]
        self._found: list[Span] = []
        # The piece before, a quote for any text, and whether it is a secret's name.
        self._last = ""
        self._last_names = False

    def spans(self) -> list[Span]:
        """Return where the secret texts are."""
        for found in _PIECE.finditer(self._lines, self._start):
            kind, piece = found.lastgroup, found[0]
            if kind == "skip":
                continue
            if len(self._levels) > _MOST_LEVELS:
                break
            names = kind != "mark" and self._names_secret(found.start(), found.end())
            if kind == "text":
                self._read_text(piece, found.span(), names=names)
            elif kind == "name":
                self._read_name(piece, found.start(), names=names)
            else:
                self._read_mark(piece)
            self._last = piece if kind != "text" else '"'
            self._last_names = names
        return self._found

    def _names_secret(self, start: int, end: int) -> bool:
        """Return whether a secret's name begins in a piece; pieces are asked about in order."""
        places = self._places
        while self._next < len(places) and places[self._next] < start:
            self._next += 1
        return self._next < len(places) and places[self._next] < end

    def _read_text(self, text: str, span: Span, *, names: bool) -> None:
        level = self._levels[-1]
        if names and _KEY.fullmatch(text) is None:
            names = False
            self._find_within(*span)
        if level.asked:
            level.asked, level.always = False, names or level.otherwise
            level.reset()
            return
        if level.hides:
            self._found.append(span)
        level.named = names
        level.left = span

    def _find_within(self, start: int, end: int) -> None:
        """Find what a text itself gives to the names in it."""
        while self._names_secret(start, end):
            start = self._places[self._next]
            if given := _GIVEN.match(self._lines, start, end):
                self._found.append(given.span(1))
            start += 1

    def _read_name(self, name: str, start: int, *, names: bool) -> None:
        level = self._levels[-1]
        if name in {"and", "or"}:
            if level.compares:  # what was compared ends here
                level.reset()
        elif name in _BLOCKS:
            if not (level.hides and name in {"if", "else"}):  # a value of two
                level.reset()
                level.is_block = True
        else:
            if names and level.awaiting:
                self._found.append(level.awaiting)
            level.named = names or (level.named and self._goes_on(start))

    def _goes_on(self, start: int) -> bool:
        """Return whether the name at *start* goes on with the one before it.

        A header's name is none in code, but in a text that began before these lines.
        """
        return self._last == "." or self._lines[start - 1 : start] == "-"

    def _read_mark(self, mark: str) -> None:
        level = self._levels[-1]
        if mark in "[({":
            self._open(mark, level)
        elif mark in "])}":
            self._close(mark)
        elif mark == "\n":
            if len(self._levels) == 1:
                level.reset()
        elif mark in {",", ";"}:
            if len(self._levels) > 1 or mark == ";":
                level.reset()
        elif mark != ".":
            self._give(mark, level)

    def _give(self, mark: str, level: _Level) -> None:
        """Read what gives a value to a name, or compares it."""
        if mark == ":" and level.is_block:
            level.reset()
            return
        if mark == ":" and level.is_dict and self._found[-1:] == [level.left]:
            self._found.pop()  # a key in a secret value: it says what the value is
        is_comparison = mark in {"==", "!="}
        level.awaiting = level.left if is_comparison else None
        if level.named:
            level.hides, level.compares = True, is_comparison
        elif not is_comparison:
            # Of `password: str = "…"` the name came earlier.
            is_annotated = level.hides and mark == "=" and not level.is_dict
            level.hides = level.always or is_annotated
        level.named = False

    def _open(self, mark: str, level: _Level) -> None:
        callee = self._last
        is_call = mark == "(" and callee.isidentifier() and not _is_keyword(callee)
        if not is_call:
            is_subscript = mark == "[" and (callee.isidentifier() or callee in {"]", ")"})
            self._levels.append(_Level(mark, always=level.hides and not is_subscript))
            return
        hides = (level.hides and callee in _MAKERS) or self._is_given_a_secret(callee)
        asked = callee in _LOOKUPS and not hides
        self._levels.append(_Level(mark, always=hides, asked=asked, otherwise=level.hides))

    def _is_given_a_secret(self, callee: str) -> bool:
        """Return whether the function that is being called takes a secret, by its name."""
        is_named_so = self._last_names or callee.endswith("Auth")
        return is_named_so and _TAKES.match(callee) is not None and not _COOKIE.search(callee)

    def _close(self, mark: str) -> None:
        inner = self._levels.pop()
        if not self._levels:
            self._levels.append(_Level(""))
        if mark == "]":
            # `settings["api_key"] = …`
            self._levels[-1].named = inner.named


def _is_keyword(name: str) -> bool:
    return name in {"and", "assert", "in", "is", "not", "or", "return", "yield"} or name in _BLOCKS
