"""What is secret in a report of an exception: by its name, by its place, by how it looks.

`mask_text` is for texts people write, messages above all: it hides what is secret and leaves the
rest to be read. `mask_source` is for lines of code. A `Mask` is for the values of variables and is
stricter: there a text that only speaks of a secret is hidden as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from posthog_web._exceptions import tokens
from posthog_web._exceptions.dialects import mask_dialects
from posthog_web._exceptions.literals import LITERAL, map_prose, mask_values
from posthog_web._exceptions.redaction import REDACTED, hide_value

# A name may announce what comes after it; a sentence does not.
_MAX_NAME = 64
_LIKE_A_NAME = re.compile(rf"[\w.:-]{{1,{_MAX_NAME}}}")

# Beyond what is kept of a text, this much is looked at, so that no secret is cut in two.
MARGIN = 1024

# Text that says a name of a secret has begun. Looked for as such: an expression of all of them
# would take longer than all else here.
_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "_pass",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "api key",
    "access_key",
    "accesskey",
    "access-key",
    "private_key",
    "privatekey",
    "private-key",
    "account_key",
    "accountkey",
    "accesssignature",
    "signing_key",
    "encryption_key",
    "credential",
    "authorization",
    "cookie",
    "csrf",
    "session_id",
    "sessionid",
    "session_key",
    "jwt",
    "dsn",
    "signature",
)
# Words that are part of many others.
_SHORT_WORDS = ("auth", "pass", "pw", "sig=")
_SHORT = re.compile(r"(?<![a-z])(?:auth|pass|pw)(?![a-z])|(?<=[?&])sig(?==)")

_QUOTED = r"""\"{3}(?:(?!\"{3}).)*+(?:\"{3})?|\\*+"(?:[^"\\]|\\.)*+"?|\\*+'(?:[^'\\]|\\.)*+'?"""
# JSON within a text: its quotes are escaped, and so is what ends a value.
_ESCAPED = r"""\\+"[^"\\]*+(?:\\+")?|\\+'[^'\\]*+(?:\\+')?"""
# A quote, also as addresses and pages have it.
_QUOTE = r"""(?:\\{0,4}["'`]|%(?:25){0,3}2[27]|&(?:quot|\#x?[0-9a-f]{2});)"""
# From the end of such a word to the end of the value that goes with it. In pydantic's records the
# place of a value is told before the value, and elements of XML have attributes.
_VALUE = re.compile(
    rf"""
    ( [\w.-]{{0,40}}
      (?: {_QUOTE}? (?: [\])] | %(?:25){{0,3}}5D )? \s{{0,20}}
          (?: => | -> | [!:]?={{1,3}} | [:>\uff1a] | %(?:25){{0,3}}3[AD] | &gt; ) \s{{0,20}}
        | {_QUOTE} [^()\[\]{{}}\n]{{0,200}} [)\]] , \s? {_QUOTE} msg {_QUOTE} :
          .{{0,1000}}? {_QUOTE} input {_QUOTE} : \s?
        | {_QUOTE} , \s{{0,20}} {_QUOTE} [\w-]{{0,20}} value {_QUOTE} \s{{0,5}} : \s{{0,20}}
        | \\{{0,4}}["'] , \s{{0,20}} (?= [bru]? \\{{0,4}} ["'] )
          (?! \\{{0,4}}["'] [\w-]{{0,40}} \\{{0,4}}["'] \s{{0,5}} : )
        | \\{{0,4}}["']? \s{{1,20}} value \s{{0,5}} = \s{{0,5}}
        | \s{{1,20}} (?: (?:is|was) \s{{1,5}} )? (?=[bru]?["'])
        | (?: \s{{1,5}} [\w:.-]{{1,40}} = (?: "[^"<>]{{0,200}}" | '[^'<>]{{0,200}}' ) ){{1,5}} \s? >
      )
    )
    (?! (?:none|null|true|false) \b | ''(?!') | ""(?!") )
    (?: (?P<open> [\[({{] )
      | (?<!>) <(?!/) [^<>\n]++ >?
      | [bru]? (?: {_ESCAPED} | {_QUOTED} )
      | &(?:quot|\#x?[0-9a-f]{{2}}); [^&<>\n]++
      | (?: (?:bearer|basic|digest|token) \s{{1,5}} )? [^\s,;&'"<>)}}\]]++
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# Within brackets: texts, which may hold brackets too, and brackets. A quote elsewhere is prose.
_STRUCTURE = re.compile(
    r"""(?<=[\[({,:=\s])[bru]?(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|[\[\](){}]""", re.DOTALL
)
_OPENING = frozenset("[({")
_CLOSING = frozenset("])}")
# What is between the two, in one way or another.
_BETWEEN = re.compile(r"[\s=:>'\"%&]")
_VALUE_OF_ARGUMENT = re.compile(
    rf"([\w-]{{0,40}}\s{{1,5}})(?:{_QUOTED}|[^\s-]\S*+)", re.IGNORECASE | re.DOTALL
)
_ARGUMENT = re.compile(r"(?<![\w-])--?[\w-]{0,40}\Z")
_NAMED_LITERAL = re.compile(
    rf"""
    ( [\w.-]{{0,40}}+ ["']?+ \]?+ \s{{0,20}}+ (?: : \s{{0,5}}+ [\w.\[\]|\ ]{{1,40}}+ (?==) )?+
      (?: [!=]?= | : ) \s{{0,20}}+
    )
    [bruf]{{0,2}} (?: {LITERAL} )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# Lines of a key in a text whose first line is further up.
_LINES_OF_A_KEY = re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{48,}+={0,2}")
# A password may hold an @ or a slash that somebody forgot to escape; a port is not one.
_URL_CREDENTIALS = re.compile(
    r"""(?<=://) (?: [^\s/@:"'<>]{0,256}+ : (?! \d{1,5} (?:[/?\#\s"'] | $) ) [^\s"'<>]{0,512} @
                   | [^\s/@:?\#"'<>]{1,512}+ @ )""",
    re.VERBOSE,
)
_SIGNED = re.compile(r"""([?&]sig=)[^&\s"'<>]++""")
# The same without a scheme. An image has a digest behind its @, and no host.
_CREDENTIALS = re.compile(
    r"""(?<![\w:/.@+%$-]) (?P<user>[A-Za-z_][\w.+%-]{0,63}+) : (?!//|\d{1,5}[/?\#])
        [^\s:/?@"'<>(),;\[\]{}]{1,256}+ @ (?!sha\d+:)
        (?P<host>[\w.-]++) (?P<place>(?::\d|/)?)""",
    re.VERBOSE,
)
_CREDENTIALS_IN_CODE = re.compile(rf"(?<=[\"'(]){_CREDENTIALS.pattern}", re.VERBOSE)
_BEFORE_MAIL = frozenset(
    {
        *("acct", "address", "author", "bcc", "cc", "contact", "customer", "e-mail", "email"),
        *("from", "im", "login", "mail", "mailto", "npm", "owner", "recipient", "reply-to"),
        *("sender", "sip", "sips", "to", "user", "username", "xmpp"),
    }
)


def mask_text(text: str, limit: int = 10_000) -> str:
    """Return at most *limit* characters of *text*, without what is secret in it.

    Hidden are credentials in addresses, ``Bearer`` and ``Basic``, keys of well-known formats, and
    what follows a name such as ``password`` as its value.
    """
    text = text[: limit + MARGIN]
    text = mask_url_credentials(tokens.mask_known_formats(text))
    return _mask_named(mask_dialects(text, _find_names))[:limit]


def mask_source(lines: str) -> str:
    """Return lines of code without the secrets that are written into them as literals.

    They are as many lines as before.
    """
    lines = mask_url_credentials(tokens.mask_known_formats(lines), in_code=True)
    lines = _LINES_OF_A_KEY.sub(
        lambda found: REDACTED if tokens.looks_random(found[0]) else found[0], lines
    )
    lines = _SIGNED.sub(hide_value, lines)
    names = _find_names(lines)
    if not names:
        return lines
    return map_prose(_mask_literals, mask_values(lines, names))


def _mask_literals(text: str) -> str:
    """Return a comment, or what a text holds, without the literals beside names of secrets."""
    return _replace_named(text, lambda _, end: _NAMED_LITERAL.match(text, end), f'"{REDACTED}"')


def mask_url_credentials(text: str, *, in_code: bool = False) -> str:
    """Return *text* with ``user:password@`` hidden in each address it holds.

    Without a scheme, what is *in_code* looks like one only where a literal begins.
    """
    if "@" not in text or ":" not in text:
        return text
    if "://" in text:
        text = _URL_CREDENTIALS.sub(f"{REDACTED}@", text)
    return (_CREDENTIALS_IN_CODE if in_code else _CREDENTIALS).sub(_hide_credentials, text)


def _hide_credentials(found: re.Match[str]) -> str:
    # `mailto:bob@example.org` has no password; `user:bob@db:5432/shop` has one.
    is_mail = not found["place"] and found["user"].lower() in _BEFORE_MAIL
    return found[0] if is_mail else f"{REDACTED}@{found['host']}{found['place']}"


def _mask_named(text: str) -> str:
    """Return *text* with the values hidden that stand beside names of secrets."""
    if not _BETWEEN.search(text):
        return text

    def find_value(start: int, end: int) -> re.Match[str] | None:
        if "-" in text and _ARGUMENT.search(text, max(0, start - _MAX_NAME), start):
            found = _VALUE_OF_ARGUMENT.match(text, end)
            if found is not None:
                return found
        return _VALUE.match(text, end)

    return _replace_named(text, find_value, REDACTED)


def _replace_named(
    text: str, find_value: Callable[[int, int], re.Match[str] | None], replacement: str
) -> str:
    """Return *text* with what *find_value* finds after each name of a secret replaced."""
    kept: list[str] = []
    done = 0
    for start, after in _find_names(text):
        if start >= done and (found := find_value(start, after)) is not None:
            end = found.end() if found.lastgroup != "open" else _closed(text, found.end())
            hidden = text[found.end(1) : end]
            kept += text[done : found.end(1)], replacement, "\n" * hidden.count("\n")
            done = end
    return "".join((*kept, text[done:])) if kept else text


def _closed(text: str, place: int) -> int:
    """Return where the bracket is closed that opens before *place*; the end of *text* if none."""
    depth = 1
    for found in _STRUCTURE.finditer(text, place):
        if found[0] in _OPENING:
            depth += 1
        elif found[0] in _CLOSING:
            depth -= 1
            if depth == 0:
                return found.end()
    return len(text)


def _find_names(text: str) -> list[tuple[int, int]]:
    """Return where in *text* names of secrets begin, and where the word ends that says so."""
    # The one letter that becomes two when it is lowered: places would be no longer the same.
    lowered = text.replace("\u0130", "I").lower()
    places: list[tuple[int, int]] = []
    for word in _WORDS:
        start = lowered.find(word)
        while start >= 0:
            if not lowered.startswith("unexpected ", max(0, start - 11)):
                places.append((start, start + len(word)))
            start = lowered.find(word, start + len(word))
    if any(word in lowered for word in _SHORT_WORDS):
        places.extend(found.span() for found in _SHORT.finditer(lowered))
    places.sort()
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What a client's options make of names and values of variables.

    Attributes:
        names_secret: Whether a name, or a word in a text, says that something is secret.
        leaves_out: Whether a variable's name says that nobody wants to see it.
        url_credentials: Whether credentials in addresses are hidden.
        detect: Whether keys and tokens are hidden that nothing names so.
    """

    names_secret: Callable[[str], bool]
    leaves_out: Callable[[str], bool]
    url_credentials: bool
    detect: bool

    def announces_secret(self, text: str) -> bool:
        """Return whether *text* is a name, of a header say, whose value is secret."""
        return _LIKE_A_NAME.fullmatch(text) is not None and self.names_secret(text)

    def hide(self, text: str) -> str:
        """Return *text* without what is secret in it; nothing of it if it speaks of secrets.

        The caller bounds its length: the client's own expressions run on it.
        """
        return REDACTED if self.names_secret(text) else self.hide_parts(text)

    def hide_parts(self, text: str) -> str:
        """Return *text* without what is secret in it, whatever it speaks of."""
        if self.detect and tokens.is_card_number(text):
            return REDACTED
        if len(text) < tokens.MIN_RANDOM and text.isalnum():
            return text
        if self.detect and tokens.looks_random(text):
            return REDACTED
        if self.url_credentials:
            text = mask_url_credentials(text)
        if self.detect:
            text = tokens.mask_random_words(tokens.mask_known_formats(text))
        return _mask_named(mask_dialects(text, self.names_secret))


def compile_patterns(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a function that says whether one of *patterns* is found in a text, in either case.

    Most are plain words; these are searched for as such, which is twenty times as fast.
    """
    words = tuple(pattern.lower() for pattern in patterns if re.escape(pattern) == pattern)
    others = [pattern for pattern in patterns if re.escape(pattern) != pattern]
    compiled = tuple(re.compile(pattern, re.IGNORECASE) for pattern in others)

    def is_found(text: str) -> bool:
        lowered = text.lower()
        for word in words:  # not any(): a generator takes as long again
            if word in lowered:
                return True
        return any(pattern.search(text) for pattern in compiled)

    return is_found
