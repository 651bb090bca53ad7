"""Keys and tokens that are known by how they look: by their issuer's format, or by their disorder.

Every expression reads a text once, whatever it holds: what repeats is possessive or bounded, and a
match starts only where a word starts.
"""

from __future__ import annotations

import re
from collections import Counter
from math import log2

from posthog_web._exceptions.redaction import REDACTED

# Shorter words have no disorder worth the name.
MIN_RANDOM = 16
_MIN_RANDOM_WITHIN = 20
_MIN_CLASSES = 3
_MIN_ENTROPY = 3.8
# A short word has less in any case: one of sixteen characters four bits each, if none comes twice.
_SHARE_OF_MOST = 0.76
_MIN_ENTROPY_OF_PATH = 4.3

_LONG_WORD = re.compile(rf"[A-Za-z0-9+/_=.-]{{{_MIN_RANDOM_WITHIN},}}+")
_UNLIKE_A_TOKEN = re.compile(r"[\s()\[\]{}<>'\"`,;]")
_INNOCENT = re.compile(
    r"""
    (?: [a-z][a-z0-9+.-]*:// .*                        # an address; its credentials have a rule
      | (?:\.{0,2}|~|[A-Za-z]:)[/\\] .*                # a path
      | [^/]*/.*\.[A-Za-z0-9]{1,5}                     # a path without a root, to a file
      | [\w.-]+\.[A-Za-z]{1,5}                         # a file, a host
      | [A-Za-z_]+(?:[.:-][A-Za-z_]+)*+                # names, dotted
      | [0-9a-fA-F]+                                   # a digest, an id
      | [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}
      | \d{4}-\d\d-\d\d[T ][\d:.,+Z-]*                 # a moment
    )""",
    re.VERBOSE | re.DOTALL,
)
_CLASSES = tuple(map(re.compile, ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")))


# Visa and Mastercard, American Express and Diners, Discover, UnionPay and Maestro. Moments and ids
# in milliseconds begin with a 1.
_CARD = re.compile(r"[2-6][0-9]{2,}+(?:[ -][0-9]{2,6}){0,4}+", re.ASCII)
_MAX_CARD = 24
_MIN_DIGITS, _MAX_DIGITS = 13, 19


def _format(marker: str, pattern: str) -> tuple[str, re.Pattern[str]]:
    return marker, re.compile(rf"(?<![A-Za-z0-9]){pattern}")


# What a text must hold for the expression beside it to be worth a look.
_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # To the end of the text where the key's own end was cut off.
    (
        "-----BEGIN",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
            r"(?:(?!-----END).)*+(?:-----END[A-Z0-9 ]{0,60}-----)?",
            re.DOTALL,
        ),
    ),
    ("eyJ", re.compile(r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]{6,}+(?:\.[\w-]*+){0,3}")),  # JWT, JWE
    _format("AKIA", r"AKIA[A-Z0-9]{16}"),  # AWS
    _format("ASIA", r"ASIA[A-Z0-9]{16}"),
    _format("gh", r"gh[pousr]_[A-Za-z0-9]{20,}+"),  # GitHub
    _format("github_pat_", r"github_pat_\w{20,}+"),
    _format("glpat-", r"glpat-[\w-]{16,}+"),  # GitLab
    _format("_live_", r"(?:[sr]k|pk)_live_\w{8,}+"),  # Stripe
    _format("_test_", r"(?:[sr]k|pk)_test_\w{8,}+"),
    _format("whsec_", r"whsec_[\w+/=]{8,}+"),
    _format("xox", r"xox[a-z]-[\w-]{8,}+"),  # Slack
    _format("xapp-", r"xapp-[\w-]{8,}+"),
    ("hooks.slack.com", re.compile(r"(?<=hooks\.slack\.com/)[\w/]{8,}+")),
    _format("AIza", r"AIza[\w-]{30,}+"),  # Google
    _format("ya29.", r"ya29\.[\w.-]{16,}+"),
    _format("GOCSPX-", r"GOCSPX-[\w-]{16,}+"),
    ("sk-", re.compile(r"(?<![\w-])sk-[\w-]{20,}+")),  # OpenAI, Anthropic
    _format("SG.", r"SG\.[\w-]{16,}+\.[\w-]{16,}+"),  # SendGrid
    _format("SK", r"SK[0-9a-f]{32}(?![\w-])"),  # Twilio
    _format("key-", r"key-[0-9a-f]{32}(?![\w-])"),  # Mailgun
    _format("npm_", r"npm_[A-Za-z0-9]{30,}+"),
    _format("pypi-", r"pypi-[\w-]{16,}+"),
    _format("hf_", r"hf_[A-Za-z0-9]{20,}+"),  # Hugging Face
    _format("ph", r"ph[xs]_[A-Za-z0-9]{8,}+"),  # PostHog; phc_ is public
    _format("shp", r"shp(?:at|ca|pa|ss)_[A-Za-z0-9]{16,}+"),  # Shopify
    _format("sq0", r"sq0[a-z]{3}-[\w-]{16,}+"),  # Square
    _format("_v1_", r"do[opr]_v1_[0-9a-f]{32,}+"),  # DigitalOcean
    _format("dapi", r"dapi[0-9a-f]{32}(?![\w-])"),  # Databricks
    _format("hvs.", r"hvs\.[\w-]{16,}+"),  # Vault
    _format("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-[A-Z0-9]{16,}+"),
    (":AA", re.compile(r"(?<!\w)\d{8,10}:AA[\w-]{30,}+")),  # Telegram
    # Hashes of passwords.
    ("$2", re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{20,}+")),
    ("argon2", re.compile(r"(?:argon2)?\$argon2[a-z]{1,2}\$[\w$=,+/.-]{16,}+")),
    ("pbkdf2_", re.compile(r"pbkdf2_\w{4,10}\$[\w$=+/.-]{16,}+")),
)


def mask_known_formats(text: str) -> str:
    """Return *text* with what has the format of a well-known key replaced, in as many lines."""
    for marker, pattern in _FORMATS:
        if marker in text:
            text = pattern.sub(lambda key: REDACTED + "\n" * key[0].count("\n"), text)
    return text


def mask_random_words(text: str) -> str:
    """Return *text* with the long words replaced that look as if they were drawn at random."""
    if len(text) < _MIN_RANDOM_WITHIN:
        return text
    return _LONG_WORD.sub(lambda word: _unless_random(word[0]), text)


def _unless_random(word: str) -> str:
    # A word within a text has to look worse than one that stands alone: prose holds many.
    if len(word) < _MIN_RANDOM_WITHIN or not all(kind.search(word) for kind in _CLASSES[:3]):
        return word
    parts = word.split("/")
    is_path = len(parts) > 1 and "+" not in word and "=" not in word
    if looks_random(word.rstrip(".")) and (not is_path or _entropy(word) >= _MIN_ENTROPY_OF_PATH):
        return REDACTED
    if len(parts) == 1:
        return word
    return "/".join(_unless_random(part) for part in parts)


def looks_random(word: str) -> bool:
    """Return whether *word* looks like a key or a token (protocol §3.4): long, mixed, disordered.

    Paths, addresses, ids and names do not.
    """
    if len(word) < MIN_RANDOM or _UNLIKE_A_TOKEN.search(word):
        return False
    if sum(kind.search(word) is not None for kind in _CLASSES) < _MIN_CLASSES:
        return False
    enough = min(_MIN_ENTROPY, _SHARE_OF_MOST * log2(len(word)))
    return not _INNOCENT.fullmatch(word) and _entropy(word) >= enough


def is_card_number(text: str) -> bool:
    """Return whether *text* is the number of a payment card and nothing else.

    That is 13 to 19 digits, perhaps in groups, as issuers give them out, with a check digit (Luhn).
    One in twenty numbers of that length is taken for one.
    """
    if len(text) > _MAX_CARD or not _CARD.fullmatch(text):
        return False
    digits = [int(digit) for digit in text if digit.isdigit()]
    if not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _entropy(word: str) -> float:
    """Return the bits that each character of *word* tells, as Shannon counts them."""
    length = len(word)
    return -sum(count / length * log2(count / length) for count in Counter(word).values())
