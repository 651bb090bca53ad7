"""Secrets in messages that libraries write in a way of their own, without a name beside them.

pydantic repeats what it was given some lines below a field's name, SQLAlchemy all that a statement
was sent with, HTTP's headers have parts, and programs take a user and a password as one word.
Every expression reads a text once; what begins in it is looked for as such before.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from posthog_web._exceptions.redaction import REDACTED, hide_value

# A line above that is longer is no field's name.
_MAX_LINE = 500

_INPUT = "input_value="
_AFTER_INPUT = ", input_type="
_PARAMETERS = "[parameters: "

# A field's value that was cut in its middle: names in it are cut too.
_CUT_RECORD = re.compile(r"(?:[\[{(]|\w+\().*\.\.\.", re.DOTALL)

_AUTHORIZATION = re.compile(
    r"""( authorization: \s{0,5} )
        (?! (?:none|null|true|false) \b | ["'\[({<] )
        (?: [\w-]{1,40} [ ]{1,3} (?=[^\s,;&'"<>)}\]]) )?+
        (?: [\w-]{1,40} = (?: "[^"\r\n]*+"? | [^\s,"']++ )
            (?: , \s{0,3} [\w-]{1,40} = (?: "[^"\r\n]*+"? | [^\s,"']++ ) )*+
          | [^\s,;&'"<>)}\]]++ )""",
    re.VERBOSE | re.IGNORECASE,
)
_DIGEST = re.compile(r"""((?<!\w)(?:response|cnonce)\s?=\s?["']?)[^\s"',]++""", re.IGNORECASE)
# curl and its kin; of docker's option of that name the numbers are an owner's.
_USER_ARGUMENT = re.compile(
    r"""( (?<![\w-]) (?: -u | -U | --user | --proxy-user ) ["']? (?: ,?[ ]{1,3} | = ) ["']? )
        (?! \d+ : \d+ (?!\S) ) [^\s:/'"]{1,64} : [^\s'"]++""",
    re.VERBOSE,
)
_BEARER = re.compile(
    r"""( (?<!\w) bearer \s{1,5} )
        (?! (?:token|auth|realm|scheme|error|header|credential|access|format|is|was|not|and|or)\w*+
            (?!\S) )
        [\w.~+/=:$-]{4,}+""",
    re.VERBOSE | re.IGNORECASE,
)
_BASIC = re.compile(r"((?<!\w)[Bb]asic\s{1,5})(?=[a-z]{0,40}[A-Z0-9+/=])[\w+/=-]{6,}+")
# A cookie header holds many, and only the end of the line ends it.
_COOKIES = re.compile(r"(\bcookie:[ ]{0,5})[^\r\n]++", re.IGNORECASE)

# What a text must hold, in lower case, for the expression beside it to be worth a look.
_MARKED = (
    ("authorization:", _AUTHORIZATION),
    ("digest", _DIGEST),
    ("-u", _USER_ARGUMENT),  # and --user
    ("bearer", _BEARER),
    ("basic", _BASIC),
    ("cookie:", _COOKIES),
)


def mask_dialects(text: str, names_secret: Callable[[str], object]) -> str:
    """Return *text* without the secrets in it that stand where a library puts them.

    *names_secret* tells whether a line names something that is secret.
    """
    if _INPUT in text:
        text = _mask_inputs(text, names_secret)
    if _PARAMETERS in text:
        text = _mask_parameters(text)
    lowered = text.lower()
    for marker, pattern in _MARKED:
        if marker in lowered:
            text = pattern.sub(hide_value, text)
    return text


def _mask_inputs(text: str, names_secret: Callable[[str], object]) -> str:
    """Return pydantic's errors without the values of fields that are secret by their names."""

    def find_end(start: int, line_end: int) -> int:
        return text.find(_AFTER_INPUT, start, line_end)

    def is_secret(start: int, end: int) -> bool:
        return bool(names_secret(_line_above(text, start)) or _CUT_RECORD.match(text, start, end))

    return _mask_after(_INPUT, text, find_end, is_secret)


def _line_above(text: str, place: int) -> str:
    """Return the line above the one at *place*; empty where there is none that can be a name."""
    here = text.rfind("\n", max(0, place - _MAX_LINE), place)
    if here < 0:
        return ""
    above = text.rfind("\n", max(0, here - _MAX_LINE), here)
    return text[above + 1 : here] if above >= 0 or here <= _MAX_LINE else ""


def _mask_parameters(text: str) -> str:
    """Return SQLAlchemy's errors without what their statements were sent with."""

    def find_end(start: int, line_end: int) -> int:
        return text.rfind("]", start, line_end)

    return _mask_after(_PARAMETERS, text, find_end, lambda _start, _end: True)


def _mask_after(
    marker: str,
    text: str,
    find_end: Callable[[int, int], int],
    is_secret: Callable[[int, int], bool],
) -> str:
    """Return *text* without each secret value that stands after *marker*, up to its line's end.

    *find_end* tells where in a line the value ends, below 0 if nothing ends it.
    """
    kept: list[str] = []
    done = 0
    start = text.find(marker)
    while start >= 0:
        start += len(marker)
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        end = find_end(start, line_end)
        end = line_end if end < 0 else end
        if is_secret(start, end):
            kept += text[done:start], REDACTED
            done = end
        start = text.find(marker, end)
    return "".join((*kept, text[done:]))
