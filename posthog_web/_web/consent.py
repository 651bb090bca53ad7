"""Whether a request's events may be sent at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from posthog_web._config import WebOptions
from posthog_web._web.visitor import find_cookies, spell

# As posthog-js reads its own cookie.
_YES = frozenset({"1", "true", "yes", "y", "on", "granted"})
_NO = frozenset({"0", "false", "no", "n", "off", "denied"})

Header = Callable[[str], Sequence[str]]
"""Returns the values of a request's header."""


def is_opted_out(options: WebOptions, api_key: str, header: Header) -> bool:
    """Return whether a visitor's browser says that nothing shall be captured.

    A cookie of posthog-js is believed in either direction; where there is none,
    ``opt_out_by_default`` decides. The browser's own signals count where they are asked for.
    """
    if options.respect_gpc and "1" in header("sec-gpc"):
        return True
    if options.respect_dnt and "1" in header("dnt"):
        return True
    if not options.respect_opt_out_cookie:
        return False
    name = options.opt_out_cookie or f"__ph_opt_in_out_{spell(api_key)}"
    for value in find_cookies(header("cookie"), name):
        # Some servers join several headers with commas.
        word = value.lower().strip(", ")
        if word in _YES | _NO:
            return word in _NO
    return options.opt_out_by_default
