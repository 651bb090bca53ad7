"""Secrets in messages that libraries write in a way of their own, without a name beside them.

pydantic repeats what it was given some lines below a field's name, SQLAlchemy all that a statement
was sent with, HTTP's headers have parts, and programs take a user and a password as one word.
Every expression reads a text once; what begins in it is looked for as such before.
"""

from __future__ import annotations

import re
from collections.abc import Callable

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


def mask_dialects(text: str, names_secret: Callable[[str], object], replacement: str) -> str:
    """Return *text* without the secrets in it that stand where a library puts them.

    *names_secret* tells whether a line names something that is secret.
    """
    if _INPUT in text:
        text = _mask_inputs(text, names_secret, replacement)
    if _PARAMETERS in text:
        text = _mask_parameters(text, replacement)
    lowered = text.lower()
    if "authorization:" in lowered:
        text = _AUTHORIZATION.sub(rf"\g<1>{_escaped(replacement)}", text)
    if "digest" in lowered:
        text = _DIGEST.sub(rf"\g<1>{_escaped(replacement)}", text)
    if "-u" in lowered:  # and --user
        text = _USER_ARGUMENT.sub(rf"\g<1>{_escaped(replacement)}", text)
    return text


def _escaped(replacement: str) -> str:
    return replacement.replace("\\", r"\\")


def _mask_inputs(text: str, names_secret: Callable[[str], object], replacement: str) -> str:
    """Return pydantic's errors without the values of fields that are secret by their names."""
    kept: list[str] = []
    done = 0
    start = text.find(_INPUT)
    while start >= 0:
        start += len(_INPUT)
        line_end = _or_end(text, text.find("\n", start))
        end = text.find(_AFTER_INPUT, start, line_end)
        end = line_end if end < 0 else end
        field = _line_above(text, start)
        if names_secret(field) or _CUT_RECORD.match(text, start, end):
            kept += text[done:start], replacement
            done = end
        start = text.find(_INPUT, end)
    return "".join((*kept, text[done:]))


def _line_above(text: str, place: int) -> str:
    """Return the line above the one at *place*; empty where there is none that can be a name."""
    here = text.rfind("\n", max(0, place - _MAX_LINE), place)
    if here < 0:
        return ""
    above = text.rfind("\n", max(0, here - _MAX_LINE), here)
    return text[above + 1 : here] if above >= 0 or here <= _MAX_LINE else ""


def _mask_parameters(text: str, replacement: str) -> str:
    """Return SQLAlchemy's errors without what their statements were sent with."""
    kept: list[str] = []
    done = 0
    start = text.find(_PARAMETERS)
    while start >= 0:
        start += len(_PARAMETERS)
        line_end = _or_end(text, text.find("\n", start))
        end = text.rfind("]", start, line_end)
        kept += text[done:start], replacement
        done = line_end if end < 0 else end
        start = text.find(_PARAMETERS, done)
    return "".join((*kept, text[done:]))


def _or_end(text: str, place: int) -> int:
    return len(text) if place < 0 else place
